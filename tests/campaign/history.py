"""What was seen of a ModelDeployment and of everything around it, moment by moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from serinus.api.stages import Stage
from serinus.api.validation import in_full

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """How everything stood from a moment on, until the next one."""

    at: float
    """Unix seconds."""
    live: Manifest | None
    """The ModelDeployment."""
    ready: Mapping[str, int] = field(default_factory=dict)
    """Ready pods by revision."""
    pods: Mapping[str, int] = field(default_factory=dict)
    """Pods that each revision's Deployment asks for."""
    asked: Mapping[str, int] = field(default_factory=dict)
    """Weights by revision that the route asks for; empty without a route."""
    split: Mapping[str, float] = field(default_factory=dict)
    """Percent of the clients' requests that go to each revision, answered or not."""
    children: frozenset[tuple[str, str]] = frozenset()
    """(kind, name) of what Serinus made and is still there."""
    hindered: frozenset[str] = frozenset()
    """What a fault keeps from happening."""
    bad: Mapping[str, str] = field(default_factory=dict)
    """Revisions that fail their clients, and how."""

    @cached_property
    def status(self) -> Manifest:
        """The status in full; empty where there is none. It is unpacked once, since every condition
        and invariant asks for it."""
        return in_full((self.live or {}).get("status") or {})[0]

    @property
    def spec(self) -> Manifest:
        """The spec; empty where there is none."""
        found: Manifest = (self.live or {}).get("spec") or {}
        return found

    def role(self, name: str) -> Manifest:
        """stable, candidate or rejected; empty where there is none."""
        found: Manifest = self.status.get(name) or {}
        return found

    def revision(self, role: str) -> str | None:
        """The revision of a role."""
        found: str | None = self.role(role).get("revision")
        return found

    @property
    def replicas(self) -> int:
        """Pods that the spec asks for."""
        found: int = self.spec.get("replicas", 1)
        return found

    @property
    def hold(self) -> str:
        """Why the candidate does not go on; empty where it does."""
        found: str = (self.role("candidate").get("hold") or {}).get("reason", "")
        return found

    @property
    def gateway(self) -> bool:
        """Whether traffic is split by a route."""
        return bool((self.spec.get("traffic") or {}).get("gateway"))


@dataclass(frozen=True, slots=True)
class Write:
    """What the operator sent to change something."""

    at: float
    verb: str
    kind: str
    name: str
    sub: str
    status: int
    """Of the answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """An Event."""

    at: float
    reason: str
    type: str
    note: str


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, or what befell the cluster."""

    at: float
    words: str


Transition = tuple[Stage | None, Stage | None]
"""Two stages, of which the second came after the first; None: no revision is rolled out."""


@dataclass
class History:
    """Everything in the order in which it came."""

    snapshots: list[Snapshot] = field(default_factory=list)
    statuses: list[tuple[str, Manifest]] = field(default_factory=list)
    """Every status that was written, even where the next one came at once, and whose it is."""
    writes: list[Write] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    """Exceptions that nobody foresaw, as the operator logged them."""
    exposed: list[tuple[float, str]] = field(default_factory=list)
    """What the operator said of itself (/readyz, /metrics), at moments at which it was asked."""
    transitions: set[Transition] = field(default_factory=set)
    """Every change of the stage by a rule; none where the operator runs elsewhere."""
    end: float = 0.0

    def spans(self) -> Iterator[tuple[Snapshot, float]]:
        """Each snapshot, and until when it held."""
        later = [*(each.at for each in self.snapshots[1:]), max(self.end, self.snapshots[-1].at)]
        return zip(self.snapshots, later, strict=True)

    def at(self, moment: float) -> Snapshot:
        """How things stood then."""
        return next(
            (each for each in reversed(self.snapshots) if each.at <= moment), self.snapshots[0]
        )
