{{- define "serinus.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 58 | trimSuffix "-" }}
{{- end }}

{{- /* Name of everything in a namespace. As a subchart, the chart has the name of its alias. */ -}}
{{- define "serinus.fullname" -}}
{{- $name := include "serinus.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{ .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Name of what is shared with other namespaces. */ -}}
{{- define "serinus.sharedname" -}}
{{ .Release.Namespace }}-{{ include "serinus.fullname" . }}
{{- end }}

{{- define "serinus.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "serinus.fullname" .) }}
{{- else -}}
{{ required "serviceAccount.name is required if serviceAccount.create is false: name the ServiceAccount to use" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "serinus.image" -}}
{{- with (.Values.global).imageRegistry }}{{ . }}/{{ end -}}
{{ required "image.repository is required: build the image from the Dockerfile, push it, and name it here" .Values.image.repository }}
{{- with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "serinus.selector" -}}
app.kubernetes.io/name: {{ include "serinus.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "serinus.labels" -}}
{{ include "serinus.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Labels of the pod of `helm test`: not those of the operator's pods. */ -}}
{{- define "serinus.test" -}}
app.kubernetes.io/name: {{ include "serinus.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The web page: its name, and the labels of its pods, which are not those of the operator's. */ -}}
{{- define "serinus.page.name" -}}
{{ include "serinus.fullname" . | trunc 58 | trimSuffix "-" }}-page
{{- end }}
{{- define "serinus.page" -}}
app.kubernetes.io/name: {{ include "serinus.name" . }}-page
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "serinus.page.labels" -}}
{{ include "serinus.page" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Files that hold what is secret about Prometheus: a list of {name, secret, key}; the header
       of those that are the value of one. */ -}}
{{- define "serinus.files" -}}
{{- with .Values.prometheus -}}
{{- if .caSecret.name }}
- {name: ca, secret: {{ .caSecret.name | quote }}, key: {{ .caSecret.key | quote }}}
{{- end }}
{{- if .bearerTokenSecret.name }}
- {name: token, secret: {{ .bearerTokenSecret.name | quote }}, key: {{ .bearerTokenSecret.key | quote }}}
{{- end }}
{{- with .basicAuthSecret }}{{ if .name }}
- {name: username, secret: {{ .name | quote }}, key: {{ .usernameKey | quote }}}
- {name: password, secret: {{ .name | quote }}, key: {{ .passwordKey | quote }}}
{{- end }}{{ end }}
{{- range $index, $header := .headers }}
{{- with $header.secret }}
- {name: header-{{ $index }}, secret: {{ .name | quote }}, key: {{ .key | quote }}, header: {{ $header.name | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Not empty if a registry may send webhooks. */ -}}
{{- define "serinus.webhooks" -}}
{{- range .Values.registries }}{{ if .webhook }}yes{{ end }}{{ end -}}
{{- end }}

{{- /* The Lease by which those who act on the same ModelDeployments agree on one of them. */ -}}
{{- define "serinus.lease.name" -}}
serinus{{ if ne .Values.class "default" }}-{{ .Values.class }}{{ end }}
{{- end }}
{{- define "serinus.lease.namespace" -}}
{{ ternary .Values.leaseNamespace .Release.Namespace (eq .Values.scope "Cluster") }}
{{- end }}
