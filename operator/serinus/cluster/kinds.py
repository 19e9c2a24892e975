"""The kinds that Serinus reads or writes."""

from typing import Final

from serinus.manifests.kinds import CONTROLLER_REVISION, MODEL_DEPLOYMENT, Kind
from serinus.manifests.routers import NEEDED_KINDS, ROUTER_KINDS
from serinus.manifests.workloads import WORKLOADS

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        MODEL_DEPLOYMENT,
        *(each.kind for each in WORKLOADS.values()),
        CONTROLLER_REVISION,
        *ROUTER_KINDS.values(),
        *NEEDED_KINDS.values(),
        Kind("Lease", "coordination.k8s.io/v1", "leases"),
        Kind("Event", "events.k8s.io/v1", "events"),
        Kind("Pod", "v1", "pods"),
        Kind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
    )
}

CHILDREN: Final = (*WORKLOADS, CONTROLLER_REVISION.name, *ROUTER_KINDS)
"""Kinds of the objects that a ModelDeployment owns."""

_OURS: Final = "app.kubernetes.io/managed-by=serinus"
WATCHED: Final = {
    MODEL_DEPLOYMENT.name: "",
    **dict.fromkeys(CHILDREN, _OURS),
    # they have the labels of their Service; only those of the revisions are needed
    "EndpointSlice": f"{_OURS},serinus.dev/revision",
    # if one is gone, the status of its routes may not be updated
    **dict.fromkeys(NEEDED_KINDS, ""),
}
"""The kinds that are watched and listed, and the label selector for each."""
