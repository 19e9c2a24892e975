"""The interface that every router has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from serinus.api.spec import Traffic
from serinus.manifests.kinds import Kind
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision


@dataclass(frozen=True)
class Split:
    """Who takes the traffic: `weight` percent the candidate, the rest stable.

    Without a candidate the weight is 0, without a stable it is 100.
    """

    stable: str | None
    candidate: str | None
    weight: int

    def __post_init__(self) -> None:
        only = {(False, True): 100, (True, False): 0}
        sides = (self.stable is not None, self.candidate is not None)
        if sides == (False, False) or self.weight != only.get(sides, self.weight):
            raise ValueError(f"nobody takes the traffic of {self}")
        if not 0 <= self.weight <= 100:
            raise ValueError(f"a weight is a percentage, not {self.weight}")

    @property
    def weights(self) -> dict[str, int]:
        """Percent by hash of those that take traffic, stable first."""
        sides = ((self.stable, 100 - self.weight), (self.candidate, self.weight))
        return {name: weight for name, weight in sides if name is not None and weight}

    @property
    def main(self) -> str:
        """Stable, or the candidate where there is no stable yet."""
        return self.stable or next(iter(self.weights))


@dataclass(frozen=True)
class Routed:
    """What the objects in the cluster do with the traffic now."""

    actual_weight: float
    """Percent of the traffic that the candidate takes."""
    in_effect: bool
    """The split wanted is what the cluster does."""
    message: str
    """Why it is not in effect, or what is to know about it; else empty."""
    refused: bool = False
    """It will not come into effect without a person."""
    contested: str = ""
    """That another object claims the same traffic, in a sentence; else empty."""


@dataclass(frozen=True, slots=True)
class NeededKind(Kind):
    """A kind of objects that are somebody else's: read where that is allowed, never written."""

    unserved: Callable[[str, str, Manifest | None], str | None]
    """Why the object of this namespace and name serves nothing, in a sentence, given the object or
    None if there is none; None if nothing speaks against it."""


Need = tuple[str, str, str]
"""Kind, namespace and name of an object of such a kind."""


class Router(Protocol):
    """A way to split traffic."""

    kinds: ClassVar[tuple[Kind, ...]]
    """Of the objects that it writes."""
    needed_kinds: ClassVar[tuple[NeededKind, ...]]
    """Of the objects that it needs."""
    shares_one_service: ClassVar[bool]
    """Whether one Service leads to the pods of all revisions that run: then others must be gone
    before a candidate joins."""

    @classmethod
    def of(cls, traffic: Traffic) -> Self | None:
        """The router with its settings; None if the traffic has none for it."""

    def manifests(
        self, owner: Owner, split: Split, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The objects that split the traffic, beside the Service of each revision."""

    def read_back(
        self,
        owner: Owner,
        split: Split,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """What the live objects do, given the number of ready pods by hash."""

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """Revisions that may get traffic by the live objects, which are in effect; None: they are
        not, or not yet, and what they say is not what happens."""

    def needs(self, owner: Owner) -> list[Need]:
        """What has to serve for the split to happen, whatever the objects above say."""

    def unserved(self, found: Mapping[Need, Manifest | None]) -> str:
        """Why nothing is served, in a sentence, given those of its needs of which it is known
        whether they are there; empty if nothing speaks against it."""

    def candidate_replicas(self, replicas: int, weight: int) -> int:
        """Pods that the candidate needs for a weight, beside a stable of full size."""

    def incompatibility(self, stable: Revision, candidate: Revision) -> str | None:
        """Why these two cannot share the traffic, in a sentence; None if they can."""


def carriable_weight(router: Router, replicas: int, ready_stable: int, ready_candidate: int) -> int:
    """The greatest weight, in percent, that the candidate's ready pods can carry.

    A pod carries 1/replicas of the traffic. Where fewer than `replicas` are ready in all, those
    that are carry equal shares: a scale-up or a lost node in mid-canary then does not throw the
    candidate's share at stable.
    """
    if not replicas:
        return 100
    if not ready_candidate:
        return 0
    size = min(replicas, ready_stable + ready_candidate)
    return max(w for w in range(101) if router.candidate_replicas(size, w) <= ready_candidate)
