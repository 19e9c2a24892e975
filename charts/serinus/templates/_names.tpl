{{- define "serinus.selector" -}}
app.kubernetes.io/name: serinus
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "serinus.labels" -}}
{{ include "serinus.selector" . }}
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

{{- /* The Lease by which those who act on the same ModelDeployments agree on one of them. */ -}}
{{- define "serinus.lease.name" -}}
serinus{{ if ne .Values.class "default" }}-{{ .Values.class }}{{ end }}
{{- end }}
{{- define "serinus.lease.namespace" -}}
{{ ternary .Values.leaseNamespace .Release.Namespace (eq .Values.scope "Cluster") }}
{{- end }}
