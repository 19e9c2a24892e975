"""What a rollout under way wants measured, and what a measurement makes of its status."""

import math
from dataclasses import dataclass

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.quantities import seconds
from serinus.api.spec import Spec
from serinus.api.status import Candidate, CheckStatus, Status
from serinus.judge import (
    EffectiveWeight,
    Progress,
    as_asked,
    asks_of_history,
    covered_until,
    has_learned,
    judge,
    learn,
    longest_warm_up,
    overall,
    questions_of,
)
from serinus.judge.questions import Arm, Counters, History, Measurement, Question, Unreadable
from serinus.manifests.owner import Owner
from serinus.plan.situation import Situation, World

LOOKBACK = 60.0
"""Seconds read beyond the last sample counted, to find the sample that a difference starts at."""
LONGEST_WINDOW = 3600.0
CLOCK_SET_BACK = 600.0
"""Seconds read where the clock cannot tell how long ago something was last counted."""
HISTORY, MINUTE = 3600.0, 60.0
"""Seconds of stable's history that are read, and between its samples."""
SOON = 1.0
"""Seconds within which a history is read."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a running analysis wants measured."""

    interval: float
    """Seconds."""
    questions: tuple[Question, ...]
    candidate: Arm
    stable: Arm
    covered_until: float
    """Unix seconds of the oldest sample from which a difference is still to be taken."""
    warm_up: float = 0.0
    """Seconds before it that pods are looked at as well."""

    @property
    def subject(self) -> tuple[object, ...]:
        """What is measured: a measurement of anything else is of no use."""
        return self.questions, self.candidate, self.stable

    def window(self, now: float) -> float:
        """Seconds back from now that samples are needed.

        Samples newer than now tell of a clock that was set back: how long ago they were taken is
        not known then, and Prometheus, which has a clock of its own, is asked for more.
        """
        age = now - self.covered_until
        if age < -LOOKBACK:
            age = CLOCK_SET_BACK
        return min(age + self.warm_up + LOOKBACK, LONGEST_WINDOW)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """What a rollout wants to know of stable before it begins."""

    interval: float
    """Seconds until it is asked again, should it not be readable."""
    questions: tuple[Counters, ...]
    stable: Arm

    @property
    def subject(self) -> tuple[object, ...]:
        """As with a `Request`."""
        return self.questions, self.stable


Reading = Request | HistoryRequest
"""What is to be read of Prometheus for a rollout."""


def awaits_history(spec: Spec, status: Status) -> bool:
    """Whether stable's history is still to be read; the first traffic by steps waits for it."""
    candidate = status.candidate
    if candidate is None or candidate.mode != "Steps" or candidate.promoting:
        return False
    begun = candidate.analysis_since is not None
    return not begun and not has_learned(spec.rollout.analysis, candidate.baseline)


def requested(owner: Owner, spec: Spec, status: Status) -> Reading | None:
    """What to read for this rollout from now on; None: nothing."""
    return _history(owner, spec, status) or _measurement(owner, spec, status)


def _history(owner: Owner, spec: Spec, status: Status) -> HistoryRequest | None:
    candidate, stable, analysis = status.candidate, status.stable, spec.rollout.analysis
    if candidate is None or stable is None or not awaits_history(spec, status):
        return None
    return HistoryRequest(
        interval=seconds(analysis.interval) if candidate.errors_in_a_row else SOON,
        questions=asks_of_history(analysis),
        stable=Arm(owner.namespace, owner.child(stable.revision)),
    )


def _measurement(owner: Owner, spec: Spec, status: Status) -> Request | None:
    candidate, stable, analysis = status.candidate, status.stable, spec.rollout.analysis
    if candidate is None or stable is None or candidate.analysis_since is None:
        return None
    if not analysis.checks:
        return None
    return Request(
        interval=seconds(analysis.interval),
        questions=questions_of(analysis),
        candidate=Arm(owner.namespace, owner.child(candidate.revision)),
        stable=Arm(owner.namespace, owner.child(stable.revision)),
        covered_until=covered_until(candidate.counted, candidate.analysis_since),
        warm_up=longest_warm_up(analysis),
    )


def next_look(interval: float, now: float) -> float:
    """Looks are at multiples of the interval, so that all rollouts share their queries."""
    return (math.floor(now / interval) + 1) * interval


def told(spec: Spec, history: History) -> Baseline | Unreadable:
    """What stable's history tells a rollout by these steps."""
    weights = [step.set_weight for step in spec.rollout.steps if step.set_weight]
    return learn(spec.rollout.analysis, history, weights)


def learned(spec: Spec, status: Status, found: Baseline | Unreadable) -> Status:
    """The status with what stable's history told, or why it could not be read."""
    candidate, analysis = status.candidate, spec.rollout.analysis
    if candidate is None or not awaits_history(spec, status):
        return status
    if isinstance(found, Unreadable):
        errors = candidate.errors_in_a_row + 1
        changes = {"checks": _unreadable(analysis, found.message), "errors_in_a_row": errors}
    else:
        changes = {"checks": [], "errors_in_a_row": 0, "baseline": found}
    return status.replace(candidate=candidate.replace(**changes))


def _unreadable(analysis: Analysis, message: str) -> list[CheckStatus]:
    """No check can look while this is so."""
    return [
        CheckStatus(name=check.name, kind=check.kind, verdict="Error", message=message[:1024])
        for check in analysis.checks
    ]


def judged(
    spec: Spec, status: Status, measurement: Measurement, world: World | None = None
) -> Status:
    """The status with what a measurement adds to the evidence about the candidate. `world` tells
    how many pods are ready; None: that is not known."""
    candidate = status.candidate
    if candidate is None or candidate.analysis_since is None:
        return status
    before = Progress(
        candidate.counted,
        tuple(candidate.checks),
        candidate.baseline,
        candidate.silence,
        candidate.unreported_since,
    )
    after = judge(
        spec.rollout.analysis,
        before,
        measurement,
        candidate.analysis_since,
        in_effect(candidate),
        _ready(status, world),
    )
    failed = overall(after.checks) == "Error"
    changes = {
        "counted": dict(after.counted),
        "checks": list(after.checks),
        "errors_in_a_row": candidate.errors_in_a_row + 1 if failed else 0,
        "measured_at": candidate.measured_at if failed else measurement.at,
        "silence": after.silence,
        "unreported_since": after.unreported_since,
    }
    return status.replace(candidate=candidate.replace(**changes))


def forget_what_other_checks_found(s: Situation) -> Situation | None:
    """The checks may be edited in mid-rollout: what was found by others, or by other settings,
    passes no step of these."""
    checks = s.candidate.checks and as_asked(s.wish.spec.rollout.analysis, s.candidate.checks)
    return s.to_candidate(checks=checks) if checks != s.candidate.checks else None


def _ready(status: Status, world: World | None) -> tuple[int, int] | None:
    """Ready pods of candidate and stable."""
    if world is None or status.candidate is None or status.stable is None:
        return None
    return world.ready(status.candidate.revision), world.ready(status.stable.revision)


def in_effect(candidate: Candidate) -> EffectiveWeight | None:
    """The weight that the candidate takes; None where it is not the one that its step asks for."""
    weight = candidate.weight
    if candidate.effective_since is None or weight.since is None:
        return None
    return EffectiveWeight(weight.actual / 100, max(candidate.effective_since, weight.since))
