"""The interface that every router has."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

from serinus.api.capabilities import Capability
from serinus.api.spec import Spec
from serinus.manifests.kinds import Kind
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.traffic import Traffic


@dataclass(frozen=True)
class Routed:
    """What the objects in the cluster do with the traffic at present."""

    actual_weight: float
    """Percent of the traffic that the candidate gets."""
    mirrored: float = field(default=0.0, kw_only=True)
    """Percent of the requests that are copied to the candidate."""
    in_effect: bool
    """Whether the cluster applies the desired split."""
    message: str
    """Why it is not in effect, or in what it differs; else empty."""
    refused: bool = False
    """Whether it takes a person to bring it into effect."""
    contested: str = ""
    """A sentence if another object claims the same traffic; else empty."""


Unserved = Callable[[str, str, Manifest | None], str | None]
"""Why the object of this namespace and name serves nothing, in a sentence, given the object or
None if it does not exist; None if it may serve."""

Need = tuple[str, str, str]
"""Kind, namespace and name of an object of such a kind; without a namespace it is of the
cluster."""


class Router(Protocol):
    """A way of splitting traffic."""

    kinds: ClassVar[tuple[Kind, ...]]
    """Of the objects that it writes."""
    needed_kinds: ClassVar[Mapping[Kind, Unserved]]
    """Of the objects that it needs and others own: read if that is allowed, never written."""
    shares_one_service: ClassVar[bool]
    """Whether one Service selects the pods of all revisions that run: then pods of other revisions
    must be gone before a candidate joins."""

    @classmethod
    def of(cls, spec: Spec) -> Self | None:
        """The router with its settings; None if spec.traffic has none for it."""

    def manifests(
        self, owner: Owner, traffic: Traffic, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The objects that split the traffic, in addition to the Service of each revision."""

    def replaced(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Of the live objects, those that these settings no longer ask for and that serve until
        what replaces them is in effect, with the split of this traffic."""

    def split_alone(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """The live objects with the split of this traffic, and otherwise as they are: for when the
        API server refuses something else in them."""

    def left_over(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Of the live objects, those that led only people who tried a candidate, and no more: gone
        before the others are written, so that what people ask ends before clients are counted."""

    def read_back(
        self,
        owner: Owner,
        traffic: Traffic,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """What the live objects do, given the number of ready pods by revision."""

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """Revisions that may get traffic by the live objects; None if these are not, or not yet, in
        effect."""

    @classmethod
    def only(cls, live: Manifest, stable: str) -> Manifest | None:
        """What to change in one of the live objects so that stable gets all traffic, for when
        nothing else of this room can be trusted; None: nothing."""

    def needs(self, owner: Owner) -> list[Need]:
        """The objects of others without which the split cannot take effect."""

    def unserved(self, found: Mapping[Need, Manifest | None]) -> str:
        """Why nothing is served, in a sentence, given those needs of which it is known whether they
        exist; empty if traffic may be served."""

    def told_by(
        self, found: Mapping[Need, Manifest], capabilities: frozenset[Capability]
    ) -> list[Need]:
        """The objects that say whether those needs can do this."""

    def unable(
        self, found: Mapping[Need, Manifest], told: Mapping[Need, Manifest | str]
    ) -> dict[Capability, str]:
        """What these needs cannot do, by those objects or why they could not be read, each with the
        reason and the remedy. What nobody says is taken to be possible."""

    def outranked(self, owner: Owner, live: Objects, others: Iterable[Manifest]) -> str:
        """Why another object gets all of its requests, in sentences, given those of the same kind;
        empty if none is known to."""

    def candidate_replicas(self, replicas: int, weight: int) -> int:
        """Pods that the candidate needs for a weight, next to a stable of full size."""

    def held_back_replicas(self, replicas: int, percent: int) -> int:
        """Pods that the previous revision needs for so much traffic, next to a promoted one of full
        size."""

    def incompatibility(self, stable: Revision, candidate: Revision) -> str | None:
        """Why these two cannot share the traffic, in a sentence; None if they can."""


def carriable_weight(router: Router, replicas: int, ready_stable: int, ready_candidate: int) -> int:
    """The greatest weight, in percent, that the candidate's ready pods can carry.

    A pod carries 1/replicas of the traffic. If fewer than `replicas` are ready in total, the ready
    ones carry equal shares, so that a scale-up or a lost node during a canary does not move the
    candidate's share to stable.
    """
    if not replicas:
        return 100
    if not ready_candidate:
        return 0
    size = min(replicas, ready_stable + ready_candidate)
    return max(w for w in range(101) if router.candidate_replicas(size, w) <= ready_candidate)
