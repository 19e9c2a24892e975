"""What the API server adds to objects of its own kinds, as far as children of ours have them."""

from typing import Any, Final

Manifest = dict[str, Any]


def completed(manifest: Manifest) -> None:
    """Fill in defaults, in place."""
    fill = _BY_KIND.get(manifest["kind"])
    if fill is not None:
        fill(manifest["spec"])
    if manifest["kind"] == "Gateway":
        manifest.setdefault("status", {"conditions": _UNSEEN})


_UNSEEN: Final = [
    {
        "type": each,
        "status": "Unknown",
        "reason": "Pending",
        "message": "Waiting for controller",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }
    for each in ("Accepted", "Programmed")
]
"""What the definition of Gateways says of one that no controller has seen."""


def _deployment(spec: Manifest) -> None:
    spec.setdefault("replicas", 1)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
    if strategy.get("type") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    pod = spec["template"]["spec"]
    for key, value in _POD.items():
        pod.setdefault(key, value)
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        for key, value in _CONTAINER.items():
            container.setdefault(key, value)
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")


_POD: Manifest = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_CONTAINER: Manifest = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


def _service(spec: Manifest) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("clusterIP", "10.96.0.10")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def _http_route(spec: Manifest) -> None:
    for rule in spec.get("rules") or []:
        for match in rule.setdefault("matches", [{}]):
            path = match.setdefault("path", {})
            path.setdefault("type", "PathPrefix")
            path.setdefault("value", "/")
    _any_route(spec)


def _any_route(spec: Manifest) -> None:
    for rule in spec.get("rules") or []:
        for match in rule.get("matches") or []:
            for each in (*(match.get("headers") or ()), *(match.get("queryParams") or ())):
                each.setdefault("type", "Exact")
            if isinstance(method := match.get("method"), dict):
                method.setdefault("type", "Exact")
        for backend in rule.get("backendRefs") or []:
            backend.setdefault("weight", 1)


_BY_KIND = {
    "Deployment": _deployment,
    "Service": _service,
    "HTTPRoute": _http_route,
    "GRPCRoute": _any_route,
}
