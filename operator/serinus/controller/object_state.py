"""What this process knows of a ModelDeployment from one pass to the next: kept in one place, and
forgotten as a whole."""

import json
from dataclasses import dataclass, field
from math import inf
from typing import Self

from serinus.api.status import Status
from serinus.api.validation import read_status
from serinus.controller.actuation import Outcome
from serinus.controller.pace import Pace
from serinus.controller.pod_looks import PodLooks
from serinus.judge.drift import DriftState
from serinus.manifests.owner import Manifest
from serinus.plan.summary import taken_before


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A status with evidence that is not written yet."""

    status: Status
    beyond: int
    """Stands for the one that is written: of another one this is not the continuation."""
    due: float
    """When it is to be written, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A status that cannot be written."""

    at: float
    """Since when, by the monotonic clock."""
    why: str
    announced: bool = False


@dataclass(slots=True)
class ObjectState:
    """One ModelDeployment, as long as it is this process's to act on."""

    uid: str
    """A namesake that comes after it has another one."""
    unsaved: Unsaved | None = None
    """None: all that is known of the rollout stands in the status that is written."""
    unread: tuple[str, ...] = ()
    """What could not be read of that one, each in a sentence."""
    outcome: Outcome = field(default_factory=Outcome)
    """What the last pass came to."""
    pace: Pace = field(default_factory=Pace)
    route_awaited_since: float | None = None
    """Since when the split is not in effect, Unix seconds; None: it is, or was just changed."""
    pod_looks: PodLooks | None = None
    """None while there are no pods of a candidate to look at."""
    unwritten: Unwritten | None = None
    """None if its status was written the last time that this was tried."""
    drift: DriftState | None = None
    """What is known of stable's inputs beyond the status."""
    last_look: float | None = None
    """When it was last measured well, in Unix seconds; None while no analysis runs."""

    @classmethod
    def begin(cls, live: Manifest) -> Self:
        """Nothing is known of it but what it says itself."""
        outcome = Outcome(taken=taken_before(_read(live)[0]))
        return cls(live["metadata"]["uid"], outcome=outcome)

    def recall(self, live: Manifest) -> Status:
        """The status with the evidence since; without that once somebody else wrote it."""
        if self.unsaved is not None and self.unsaved.beyond == _digest(live):
            return self.unsaved.status
        self.unsaved = None
        status, self.unread = _read(live)
        return status

    @property
    def due(self) -> float:
        """When the status is to be written, Unix seconds."""
        return self.unsaved.due if self.unsaved is not None else inf

    def keep(self, live: Manifest, status: Status, due: float) -> None:
        """Remember a status beyond that of `live`, to be written when it is due, if not before."""
        self.unsaved = Unsaved(status, _digest(live), due)


def _read(live: Manifest) -> tuple[Status, tuple[str, ...]]:
    """The status as it is written, and what cannot be read of it, each in a sentence."""
    status, lost = read_status(live.get("status") or {})
    return status, tuple(f"{problem}." for problem in lost)


def _digest(live: Manifest) -> int:
    return hash(json.dumps(live.get("status") or {}, sort_keys=True))
