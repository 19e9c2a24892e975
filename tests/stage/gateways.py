"""Gateways, that a controller has accepted them, and what it can do: the operator looks at no more
of them."""

from typing import Any, Final

from serinus.cluster import Cluster

NAME: Final = "public"
CLASS: Final = "nobodys"
WITHOUT_MIRROR: Final = ("Gateway", "HTTPRoute", "HTTPRouteRequestMirror")
MIRROR: Final = "HTTPRouteRequestPercentageMirror"
ACCEPTED: Final[dict[str, Any]] = {
    "conditions": [
        {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
}
"""The status of a Gateway that some controller serves."""


def gateway_class(*features: str, name: str = CLASS) -> dict[str, Any]:
    """A class that lists these features. An API server that creates it drops the status."""
    listed = [{"name": each} for each in features]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": name},
        "spec": {"controllerName": "test.serinus.dev/gateway"},
        "status": {**ACCEPTED, **({"supportedFeatures": listed} if listed else {})},
    }


def public(namespace: str, name: str = NAME, class_name: str = CLASS) -> dict[str, Any]:
    """A Gateway with one listener."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "gatewayClassName": class_name,
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }


async def serve(cluster: Cluster, namespace: str, name: str = NAME) -> None:
    """Make a Gateway and accept it, as its controller would."""
    live = await cluster.create(public(namespace, name))
    await cluster.update_status(live, ACCEPTED)
