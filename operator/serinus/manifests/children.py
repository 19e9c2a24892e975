"""All that a ModelDeployment needs in the cluster at one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from serinus.api.spec import Spec
from serinus.manifests.owner import REVISION_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import Split
from serinus.manifests.workload import deployment, service


@dataclass(frozen=True)
class Wanted:
    """Which revisions run, with how many pods, and who takes the traffic."""

    replicas: Mapping[str, int]
    """Pods by hash of each live revision."""
    split: Split


@dataclass(frozen=True)
class Children:
    """Every object wanted; what is neither here nor spared is to be deleted."""

    behind: list[Manifest]
    """The history, the Services and the pods of the revisions, in the order to apply them."""
    ways: list[Manifest]
    """What splits the traffic between the revisions."""
    lost: frozenset[str] = frozenset()
    """Revisions that are to run, and of which nothing tells what their pods run."""
    serving: Mapping[str, int] = field(default_factory=dict)
    """Pods by name of each Deployment that the split gives traffic."""

    def spares(self, live: Manifest) -> bool:
        """Whether an object stays as it is though it is not wanted: it leads, or may lead, to what
        was left running of a revision that is lost."""
        return bool(self.lost) and live["metadata"]["labels"].get(REVISION_LABEL) in (
            None,
            *self.lost,
        )

    def __iter__(self) -> Iterator[Manifest]:
        """All of them, in the order to create them."""
        return chain(self.behind, self.ways)


def children(
    owner: Owner, spec: Spec, revisions: Mapping[str, Revision], wanted: Wanted
) -> Children:
    """What a ModelDeployment needs.

    `revisions` are those to keep in the history, by hash, the live ones among them. A live one
    that is not among them is lost: nobody knows what its pods would run, and it stays as it is.
    """
    replicas = wanted.replicas
    live = [(revisions[name], count) for name, count in replicas.items() if name in revisions]
    behind = [
        *(each.manifest(owner) for each in revisions.values() if not each.recovered),
        *(service(owner, owner.child(r.hash), r.hash, r) for r, _ in live),
        *(deployment(owner, r, count) for r, count in live),
    ]
    ways = router_for(spec).manifests(owner, wanted.split, revisions)
    serving = {owner.child(name): replicas.get(name, 0) for name in wanted.split.weights}
    return Children(behind, ways, frozenset(replicas) - set(revisions), serving)


def lacking(
    owner: Owner, spec: Spec, split: Split, lost: frozenset[str], live: Objects
) -> set[tuple[str, str]]:
    """(kind, name) of what is not there of the revisions that would gain traffic by a split.

    A revision that takes traffic already keeps it, whatever it lacks: then nothing is in the way
    of taking traffic from another. A lost one is not waited for either: nothing of it will come.
    """
    taking = router_for(spec).leads_to(owner, live) or frozenset[str]()
    gaining = set(split.weights) - taking - lost
    needed = {(kind, owner.child(each)) for each in gaining for kind in ("Service", "Deployment")}
    return needed - set(live)
