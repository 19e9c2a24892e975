"""The state of a ModelDeployment: revisions, steps, checks with their figures, the reason for
waiting."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal

from serinus.api.checks import Mode
from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.stages import AWAITS_PROMOTION, COMPARED
from serinus.api.status import (
    Candidate,
    Condition,
    Decision,
    FollowedVersion,
    Rejected,
    Retraining,
    Stable,
    Status,
    Verdict,
)
from serinus.api.steps import Step
from serinus.api.steps.results import in_words
from serinus.plan.audit import first_failure
from serinus.plan.chosen_steps import steps_of
from serinus.plan.stepping import given_at, step_ends
from serinus.plan.steps import kind_of, shown
from serinus.views.retraining import retraining_lines
from serinus.views.roles import Roles, roles_of


@dataclass(frozen=True, slots=True)
class ArmView:
    """Stable or the candidate."""

    revision: str
    version: str | None
    """model.version, if given."""
    ready: int
    """Number of pods."""
    weight: float
    """Actual percentage of the traffic."""


StepState = Literal["done", "skipped", "current", "pending"]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the rollout."""

    weight: int
    """The candidate's weight in percent."""
    fields: Mapping[str, Any]
    """What kinds of steps show of it, also those that it is not of."""
    text: str
    short: str
    """The same where there is little room."""
    state: StepState
    result: str = ""
    """What it has found out; empty: nothing, or not yet."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check of the running analysis."""

    name: str
    kind: str
    mode: Mode
    """Audit: it decides nothing."""
    verdict: Verdict
    would_have: str
    """What its first failure would have caused, and when; empty unless in audit mode."""
    message: str
    candidate: float
    """The candidate's requests in this rollout, if this check counts any."""
    stable: float
    """Stable's requests."""

    @property
    def evidence(self) -> str:
        """Its message, after what its failure would have caused."""
        would = self.would_have
        return f"{would[0].upper()}{would[1:]}. {self.message}" if would else self.message


def named(check: str, mode: Mode) -> str:
    """The name of a check, and whether it decides nothing."""
    return check if mode == "Enforce" else f"{check} (audit)"


@dataclass(frozen=True, slots=True)
class WaitView:
    """Why the rollout waits."""

    reason: str
    message: str
    seconds: float
    """Seconds since the wait began."""
    left: float | None
    """Seconds until it continues, if only time decides that; otherwise None."""


@dataclass(frozen=True, slots=True)
class GuardView:
    """A guard after promotion."""

    until: float
    """Unix seconds."""
    left: float
    """Seconds."""
    holdback: float
    """Percentage of the traffic that stays with the previous revision."""
    taking_back: bool
    """Whether the previous revision takes all traffic back."""


NOT_SEEN: Final = (
    "No operator has acted on it yet: check that one is running, and that its class is spec.class."
)


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A ModelDeployment at one time."""

    phase: str
    message: str
    model: FollowedVersion | None
    """What an alias in a registry names, if the spec follows one."""
    stable: ArmView | None
    candidate: ArmView | None
    roles: Roles
    """What users know these two as."""
    wanted: float | None
    """Weight of the candidate's step in percent; None without a candidate."""
    mirrored: float
    """Percentage of the requests that are copied to it."""
    promoting: bool
    """All steps have passed."""
    guard: GuardView | None
    """Set while the candidate is promoted and guarded."""
    steps: tuple[StepView, ...]
    """Empty without a rollout in steps."""
    checks: tuple[CheckView, ...]
    wait: WaitView | None
    rejected: Rejected | None
    retiring: tuple[str, ...]
    """Revisions whose pods will be deleted."""
    decisions: tuple[Decision, ...]
    """Recent decisions, newest first."""
    conditions: tuple[Condition, ...]
    """Conditions that report a problem, except Ready, which repeats `message`."""
    retraining: Retraining | None
    retrained: tuple[str, ...]
    """The last retraining in sentences; empty: there was none, and none is to come."""

    @property
    def step(self) -> int:
        """The number of the current step, from 1; 0 without steps."""
        over = sum(step.state in ("done", "skipped") for step in self.steps)
        return min(over + 1, len(self.steps))

    @property
    def stage(self) -> str:
        """What comes after the steps; empty: they are not over, or there is no rollout."""
        if self.guard:
            return "taking back" if self.guard.taking_back else "guarded"
        return "promoting" if self.promoting else ""


def rollout_view(spec: Spec | None, status: Status, now: float) -> RolloutView:
    """The view at a time in Unix seconds. Without a spec, for example if this version cannot read
    it, there are no steps."""
    stable, candidate = status.stable, status.candidate
    weight = candidate.weight.actual if candidate else 0.0
    steps = steps_of(spec.rollout, status.candidate) if spec else []
    return RolloutView(
        phase=status.phase,
        message=NOT_SEEN if status == Status() else status.message,
        model=status.model,
        stable=_arm(stable, 100.0 - weight) if stable else None,
        candidate=_arm(candidate, weight) if candidate else None,
        roles=roles_of(candidate),
        wanted=candidate.weight.wanted if candidate else None,
        mirrored=(candidate and candidate.weight.mirrored) or 0.0,
        promoting=bool(candidate and candidate.stage in AWAITS_PROMOTION),
        guard=_guard(candidate, now) if candidate else None,
        steps=_steps(steps, candidate) if candidate and candidate.stage in COMPARED else (),
        checks=_checks(candidate) if candidate else (),
        wait=_wait(steps, candidate, now) if candidate else None,
        rejected=status.rejected,
        retiring=tuple(each.revision for each in status.retiring),
        decisions=tuple(status.decisions),
        conditions=tuple(filter(_is_amiss, status.conditions)),
        retraining=status.retraining,
        retrained=retraining_lines(status.retraining),
    )


def _guard(candidate: Candidate, now: float) -> GuardView | None:
    guarding = candidate.guarding
    if guarding is None:
        return None
    return GuardView(
        until=guarding.until,
        left=max(guarding.until - now, 0.0),
        holdback=100 - candidate.weight.wanted,
        taking_back=guarding.taking_back is not None,
    )


def _arm(role: Stable | Candidate, weight: float) -> ArmView:
    return ArmView(role.revision, role.version, role.ready_replicas, weight)


def _steps(steps: list[Step], candidate: Candidate) -> tuple[StepView, ...]:
    def state(index: int) -> StepState:
        if index < candidate.step:
            return "skipped" if index in candidate.skipped else "done"
        return "current" if index == candidate.step else "pending"

    found = {each.step: in_words(each.said) for each in candidate.results}

    def view(index: int, step: Step) -> StepView:
        given, kind = given_at(steps, index), kind_of(step)
        texts = (kind.text(given), kind.short(given))
        return StepView(given.weight, shown(step), *texts, state(index), found.get(index, ""))

    return tuple(view(index, step) for index, step in enumerate(steps))


def _checks(candidate: Candidate) -> tuple[CheckView, ...]:
    return tuple(
        CheckView(
            check.name,
            check.kind,
            check.mode,
            check.verdict,
            first_failure(check, candidate),
            check.message,
            check.requests.candidate,
            check.requests.stable,
        )
        for check in candidate.checks
    )


def _wait(steps: list[Step], candidate: Candidate, now: float) -> WaitView | None:
    hold = candidate.hold
    if hold is None:
        return None
    ends = step_ends(steps, candidate) if hold.reason == Reason.AWAITING_PAUSE else inf
    left = max(ends - now, 0.0) if ends < inf else None
    return WaitView(hold.reason, hold.message, max(now - hold.since, 0.0), left)


_GOOD: Final = ("Available", "MetricsAvailable", "ModelResolved")
"""Conditions that are True while all is well."""


def _is_amiss(condition: Condition) -> bool:
    if condition.type in ("Ready", "Reconciling"):
        return False
    good = "True" if condition.type in _GOOD else "False"
    return condition.status not in (good, "Unknown")
