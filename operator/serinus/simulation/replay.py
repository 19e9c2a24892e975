"""Judges a recorded rollout again, with the same policy or another one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final, Literal

from serinus.api.reasons import meaning_of
from serinus.api.spec import Spec
from serinus.api.status import CheckStatus, Decision, Timeline
from serinus.manifests.owner import Owner
from serinus.metrics.requests import HistoryRequest, Source
from serinus.plan.analysis import baseline_from
from serinus.plan.situation import Desired
from serinus.plan.steps.approval import approved_digest
from serinus.simulation.recorded_cluster import RecordedCluster
from serinus.simulation.rollout import SimulatedDeployment
from serinus.simulation.rollout_log import PROMOTED, LogEntry, RolloutLog

ReplayOutcome = Literal["Promoted", "RolledBack", "Undecided"]
_BEFORE: Final = 1.0
"""Seconds before the rollout at which stable exists."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The state after a look."""

    at: float
    """Unix seconds."""
    weight: float
    """The candidate's percentage of the traffic."""
    counted: Mapping[str, float]
    """Time of the last counted sample by target, Unix seconds."""
    checks: tuple[CheckStatus, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a policy on a recording."""

    outcome: ReplayOutcome
    decisions: tuple[Decision, ...]
    """Oldest first."""
    moments: tuple[LogEntry, ...]
    looks: tuple[Looked, ...]


@dataclass(frozen=True)
class Replay:
    """A policy, and a rollout that has ended."""

    owner: Owner
    spec: Spec
    timeline: Timeline
    promoted: bool
    """Whether it ended with the promotion of its revision."""
    end: float
    """End of the recording, Unix seconds."""
    source: Source
    """The results of queries at each time."""
    delay: float = 0.0
    """Seconds from a look to its query results from Prometheus."""

    def run(self) -> Replayed:
        """From the start of the rollout to a decision that ends it, or to the end of the
        recording."""
        log, looks = self.begin(), list[Looked]()
        while (now := self.next_pass(log)) is not None:
            looks += self.go_on(log, now)
        return Replayed(
            outcome=_outcome(log.rollout),
            decisions=tuple(log.rollout.new_decisions),
            moments=tuple(m for m in log.moments if not meaning_of(m.reason).recorded),
            looks=tuple(looks),
        )

    def next_pass(self, log: RolloutLog) -> float | None:
        """When the next pass is due, Unix seconds; None: the rollout or the recording ends."""
        rollout = log.rollout
        if rollout.status.candidate is None:
            return None
        now = min(rollout.wakes_at(), log.look, self._next_command(rollout.now))
        return now if now <= self.end else None

    def go_on(self, log: RolloutLog, now: float) -> Iterator[Looked]:
        """Make the pass of this time; the look of it, if there is one."""
        log.rollout.now = now
        request = log.request if now == log.look else None
        if isinstance(request, HistoryRequest):
            log.learn(baseline_from(self.spec, request.read(self.source, now)))
        elif request:
            read = request.read(self.source, now + self.delay)
            log.judge(replace(read, at=now))
            yield _looked(log.rollout)
        self._command(log.rollout)
        log.settle()

    def begin(self) -> RolloutLog:
        """The rollout as it starts."""
        timeline = self.timeline
        ended = timeline.until if self.promoted and timeline.until else -inf
        promoted_at = timeline.guarded_since or ended
        world = RecordedCluster(timeline, promoted_at)
        desired = Desired(self.spec, 1, timeline.stable, name=self.owner.name)
        rollout = SimulatedDeployment(desired, world, timeline.since - _BEFORE)
        rollout.settle()
        rollout.new_decisions.clear()
        log = RolloutLog(self.owner, rollout, timeline.since)
        rollout.now = timeline.since
        rollout.desired = replace(rollout.desired, revision=timeline.revision)
        log.settle()
        if timeline.baseline:
            log.learn(timeline.baseline)
            log.settle()
        return log

    def _next_command(self, now: float) -> float:
        return min((each.at for each in self.timeline.commands if each.at > now), default=inf)

    def _command(self, rollout: SimulatedDeployment) -> None:
        """Repeat the recorded commands."""
        for given in self.timeline.commands:
            if given.at == rollout.now:
                digest = approved_digest(given) or rollout.desired.digest
                rollout.desired = replace(rollout.desired, command=given.command, digest=digest)


def _looked(rollout: SimulatedDeployment) -> Looked:
    candidate = rollout.status.candidate
    if candidate is None:
        raise LookupError("there is no candidate to look at")
    weight = rollout.world.at(rollout.now).weight
    return Looked(rollout.now, weight, candidate.counted, tuple(candidate.checks))


def _outcome(rollout: SimulatedDeployment) -> ReplayOutcome:
    candidate = rollout.status.candidate
    if candidate is not None:
        guarding = candidate.guarding
        return "Promoted" if guarding and not guarding.taking_back else "Undecided"
    return "Promoted" if rollout.new_decisions[-1].reason in PROMOTED else "RolledBack"
