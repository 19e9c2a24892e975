"""Gateways, and that a controller has accepted them: the operator looks at no more of them."""

from typing import Any, Final

from serinus.cluster import Cluster

NAME: Final = "public"
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


def public(namespace: str, name: str = NAME) -> dict[str, Any]:
    """A Gateway with one listener."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "gatewayClassName": "nobodys",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }


async def serve(cluster: Cluster, namespace: str, name: str = NAME) -> None:
    """Make a Gateway and accept it, as its controller would."""
    live = await cluster.create(public(namespace, name))
    await cluster.update_status(live, ACCEPTED)
