"""The state of a ModelDeployment in this process between passes, kept in one place and forgotten as
a whole."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Self

from serinus.api.isolation import Part, isolated
from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import Candidate, Decision, Status
from serinus.api.validation import read_status
from serinus.controller.actuation import WriteOutcome
from serinus.controller.evicting import Evictions
from serinus.controller.internal_errors import Standing
from serinus.controller.pace import Pace
from serinus.controller.pod_looks import PodLooks
from serinus.manifests.owner import Manifest
from serinus.plan.monitoring import MonitoringState
from serinus.plan.situation import TaskPolicy
from serinus.plan.summary import taken_before
from serinus.views.exported import ExportedStatus, endings, exported_status


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A status with evidence that has not been written."""

    status: Status
    beyond: int
    """Digest of the written status that it continues; if another one is written, it is void."""
    due: float
    """Time in Unix seconds at which it must be written."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A status that cannot be written."""

    at: float
    """Since when, in monotonic seconds."""
    why: str
    announced: bool = False


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The admission policy for approvals is in force."""

    before: str
    """The command when an approval was first awaited and the policy was in force."""
    command: str
    """The command at the last test of the policy."""
    at: float
    """Time of that test, Unix seconds."""


@dataclass(frozen=True, slots=True)
class TaskPolicyAsked:
    """What the API server has answered of the admission policy for tasks."""

    digest: str
    """Of the task."""
    policy: TaskPolicy
    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class SpecRead:
    """A spec as it is understood."""

    written: str
    """In JSON."""
    spec: Spec | None
    """None if it cannot be read at all."""
    problems: tuple[str, ...]
    ignored: tuple[str, ...]
    """Unknown fields, for example if a newer CRD adds defaults, each as a message."""


@dataclass(slots=True)
class ObjectState:
    """One ModelDeployment, as long as this process acts on it."""

    uid: str
    """Another object with the same name has another uid."""
    spec: SpecRead | None = None
    """None: no pass has read it."""
    unsaved: Unsaved | None = None
    """None: the written status is complete."""
    unread: tuple[str, ...] = ()
    """Unreadable parts of the written status, each as a message."""
    outcome: WriteOutcome = field(default_factory=WriteOutcome)
    """Result of the last pass."""
    pace: Pace = field(default_factory=Pace)
    route_awaited_since: float | None = None
    """Time since which the split is not in effect, Unix seconds; None: it is, or has just
    changed."""
    pod_looks: PodLooks | None = None
    """None while there are no pods to list."""
    evictions: Evictions = field(default_factory=Evictions)
    """Of pods that are to be replaced."""
    unwritten: Unwritten | None = None
    """None if the last write of the status succeeded."""
    monitoring: MonitoringState = field(default_factory=MonitoringState)
    """Unwritten evidence about stable."""
    policy_in_force: PolicyInForce | None = None
    """None: the policy for approvals was not in force, or no approval was awaited yet."""
    task_policy: TaskPolicyAsked | None = None
    """None: it was not asked for the present task."""
    last_look: float | None = None
    """Time of the last successful measurement, Unix seconds; None while no analysis runs."""

    internal_errors: Standing = field(default_factory=dict)
    """What our own code raises in passes over the object."""
    exported: ExportedStatus = field(default_factory=ExportedStatus)
    """What the last pass found, for the metrics."""
    rollouts: Counter[Reason] = field(default_factory=Counter)
    """How often rollouts ended, by the reason."""

    @classmethod
    def begin(cls, live: Manifest) -> Self:
        """Only the object itself is known."""
        outcome = WriteOutcome(taken_before=taken_before(_read(live)[0]))
        return cls(live["metadata"]["uid"], outcome=outcome)

    def recall(self, live: Manifest) -> Status:
        """The status with the evidence since; without it if another writer changed the status."""
        if self.unsaved is not None and self.unsaved.beyond == _digest(live):
            return self.unsaved.status
        self.unsaved = None
        status, self.unread = _read(live)
        return status

    def export(
        self, status: Status, before: Candidate | None, decisions: Iterable[Decision]
    ) -> None:
        """Note the result of a pass that began with this candidate, and the rollouts that ended in
        it, for the metrics."""
        self.exported, ended = isolated(
            Part.VIEW,
            lambda: (exported_status(status), [*endings(before, decisions)]),
            lambda _: (ExportedStatus(), []),
        )
        self.rollouts.update(ended)

    @property
    def due(self) -> float:
        """Time in Unix seconds at which the status must be written."""
        return self.unsaved.due if self.unsaved is not None else inf

    def keep(self, live: Manifest, status: Status, due: float) -> None:
        """Keep a status that continues that of `live`, and must be written when it is due."""
        self.unsaved = Unsaved(status, _digest(live), due)


def _read(live: Manifest) -> tuple[Status, tuple[str, ...]]:
    """The written status, and its unreadable parts, each as a message."""
    status, lost = read_status(live.get("status") or {})
    return status, tuple(f"{problem}." for problem in lost)


def _digest(live: Manifest) -> int:
    return hash(json.dumps(live.get("status") or {}, sort_keys=True))
