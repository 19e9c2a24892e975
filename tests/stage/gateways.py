"""Gateways that nobody's controller serves: that they exist is what the operator looks at."""

from typing import Any, Final

NAME: Final = "public"


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
