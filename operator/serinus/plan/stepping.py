"""The steps of a rollout: their weights, and how the next one is entered."""

import math
from collections.abc import Sequence
from dataclasses import replace

from serinus.api.capabilities import Capability
from serinus.api.reasons import Reason
from serinus.api.stages import WHOLE, Stage
from serinus.api.status import Candidate, CheckStatus, Withdrawn
from serinus.api.steps import Given, Step
from serinus.judge import enter_step
from serinus.manifests.task import Task
from serinus.plan.policy import is_of, policy_digest
from serinus.plan.situation import Situation
from serinus.plan.steps import gate_at, kind_of
from serinus.plan.steps.kind import Gate, StepKind
from serinus.plan.timeline import weight_ended
from serinus.plan.traffic import NOTHING, given_of, preview_of, withdrawn_from
from serinus.plan.unable import unfit_at


def given_at(steps: Sequence[Step], index: int) -> Given:
    """What a candidate is given at a step: by the last one up to it that says so."""
    given = [step.gives for step in steps[: index + 1] if step.gives is not None]
    return given[-1] if given else NOTHING


def changed(before: Given, after: Given, *, begins: bool = True) -> str:
    """In a message, such as Weight 5% -> 25%; `begins`: with a capital."""
    of_weights = not any(each.mirrored or each.preview for each in (before, after))
    text = f"{before} -> {after.short}" if of_weights else f"{before} -> {after}"
    return f"{text[0].upper()}{text[1:]}" if begins else text


def _next_step(s: Situation) -> int:
    """Index of the step to enter: the current one again, if it was edited and its weight is not set
    yet."""
    index = min(s.candidate.step, len(s.steps) - 1)
    return index if given_at(s.steps, index).rank > given_of(s.candidate).rank else index + 1


def gives_more_next(s: Situation) -> bool:
    """Whether the next step gives the candidate more traffic (including promotion)."""
    index, steps = _next_step(s), s.steps
    return index >= len(steps) or steps[index].gives is not None


def unfit_next(s: Situation) -> str:
    """Why the next step cannot begin, as a message; empty: it can."""
    return unfit_at(s, _next_step(s))


def enter_next_step(s: Situation, why: str) -> Situation:
    """Enter the next step; after the last step the candidate waits to be promoted."""
    index = _next_step(s)
    if index >= len(s.steps):
        done = s.to_candidate(
            stage=Stage.PROMOTING,
            step=len(s.steps),
            step_since=None,
            passed=policy_digest(s.desired.spec.rollout),
            hold=None,
        )
        message = f"All steps have passed; promoting revision {s.candidate.revision}. {why}"
        return done.because(Reason.PROMOTING, s.candidate.revision, message)
    return _enter(_at_step(s, index).to_candidate(hold=None), why)


def _at_step(s: Situation, index: int) -> Situation:
    """In a step that begins, also if it has begun before."""
    skipped = [each for each in s.candidate.skipped if each < index]
    return s.to_candidate(step=index, step_since=s.now, task=None, skipped=skipped)


def _enter(s: Situation, why: str) -> Situation:
    before, wanted = given_of(s.candidate), given_at(s.steps, s.candidate.step)
    if wanted == before:
        return s
    entered = _want(s.to_candidate(entries=0), wanted)
    message = f"{changed(before, wanted)}. {why}"
    return entered.because(Reason.WEIGHT_RAISED, s.candidate.revision, message)


def skip_step(s: Situation) -> Situation:
    """Enter the next step by command."""
    step = current_step(s.steps, s.candidate)
    if step is not None and step.is_skipped(s):
        s = s.to_candidate(skipped=[*s.candidate.skipped, s.candidate.step])
    return enter_next_step(s, "Advanced by command.")


def but_for_open_connections(s: Situation) -> str:
    """What a Service cannot withdraw from pods that stay."""
    if Capability.EACH_REQUEST in s.desired.spec.traffic.capabilities:
        return ""
    return ", but for connections that clients keep open to its pods"


def withdraw(s: Situation, reason: Reason, message: str) -> Situation:
    """Give its traffic to stable; it is not rejected."""
    weight = s.candidate.weight
    s = s.to(timeline=weight_ended(s.status.timeline, s.now))
    s = replace(s, world=replace(s.world, split_in_effect=False))
    withdrawn = Withdrawn(
        since=s.now,
        weight=weight.wanted,
        mirrored=weight.mirrored,
        policy=policy_digest(s.desired.spec.rollout),
    )
    s = s.to_candidate(
        stage=Stage.WITHDRAWN,
        withdrawn=withdrawn,
        weight=weight.replace(wanted=0, mirrored=None),
        **preview_of(NOTHING),
        effective_since=None,
        silence=None,
        task=None,
    )
    s = s.hold(reason, message)
    return s.because(reason, s.candidate.revision, message)


def resume_step(s: Situation, why: str) -> Situation:
    """Restore the withdrawn traffic, and start the step again. If it gives more by now, the
    candidate gets what it had, and that after a verdict."""
    candidate, steps = s.candidate, s.steps
    index = max(min(candidate.step, len(steps) - 1), 0)
    given = given_at(steps, index)
    if candidate.withdrawn is not None:
        given = given.at_most(withdrawn_from(candidate.withdrawn))
    resumed = s.to_candidate(
        stage=Stage.STEPPING,
        withdrawn=None,
        hold=None,
        step=index,
        step_since=s.now,
        pods_awaited=0,
    )
    message = f"{changed(NOTHING, given)}: the step resumes. {why}"
    return _want(resumed, given).because(Reason.WEIGHT_RAISED, candidate.revision, message)


def _want(s: Situation, given: Given) -> Situation:
    checks: list[CheckStatus] = enter_step(s.candidate.checks, again=s.candidate.entries > 0)
    # the split in effect is that of the previous weight
    s = replace(s, world=replace(s.world, split_in_effect=False))
    return s.to_candidate(
        weight=s.candidate.weight.replace(wanted=given.weight, mirrored=given.mirrored or None),
        **preview_of(given),
        effective_since=None,
        interrupted_since=None,
        unmeasured=0.0,
        unreadable_since=None,
        checks=checks,
    )


def keep_to_the_steps_of_the_spec(s: Situation) -> Situation | None:
    """Steps may be edited during a rollout: go to the last one with at most the present weight, but
    not past one of its weight that somebody must let pass, or that runs something. If all have
    more, the first one's weight is set like any other: after a verdict at the present one. If only
    the requests of its preview changed, it stays where it is."""
    candidate, steps = s.candidate, s.steps
    if not steps:
        held = s.desired.spec.rollout.paused
        return None if held else enter_next_step(s, "The spec has no steps.")
    had = given_of(candidate)
    if candidate.step < len(steps) and (here := given_at(steps, candidate.step)).rank == had.rank:
        return _keep_to(s, here)
    within = [index for index in range(len(steps)) if given_at(steps, index).rank <= had.rank]
    if not within:
        return _at_step(s, 0) if candidate.step else None
    given = given_at(steps, max(within))
    kept = [i for i in within if kind_of(steps[i]).kept_by_edits and given_at(steps, i) == given]
    entered = _at_step(s, min(kept, default=max(within)))
    return _keep_to(entered, given) or entered


def return_to_the_steps_of_another_policy(s: Situation) -> Situation | None:
    """While pods for all traffic start, the traffic is that of the last step: what is added to the
    spec by then, such as an approval or a check, is passed like before."""
    candidate = s.candidate
    if is_of(candidate.passed, s.desired.spec.rollout):
        return None
    since = candidate.effective_since and s.now
    returned = s.to_candidate(
        stage=Stage.STEPPING,
        step=len(s.steps),
        weight_since=since,
        unmeasured=0.0,
        unreadable_since=None,
        hold=None,
    )
    if not s.steps:
        return returned
    message = "spec.rollout changed after all steps had passed: its last step begins again."
    return returned.because(Reason.WEIGHT_CHANGED, candidate.revision, message)


def _keep_to(s: Situation, given: Given) -> Situation | None:
    """Give what the steps in the spec give; None: the candidate has that."""
    had = given_of(s.candidate)
    if given == had:
        return None
    message = f"The steps in the spec changed: {changed(had, given, begins=False)}."
    kept_to = _want(s.to_candidate(entries=0), given)
    return kept_to.because(Reason.WEIGHT_CHANGED, s.candidate.revision, message)


def current_step(steps: Sequence[Step], candidate: Candidate) -> StepKind | None:
    """The step in which a candidate waits; None: all are over."""
    return kind_of(steps[candidate.step]) if candidate.step < len(steps) else None


def step_ends(steps: Sequence[Step], candidate: Candidate) -> float:
    """When the current step ends by itself, Unix seconds; infinity: not by time."""
    step = current_step(steps, candidate)
    return step.ends(candidate) if step else math.inf


def tasks_of(steps: Sequence[Step], candidate: Candidate) -> tuple[Task, ...]:
    """What the current step runs beside the pods."""
    step = current_step(steps, candidate) if candidate.stage is Stage.STEPPING else None
    return step.tasks(candidate) if step else ()


def gate(s: Situation) -> Gate | None:
    """The step that holds the candidate until a person has let it pass; None: there is none."""
    return gate_at(s.desired.spec.rollout, s.candidate, s.desired.digest)


def gates_ahead(s: Situation) -> dict[int, Gate]:
    """The steps that no command may skip and that are still to be passed, by number from 1."""
    steps, first, digest = s.steps, s.candidate.step, s.desired.digest
    if s.candidate.stage in WHOLE:
        return {}
    gates = {
        number: kind for number, kind in enumerate(map(kind_of, steps)) if isinstance(kind, Gate)
    }
    return {
        number + 1: kind
        for number, kind in gates.items()
        if number > first or (number == first and kind.is_closed(s.candidate, digest))
    }
