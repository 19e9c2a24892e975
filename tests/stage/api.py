"""The API server, reached by one `kubectl proxy`: whatever way to log in the kubeconfig names."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final, Self

Manifest = dict[str, Any]

_TIMEOUT: Final = 30.0
_PLURALS: Final = {
    "ConfigMap": "configmaps",
    "ControllerRevision": "controllerrevisions",
    "Deployment": "deployments",
    "EnvoyProxy": "envoyproxies",
    "Event": "events",
    "Gateway": "gateways",
    "GatewayClass": "gatewayclasses",
    "HTTPRoute": "httproutes",
    "Job": "jobs",
    "ModelDeployment": "modeldeployments",
    "Namespace": "namespaces",
    "Pod": "pods",
    "ReplicaSet": "replicasets",
    "RoleBinding": "rolebindings",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}
_GROUPS: Final = {
    "ControllerRevision": "apps/v1",
    "Deployment": "apps/v1",
    "EnvoyProxy": "gateway.envoyproxy.io/v1alpha1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Job": "batch/v1",
    "ModelDeployment": "serinus.dev/v1alpha1",
    "ReplicaSet": "apps/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
}


class ApiError(Exception):
    """The API server's answer to a request that it did not grant."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Api:
    """Objects by kind, namespace and name; a context that ends its proxy."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self.kubectl = kubectl
        self.kubeconfig = kubeconfig
        command = [str(kubectl), f"--kubeconfig={kubeconfig}", "proxy", "--port=0"]
        self._proxy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._proxy.stdout is not None
        started = self._proxy.stdout.readline()
        if not started.startswith("Starting to serve on "):
            raise RuntimeError(f"kubectl proxy said {started!r}")
        self._url = f"http://{started.split()[-1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.terminate()
        self._proxy.wait()

    def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """One object; ApiError with code 404 if there is none."""
        return self._json("GET", _path(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object, or None."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self, kind: str, namespace: str, labels: Mapping[str, str] | None = None
    ) -> Sequence[Manifest]:
        """All objects of a namespace that carry these labels; of all namespaces if it is empty."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        query = {"labelSelector": selector} if selector else {}
        found = self._json("GET", _path(kind, namespace), query)["items"]
        return [{"kind": kind, **item} for item in found]

    def apply(self, manifest: Manifest) -> Manifest:
        """Apply on the server, as a user of the name `stage`."""
        metadata = manifest["metadata"]
        path = _path(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": "stage", "force": "true", "fieldValidation": "Strict"}
        return self._json("PATCH", path, query, manifest, "application/apply-patch+yaml")

    def merge(self, kind: str, namespace: str, name: str, patch: Manifest, sub: str = "") -> None:
        """Change some fields, as `kubectl patch --type merge` does; `sub` may be /scale."""
        path = _path(kind, namespace, name) + sub
        self._json("PATCH", path, {}, patch, "application/merge-patch+json")

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Begin to delete; nothing if there is no such object."""
        try:
            self._json("DELETE", _path(kind, namespace, name))
        except ApiError as error:
            if error.code != 404:
                raise

    def log(self, namespace: str, pod: str, *, follow: bool = True) -> Iterator[str]:
        """The lines of a pod's log, up to now or as they come until its container ends."""
        path = f"{_path('Pod', namespace, pod)}/log"
        query = {"follow": "true"} if follow else {}
        with self._open("GET", path, query, timeout=None if follow else _TIMEOUT) as answer:
            for line in answer:
                yield line.decode()

    def watch(self, kind: str, namespace: str, name: str) -> Iterator[Manifest]:
        """Each state of one object from now on, as the API server tells it, without an end."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}"}
        with self._open("GET", _path(kind, namespace), query, timeout=None) as answer:
            for line in answer:
                yield json.loads(line)["object"]

    def service(self, namespace: str, name: str, port: int) -> str:
        """The URL of a Service, through the API server, for as long as this context is open."""
        return f"{self._url}/{_path('Service', namespace, f'{name}:{port}')}/proxy"

    def run(self, *words: str) -> str:
        """What a kubectl command prints; RuntimeError, with its stderr, if it fails."""
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", *words]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        if ended.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(words)}: {ended.stderr.strip()}")
        return ended.stdout

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content: str = "application/json",
    ) -> Manifest:
        with self._open(method, path, query or {}, body, content) as answer:
            parsed: Manifest = json.load(answer)
            return parsed

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Manifest | None = None,
        content: str = "application/json",
        timeout: float | None = _TIMEOUT,
    ) -> HTTPResponse:
        url = f"{self._url}/{path}?{urllib.parse.urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": content}, method=method)
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            raise _error(error) from None
        return answer


def _path(kind: str, namespace: str, name: str = "") -> str:
    group = _GROUPS.get(kind)
    root = f"apis/{group}" if group else "api/v1"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{where}/{_PLURALS[kind]}" + (f"/{name}" if name else "")


def _error(error: urllib.error.HTTPError) -> ApiError:
    text = error.read().decode(errors="replace")
    try:
        return ApiError(error.code, str(json.loads(text)["message"]))
    except (ValueError, KeyError):
        return ApiError(error.code, text[:500])
