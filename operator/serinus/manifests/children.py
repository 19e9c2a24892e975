"""All that a ModelDeployment needs in the cluster at one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from serinus.api.spec import Spec
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.face import Router, Split
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.workload import deployment, service


@dataclass(frozen=True)
class Wanted:
    """Which revisions run, with how many pods, and who takes the traffic."""

    replicas: Mapping[str, int]
    """Pods by hash of each live revision."""
    split: Split


def router_for(spec: Spec) -> Router:
    """The router that a spec asks for."""
    gateway = spec.traffic.gateway
    return ReplicaRouter() if gateway is None else GatewayRouter(gateway)


@dataclass(frozen=True)
class Children:
    """Every object wanted; what is not here is to be deleted."""

    behind: list[Manifest]
    """The history, the Services and the pods of the revisions, in the order to apply them."""
    ways: list[Manifest]
    """What splits the traffic between the revisions."""

    def __iter__(self) -> Iterator[Manifest]:
        """All of them, in the order to create them."""
        return chain(self.behind, self.ways)


def children(
    owner: Owner, spec: Spec, revisions: Mapping[str, Revision], wanted: Wanted
) -> Children:
    """What a ModelDeployment needs.

    `revisions` are those to keep in the history, by hash, the live ones among them. A live one
    that is not among them is lost: nobody knows what its pods would run.
    """
    replicas = wanted.replicas
    live = [(revisions[name], count) for name, count in replicas.items() if name in revisions]
    behind = [
        *(each.manifest(owner) for each in revisions.values() if not each.recovered),
        *(service(owner, owner.child(r.hash), r.hash, r) for r, _ in live),
        *(deployment(owner, r, count) for r, count in live),
    ]
    return Children(behind, router_for(spec).manifests(owner, wanted.split, revisions))


def lacking(owner: Owner, spec: Spec, split: Split, live: Objects) -> set[tuple[str, str]]:
    """(kind, name) of what is not there of the revisions that would gain traffic by a split.

    A revision that takes traffic already keeps it, whatever it lacks: then nothing is in the way
    of taking traffic from another.
    """
    taking = router_for(spec).leads_to(owner, live) or frozenset[str]()
    gaining = set(split.weights) - taking
    needed = {(kind, owner.child(each)) for each in gaining for kind in ("Service", "Deployment")}
    return needed - set(live)
