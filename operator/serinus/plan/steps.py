"""The steps of a rollout: their weights, and how the next one is entered."""

from collections.abc import Sequence
from dataclasses import replace

from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.spec import Step
from serinus.api.status import Candidate, CheckStatus, Withdrawn
from serinus.judge import enter_step
from serinus.manifests.routers import router_for
from serinus.plan.policy import policy_digest
from serinus.plan.situation import Situation
from serinus.plan.timeline import weight_ended


def weight_at(steps: Sequence[Step], index: int) -> int:
    """Weight at a step: the last setWeight up to it, 0 before the first."""
    return max((step.set_weight or 0 for step in steps[: index + 1]), default=0)


def _next_step(s: Situation) -> int:
    """Index of the step to enter: the current one again, if it was edited and its weight is not set
    yet."""
    index = min(s.candidate.step, len(s.desired.steps) - 1)
    return index if weight_at(s.desired.steps, index) > s.candidate.weight.wanted else index + 1


def raises_weight_next(s: Situation) -> bool:
    """Whether the next step gives the candidate more traffic (including promotion)."""
    index, steps = _next_step(s), s.desired.steps
    return index >= len(steps) or steps[index].set_weight is not None


def enter_next_step(s: Situation, why: str) -> Situation:
    """Enter the next step; after the last step the candidate waits to be promoted."""
    index = _next_step(s)
    if index >= len(s.desired.steps):
        done = s.to_candidate(step=len(s.desired.steps), promoting=True, step_since=None, hold=None)
        message = f"All steps have passed; promoting revision {s.candidate.revision}. {why}"
        return done.because(Reason.PROMOTING, s.candidate.revision, message)
    return _enter(s.to_candidate(step=index, step_since=s.now, hold=None), why)


def _enter(s: Situation, why: str) -> Situation:
    before, wanted = s.candidate.weight.wanted, weight_at(s.desired.steps, s.candidate.step)
    if wanted == before:
        return s
    entered = _want(s.to_candidate(entries=0), wanted)
    message = f"Weight {before:g}% -> {wanted:g}%. {why}"
    return entered.because(Reason.WEIGHT_RAISED, s.candidate.revision, message)


def held_by_spec(s: Situation) -> bool:
    """Whether spec.rollout.paused holds the candidate."""
    candidate = s.candidate
    return s.desired.spec.rollout.paused and candidate.mode == "Steps" and not candidate.commanded


def but_for_open_connections(s: Situation) -> str:
    """What a Service cannot withdraw from pods that stay."""
    few = router_for(s.desired.spec).shares_one_service
    return ", but for connections that clients keep open to its pods" if few else ""


def withdraw(s: Situation, reason: Reason, message: str) -> Situation:
    """Give its traffic to stable; it is not rejected."""
    weight = s.candidate.weight
    s = s.to(timeline=weight_ended(s.status.timeline, s.now))
    s = replace(s, world=replace(s.world, split_in_effect=False))
    withdrawn = Withdrawn(
        since=s.now, weight=weight.wanted, policy=policy_digest(s.desired.spec.rollout)
    )
    s = s.to_candidate(
        withdrawn=withdrawn,
        weight=weight.replace(wanted=0),
        effective_since=None,
        silence=None,
        promoting=False,
    )
    s = s.hold(reason, message)
    return s.because(reason, s.candidate.revision, message)


def resume_step(s: Situation, why: str) -> Situation:
    """Restore the withdrawn traffic, and start the step again."""
    candidate, steps = s.candidate, s.desired.steps
    index = max(min(candidate.step, len(steps) - 1), 0)
    weight = weight_at(steps, index)
    if candidate.withdrawn is not None:
        weight = min(weight, int(candidate.withdrawn.weight))
    resumed = s.to_candidate(
        withdrawn=None, hold=None, step=index, step_since=s.now, pods_awaited=0
    )
    message = f"Weight 0% -> {weight}%: the step resumes. {why}"
    return _want(resumed, weight).because(Reason.WEIGHT_RAISED, candidate.revision, message)


def _want(s: Situation, weight: float) -> Situation:
    checks: list[CheckStatus] = enter_step(s.candidate.checks, again=s.candidate.entries > 0)
    # the split in effect is that of the previous weight
    s = replace(s, world=replace(s.world, split_in_effect=False))
    return s.to_candidate(
        weight=s.candidate.weight.replace(wanted=weight),
        effective_since=None,
        unmeasured=0.0,
        unreadable_since=None,
        checks=checks,
    )


def keep_to_the_steps_of_the_spec(s: Situation) -> Situation | None:
    """Steps may be edited during a rollout: go to the last one with at most the present weight. If
    all have more, the first one's weight is set like any other: after a verdict at the present
    one."""
    candidate, steps = s.candidate, s.desired.steps
    if candidate.mode != "Steps" or candidate.promoting or candidate.withdrawn:
        return None
    if not steps:
        held = s.desired.spec.rollout.paused
        return None if held else enter_next_step(s, "The spec has no steps.")
    had = candidate.weight.wanted
    if candidate.step < len(steps) and weight_at(steps, candidate.step) == had:
        return None
    within = [index for index in range(len(steps)) if weight_at(steps, index) <= had]
    if not within:
        return s.to_candidate(step=0, step_since=s.now) if candidate.step else None
    weight = weight_at(steps, max(within))
    gates = [i for i in within if steps[i].approval and weight_at(steps, i) == weight]
    index = min(gates, default=max(within))
    entered = s.to_candidate(step=index, step_since=s.now)
    if weight == had:
        return entered
    message = f"The steps in the spec changed: weight {had:g}% -> {weight}%."
    changed = _want(entered.to_candidate(entries=0), weight)
    return changed.because(Reason.WEIGHT_CHANGED, candidate.revision, message)


def pause_ends(s: Situation) -> float | None:
    """End of the current pause, Unix seconds; infinity: until a command; None: no pause."""
    return pause_until(s.desired.steps, s.candidate)


def pause_until(steps: Sequence[Step], candidate: Candidate) -> float | None:
    """End of the pause that a candidate is in, like `pause_ends`."""
    pause = steps[candidate.step].pause if candidate.step < len(steps) else None
    if pause is None:
        return None
    if pause.duration is None:
        return float("inf")
    return (candidate.step_since or candidate.since) + seconds(pause.duration)
