"""Every kind of object that Serinus reads or writes: one list, from which the rest follows.

From it are made the watches, the list of children, the rules of the chart's role, and the table of
rights in docs/security.md.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Purpose(Enum):
    """What the children of a kind are for."""

    HISTORY = "history"
    PODS = "pods"
    TRAFFIC = "traffic"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, its API path, and what the operator does with it."""

    name: str
    api_version: str
    plural: str
    verbs: tuple[str, ...]
    """What the operator's role allows."""
    why: str
    """What for, for the table of rights."""
    purpose: Purpose | None = None
    """Of children; None: a ModelDeployment owns none of this kind."""
    selector: str | None = None
    """Label selector of the objects that are watched and listed; None: it is not watched."""
    exact: frozenset[str] = frozenset()
    """Fields in which an additional key changes the meaning; elsewhere it is a default of the
    server, or an addition of another manager."""
    without: str = ""
    """What is lost if the role, of an older version, does not allow to list it; empty: everything,
    since nothing is decided by halves."""
    status_verbs: tuple[str, ...] = ()
    """What the role allows on the subresource status."""
    eviction_verbs: tuple[str, ...] = ()
    """What the role allows on the subresource eviction."""
    in_no_namespace: bool = False
    """Its objects are of the cluster: only a ClusterRole can allow to read them."""

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


_ALL: Final = ""
_OURS: Final = "app.kubernetes.io/managed-by=serinus"
_READ: Final = ("get", "list", "watch")
_WRITTEN: Final = ("create", "delete", "get", "list", "patch", "watch")
_GATEWAY_API: Final = "gateway.networking.k8s.io/v1"

MODEL_DEPLOYMENT: Final = Kind(
    *("ModelDeployment", "serinus.dev/v1alpha1", "modeldeployments", _READ),
    "what is desired",
    selector=_ALL,
    status_verbs=("update",),
)
DEPLOYMENT: Final = Kind(
    *("Deployment", "apps/v1", "deployments", _WRITTEN),
    "the pods of each revision",
    Purpose.PODS,
    _OURS,
    frozenset({"selector", "matchLabels"}),
)
CONTROLLER_REVISION: Final = Kind(
    *("ControllerRevision", "apps/v1", "controllerrevisions", _WRITTEN),
    "the history of revisions",
    Purpose.HISTORY,
    _OURS,
    frozenset({"data"}),
)
SERVICE: Final = Kind(
    *("Service", "v1", "services", _WRITTEN),
    "traffic to the pods",
    Purpose.TRAFFIC,
    _OURS,
    frozenset({"selector"}),
)
HTTP_ROUTE: Final = Kind(
    *("HTTPRoute", _GATEWAY_API, "httproutes", _WRITTEN),
    "weights at a Gateway",
    Purpose.TRAFFIC,
    _OURS,
    frozenset({"parentRefs", "hostnames", "rules"}),
)
GRPC_ROUTE: Final = Kind(
    *("GRPCRoute", _GATEWAY_API, "grpcroutes", _WRITTEN),
    "the same for gRPC",
    Purpose.TRAFFIC,
    _OURS,
    frozenset({"parentRefs", "hostnames", "rules"}),
    without="GRPCRoutes cannot be written",
)
JOB: Final = Kind(
    *("Job", "batch/v1", "jobs", ("create", "delete", "get", "list", "watch")),
    "what a step `job` runs, or what retrains; none is ever changed",
    Purpose.TASK,
    _OURS,
    without="Steps cannot run Jobs",
)
ENDPOINT_SLICE: Final = Kind(
    *("EndpointSlice", "discovery.k8s.io/v1", "endpointslices", ("list", "watch")),
    "whether gateways see a candidate's pods",
    # they have the labels of their Service; only those of the revisions are needed
    selector=f"{_OURS},serinus.dev/revision",
)
GATEWAY: Final = Kind(
    *("Gateway", _GATEWAY_API, "gateways", ("list", "watch")),
    "whether one serves: if it is gone, the status of its routes may not be updated",
    selector=_ALL,
    without="Gateways are not checked, only the status of routes",
)
GATEWAY_CLASS: Final = Kind(
    *("GatewayClass", _GATEWAY_API, "gatewayclasses", ("get",)),
    "whether a Gateway can mirror by percentage; with `scope: Cluster` only",
    in_no_namespace=True,
)
POD: Final = Kind(
    *("Pod", "v1", "pods", ("list",)),
    "restarts, readiness and images",
    eviction_verbs=("create",),
)
EVENT: Final = Kind(*("Event", "events.k8s.io/v1", "events", ("create",)), "decisions as events")
LEASE: Final = Kind(
    *("Lease", "coordination.k8s.io/v1", "leases", ("create", "get", "list", "update")),
    "leader election: get and update of its own Lease only; list with `scope: Cluster` only, to "
    "find namespaces that have their own operator",
)

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        MODEL_DEPLOYMENT,
        DEPLOYMENT,
        CONTROLLER_REVISION,
        SERVICE,
        HTTP_ROUTE,
        GRPC_ROUTE,
        JOB,
        ENDPOINT_SLICE,
        GATEWAY,
        GATEWAY_CLASS,
        POD,
        EVENT,
        LEASE,
    )
}
CHILDREN: Final = tuple(name for name, kind in KINDS.items() if kind.purpose)
"""Kinds of the objects that a ModelDeployment owns."""
TRAFFIC: Final = tuple(name for name in CHILDREN if KINDS[name].purpose is Purpose.TRAFFIC)
"""Kinds of the objects by which traffic reaches the pods."""
WATCHED: Final = {name: kind.selector for name, kind in KINDS.items() if kind.selector is not None}
"""The kinds that are watched and listed, and the label selector for each."""


def is_ours(api_version: str, kind: str) -> bool:
    """Whether it is one of these, and not an allowed kind of the same name."""
    return kind in KINDS and KINDS[kind].api_version == api_version
