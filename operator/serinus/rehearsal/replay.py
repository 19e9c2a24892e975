"""A rollout judged again from what was recorded of it, by the same policy or by another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final, Literal

from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import CheckStatus, Course, Decision
from serinus.manifests.owner import Owner
from serinus.metrics.requests import HistoryRequest, Source
from serinus.plan.analysis import told
from serinus.plan.situation import Wish
from serinus.rehearsal.account import Account, Moment
from serinus.rehearsal.recorded_world import RecordedWorld
from serinus.rehearsal.rollout import Rollout

Outcome = Literal["Promoted", "RolledBack", "Undecided"]
_BEFORE: Final = 1.0
"""Seconds before the rollout at which stable is there."""
_WAITS_FOR_THE_RECORD: Final = (Reason.AWAITING_PODS, Reason.AWAITING_ROUTE, Reason.ROUTE_REFUSED)
"""What the rules take it for, where pods and weights come when they came."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was known after a look."""

    at: float
    """Unix seconds."""
    weight: float
    """Percent of the traffic that the candidate took."""
    counted: Mapping[str, float]
    """By target, Unix seconds of the last sample counted."""
    checks: tuple[CheckStatus, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a policy makes of the record."""

    outcome: Outcome
    decisions: tuple[Decision, ...]
    """Oldest first."""
    moments: tuple[Moment, ...]
    looks: tuple[Looked, ...]


@dataclass(frozen=True)
class Replay:
    """A policy, and a rollout that went its course."""

    owner: Owner
    spec: Spec
    course: Course
    promoted: bool
    """Whether the course ended with the promotion of its revision."""
    end: float
    """Where the record ends, Unix seconds."""
    source: Source
    """What was to be read at each time."""
    delay: float = 0.0
    """Seconds from a look to the answers that it had from Prometheus."""

    def run(self) -> Replayed:
        """From the start of the rollout to a decision that ends it, or to the record's end."""
        account = self._begun()
        rollout = account.rollout
        looks: list[Looked] = []
        while rollout.status.candidate is not None:
            now = min(rollout.wakes_at(), account.look, self._next_command(rollout.now))
            if now > self.end:
                break
            rollout.now = now
            request = account.request if now == account.look else None
            if isinstance(request, HistoryRequest):
                account.learn(told(self.spec, request.read(self.source, now)))
            elif request:
                read = request.read(self.source, now + self.delay)
                account.judge(replace(read, at=now))
                looks.append(_looked(rollout))
            self._command(rollout)
            account.settle()
        return Replayed(
            outcome=_outcome(rollout),
            decisions=tuple(rollout.news),
            moments=tuple(m for m in account.moments if m.reason not in _WAITS_FOR_THE_RECORD),
            looks=tuple(looks),
        )

    def _begun(self) -> Account:
        course = self.course
        promoted_at = course.until if self.promoted and course.until else -inf
        world = RecordedWorld(course, promoted_at)
        rollout = Rollout(Wish(self.spec, 1, course.stable), world, course.since - _BEFORE)
        rollout.settle()
        rollout.news.clear()
        account = Account(self.owner, rollout, course.since)
        rollout.now = course.since
        rollout.wish = replace(rollout.wish, revision=course.revision)
        account.settle()
        if course.baseline:
            account.learn(course.baseline)
            account.settle()
        return account

    def _next_command(self, now: float) -> float:
        return min((each.at for each in self.course.commands if each.at > now), default=inf)

    def _command(self, rollout: Rollout) -> None:
        """What a person wanted then is wanted again."""
        for given in self.course.commands:
            if given.at == rollout.now:
                rollout.wish = replace(rollout.wish, command=given.command)


def _looked(rollout: Rollout) -> Looked:
    candidate = rollout.status.candidate
    if candidate is None:
        raise LookupError("there is no candidate to look at")
    weight = rollout.world.at(rollout.now).weight
    return Looked(rollout.now, weight, candidate.counted, tuple(candidate.checks))


def _outcome(rollout: Rollout) -> Outcome:
    if rollout.status.candidate is not None:
        return "Undecided"
    return "Promoted" if rollout.news[-1].reason == Reason.PROMOTED else "RolledBack"
