"""The log of one simulated rollout: its passes and looks by the operator's rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from serinus.api.baseline import Baseline
from serinus.api.status import CheckStatus, Hold, Status
from serinus.manifests.owner import Owner
from serinus.metrics.queries import Measurement, QueryError
from serinus.metrics.requests import AnyRequest
from serinus.plan.analysis import judged, learned, next_look, requested
from serinus.simulation.rollout import SimulatedDeployment


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the log."""

    after: float
    """Seconds since it started."""
    weight: float
    """Percent of the traffic that the candidate takes when it happens."""
    reason: str
    message: str


@dataclass
class RolloutLog:
    """A rollout under way, and what has happened in it so far."""

    owner: Owner
    rollout: SimulatedDeployment
    start: float
    """Unix seconds."""
    moments: list[LogEntry] = field(default_factory=list)
    request: AnyRequest | None = None
    """What is to be measured from now on."""
    look: float = inf
    """When that is due next, Unix seconds; infinity: never."""

    def settle(self) -> None:
        """Passes until nothing more is decided now, and when to look next."""
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

    def learn(self, found: Baseline | QueryError) -> None:
        """What stable's history says; the rules have yet to pass."""
        rollout = self.rollout
        rollout.status = learned(rollout.desired.spec, rollout.status, found)
        self._note([("Baseline", found.message)])

    def judge(self, measurement: Measurement) -> None:
        """What a look comes to; the rules have yet to pass."""
        rollout = self.rollout
        before = verdicts(rollout.status)
        rollout.status = judged(rollout.desired.spec, rollout.status, measurement)
        self._note(
            (check.verdict, f"{name}: {check.message}")
            for name, check in verdicts(rollout.status).items()
            if name not in before or before[name].verdict != check.verdict
        )

    def _note(self, entries: Iterable[tuple[str, str]]) -> None:
        """Note reasons and their sentences, at the weight that is in effect."""
        weight = self.rollout.world.at(self.rollout.now).weight
        since = self.rollout.now - self.start
        self.moments += [LogEntry(since, weight, reason, message) for reason, message in entries]


def hold_of(status: Status) -> Hold | None:
    """Why the candidate waits."""
    return status.candidate.hold if status.candidate else None


def verdicts(status: Status) -> dict[str, CheckStatus]:
    """The candidate's checks by name."""
    return {check.name: check for check in (status.candidate.checks if status.candidate else ())}
