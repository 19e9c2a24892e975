"""The kinds that Serinus reads or writes, and their API paths."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object."""

    name: str
    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """API group; empty for core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Version in the group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """The URL path of an object, of a collection without a name, or of all namespaces without a
        namespace."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "") + sub


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("ModelDeployment", "serinus.dev/v1alpha1", "modeldeployments"),
        Kind("Deployment", "apps/v1", "deployments"),
        Kind("ControllerRevision", "apps/v1", "controllerrevisions"),
        Kind("Service", "v1", "services"),
        Kind("Gateway", "gateway.networking.k8s.io/v1", "gateways"),
        Kind("HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes"),
        Kind("Lease", "coordination.k8s.io/v1", "leases"),
        Kind("Event", "events.k8s.io/v1", "events"),
        Kind("Pod", "v1", "pods"),
        Kind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
    )
}

CHILDREN: Final = ("Deployment", "ControllerRevision", "Service", "HTTPRoute")
"""Kinds of the objects that a ModelDeployment owns."""

_OURS: Final = "app.kubernetes.io/managed-by=serinus"
WATCHED: Final = {
    "ModelDeployment": "",
    **dict.fromkeys(CHILDREN, _OURS),
    # they have the labels of their Service; only those of the revisions are needed
    "EndpointSlice": f"{_OURS},serinus.dev/revision",
    # if a Gateway is gone, the status of its routes may not be updated
    "Gateway": "",
}
"""The kinds that are watched and listed, and the label selector for each."""
