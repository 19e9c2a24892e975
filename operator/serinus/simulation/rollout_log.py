"""The log of one simulated rollout: its passes and looks by the operator's rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from serinus.api.baseline import Baseline
from serinus.api.reasons import Reason
from serinus.api.status import CheckStatus, Hold, Status
from serinus.judge import CannotFail
from serinus.manifests.owner import Owner
from serinus.metrics.queries import Measurement, QueryError
from serinus.metrics.requests import AnyRequest
from serinus.plan.analysis import judged, learned, next_look, requested
from serinus.simulation.rollout import SimulatedDeployment

PROMOTED: Final = (Reason.PROMOTED, Reason.GUARD_ENDED)
"""Reasons of the last decision about a revision that is stable."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the log."""

    after: float
    """Seconds since it started."""
    weight: float
    """The candidate's percentage of the traffic at that time."""
    reason: str
    message: str


@dataclass
class RolloutLog:
    """A running rollout and its log."""

    owner: Owner
    rollout: SimulatedDeployment
    start: float
    """Unix seconds."""
    explained: bool = True
    """Whether messages are those of the last look."""
    moments: list[LogEntry] = field(default_factory=list)
    request: AnyRequest | None = None
    """What to measure."""
    look: float = inf
    """Time of the next measurement, Unix seconds; infinity: never."""
    audits: dict[str, float] = field(default_factory=dict)
    """By check in audit mode, seconds until it failed first; infinity: it has not."""

    def settle(self) -> None:
        """Passes until nothing more is decided now; then set the time of the next look."""
        rollout = self.rollout
        known, before = len(rollout.new_decisions), hold_of(rollout.status)
        rollout.settle()
        self._note(
            (decision.reason, decision.message) for decision in rollout.new_decisions[known:]
        )
        hold = hold_of(rollout.status)
        if hold and hold.reason != (before and before.reason):
            self._note([(hold.reason, hold.message)])
        self.request = requested(self.owner, rollout.desired.spec, rollout.status)
        if self.request is None:
            self.look = inf
        elif self.look <= rollout.now or self.look == inf:
            self.look = next_look(self.request.interval, rollout.now)

    def learn(self, found: Baseline | QueryError | CannotFail) -> None:
        """Take in stable's history; the rules run later."""
        rollout = self.rollout
        rollout.status = learned(rollout.desired.spec, rollout.status, found)
        self._note([("Baseline", found.message)])

    def judge(self, measurement: Measurement) -> None:
        """Take in a look; the rules run later."""
        rollout = self.rollout
        before = verdicts(rollout.status)
        rollout.status = judged(
            rollout.desired.spec, rollout.status, measurement, explained=self.explained
        )
        found = verdicts(rollout.status)
        for name, check in found.items():
            if not check.decides:
                failed = rollout.now - self.start if check.verdict == "Fail" else inf
                self.audits[name] = min(failed, self.audits.get(name, inf))
        self._note(
            (check.verdict, f"{name if check.decides else f'{name} (audit)'}: {check.message}")
            for name, check in found.items()
            if name not in before or before[name].verdict != check.verdict
        )

    def _note(self, entries: Iterable[tuple[str, str]]) -> None:
        """Log reasons and messages, at the weight in effect."""
        weight = self.rollout.world.at(self.rollout.now).weight
        since = self.rollout.now - self.start
        self.moments += [LogEntry(since, weight, reason, message) for reason, message in entries]


def hold_of(status: Status) -> Hold | None:
    """Why the candidate waits."""
    return status.candidate.hold if status.candidate else None


def verdicts(status: Status) -> dict[str, CheckStatus]:
    """The candidate's checks by name."""
    return {check.name: check for check in (status.candidate.checks if status.candidate else ())}
