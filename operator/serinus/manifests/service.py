"""The Services that lead to the pods of a revision, and the port that they lead to."""

from typing import Any, Final

from serinus.manifests.kinds import SERVICE
from serinus.manifests.owner import REVISION_LABEL, Manifest, Owner
from serinus.manifests.revision import Revision

SERVICE_PORT: Final = 80


def service(owner: Owner, name: str, selected: str | None, revision: Revision) -> Manifest:
    """A Service to the pods of one revision, or of all if `selected` is None. The port is that of
    `revision`.

    A port with a name is resolved by name for each pod.
    """
    port = target_port(revision.template)
    label = revision.hash if name == owner.child(revision.hash) else None
    return {
        **owner.object(SERVICE, name, label),
        "spec": {
            "selector": owner.pods(selected),
            # otherwise rejected pods serve until they have terminated
            "publishNotReadyAddresses": False,
            "ports": [
                {
                    "name": "http",
                    "port": SERVICE_PORT,
                    "protocol": "TCP",
                    "targetPort": port.get("name") or port["containerPort"],
                    "appProtocol": app_protocol(port),
                }
            ],
        },
    }


def pods_service(owner: Owner, revision: Revision) -> Manifest:
    """One without an address of its own: its name stands for the addresses of the ready pods of a
    revision, each of which can be asked by itself."""
    made = service(owner, pods_name(owner, revision.hash), revision.hash, revision)
    port = target_port(revision.template)["containerPort"]
    ports = [{**each, "port": port} for each in made["spec"]["ports"]]
    return {**made, "spec": {**made["spec"], "clusterIP": "None", "ports": ports}}


def pods_name(owner: Owner, revision: str) -> str:
    """The name of that Service."""
    return f"{owner.child(revision)}-pods"


def address(owner: Owner, name: str, port: int = SERVICE_PORT) -> str:
    """Where a Service is in the cluster: host:port."""
    return f"{name}.{owner.namespace}.svc:{port}"


def backend(owner: Owner, revision: str) -> Manifest:
    """The reference of a route to the Service of a revision, with the server's defaults."""
    name = owner.child(revision)
    return {"group": "", "kind": SERVICE.name, "name": name, "port": SERVICE_PORT}


def selected_revision(live: Manifest) -> str | None:
    """The revision whose pods a Service selects; None: it selects those of all, or none."""
    selector = live["spec"].get("selector") or {}  # anybody may remove it
    found: str | None = selector.get(REVISION_LABEL)
    return found


def target_port(template: dict[str, Any]) -> dict[str, Any]:
    """The container port for the traffic: the one named http, otherwise the first TCP port.

    Raises ValueError if the template has none.
    """
    ports = [
        port
        for container in template["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("protocol", "TCP") == "TCP"
    ]
    if not ports:
        raise ValueError("no container has a TCP port")
    return next((port for port in ports if port.get("name") == "http"), ports[0])


def app_protocol(port: dict[str, Any]) -> str:
    """By the port's name, as in meshes: grpc and h2c need HTTP/2 in clear text."""
    first = (port.get("name") or "http").split("-")[0]
    return "kubernetes.io/h2c" if first in ("grpc", "h2c") else "http"
