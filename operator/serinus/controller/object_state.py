"""What this process knows of a ModelDeployment from one pass to the next: kept in one place, and
forgotten as a whole."""

import json
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from serinus.api.status import Status
from serinus.api.validation import read_status
from serinus.controller.actuation import Outcome
from serinus.controller.pace import Pace
from serinus.controller.pod_looks import PodLooks
from serinus.judge.drift import DriftState
from serinus.manifests.owner import Manifest
from serinus.plan.summary import taken_before


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process knows beyond the status that was written: evidence since then."""

    text: str
    """The status as the API server has it, as JSON: a quarter of what it takes unpacked."""
    current: Status
    unread: tuple[str, ...] = ()
    """What could not be read of it, each in a sentence."""
    due: float = inf
    """When the two may differ no longer, Unix seconds."""

    @classmethod
    def read(cls, live: Manifest) -> Self:
        """The status as it is written, and nothing beyond it."""
        status, lost = read_status(live.get("status") or {})
        return cls.of(live, status, tuple(f"{problem}." for problem in lost))

    @classmethod
    def of(cls, live: Manifest, status: Status, unread: tuple[str, ...] = ()) -> Self:
        """`status`, where the API server has what is in `live`."""
        return cls(json.dumps(live.get("status") or {}), status, unread)

    @property
    def written(self) -> dict[str, Any]:
        """The status as the API server has it."""
        found: dict[str, Any] = json.loads(self.text)
        return found


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
    memory: Memory
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
        memory = Memory.read(live)
        outcome = Outcome(taken=taken_before(memory.current))
        return cls(live["metadata"]["uid"], memory, outcome)

    def recall(self, live: Manifest) -> Status:
        """The status with the evidence since; without that once somebody else wrote it."""
        if self.memory.written != (live.get("status") or {}):
            self.memory = Memory.read(live)
        return self.memory.current
