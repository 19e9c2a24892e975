"""The state of a ModelDeployment in this process between passes, kept in one place and forgotten as
a whole."""

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
    """The status in memory, including evidence that has not been written."""

    text: str
    """The written status as JSON, a quarter of the memory of the parsed one."""
    current: Status
    unread: tuple[str, ...] = ()
    """Unreadable parts of it, each as a message."""
    due: float = inf
    """Time in Unix seconds at which it must be written."""

    @classmethod
    def read(cls, live: Manifest) -> Self:
        """The written status without further evidence."""
        status, lost = read_status(live.get("status") or {})
        return cls.of(live, status, tuple(f"{problem}." for problem in lost))

    @classmethod
    def of(cls, live: Manifest, status: Status, unread: tuple[str, ...] = ()) -> Self:
        """`status`, while the API server has `live`."""
        return cls(json.dumps(live.get("status") or {}), status, unread)

    @property
    def written(self) -> dict[str, Any]:
        """The status in the API server."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A status that cannot be written."""

    at: float
    """Since when, in monotonic seconds."""
    why: str
    announced: bool = False


@dataclass(slots=True)
class ObjectState:
    """One ModelDeployment, as long as this process acts on it."""

    uid: str
    """Another object with the same name has another uid."""
    memory: Memory
    outcome: Outcome = field(default_factory=Outcome)
    """Result of the last pass."""
    pace: Pace = field(default_factory=Pace)
    route_awaited_since: float | None = None
    """Time since which the split is not in effect, Unix seconds; None: it is, or has just
    changed."""
    pod_looks: PodLooks | None = None
    """None while there are no pods of a candidate to list."""
    unwritten: Unwritten | None = None
    """None if the last write of the status succeeded."""
    drift: DriftState | None = None
    """Unwritten evidence about stable's inputs."""
    last_look: float | None = None
    """Time of the last successful measurement, Unix seconds; None while no analysis runs."""

    @classmethod
    def begin(cls, live: Manifest) -> Self:
        """Only the object itself is known."""
        memory = Memory.read(live)
        outcome = Outcome(taken=taken_before(memory.current))
        return cls(live["metadata"]["uid"], memory, outcome)

    def recall(self, live: Manifest) -> Status:
        """The status with the evidence since; without it if another writer changed the status."""
        if self.memory.written != (live.get("status") or {}):
            self.memory = Memory.read(live)
        return self.memory.current
