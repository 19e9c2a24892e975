"""Steps that need what the router is known not to do.

They are refused before they begin. Once the candidate gets requests it is judged by them, whatever
is said of the router since: a rollout in its middle goes on.
"""

from typing import Final

from serinus.api.capabilities import Capability
from serinus.api.status import Status
from serinus.plan.chosen_steps import steps_of
from serinus.plan.situation import Desired, Situation

SEE_ITS_CLASS: Final = "see status.supportedFeatures of its GatewayClass"
"""Where to look if what the router should be able to do does not happen."""


def needs_ahead(desired: Desired, status: Status) -> frozenset[Capability]:
    """What the steps of a rollout need of the router that starts, or whose candidate gets no
    requests yet; of any other nothing."""
    stable, candidate, rejected = status.stable, status.candidate, status.rejected
    done = {role.revision for role in (stable, rejected) if role is not None}
    if stable is None or (candidate is None and desired.revision in done):
        return frozenset()
    if candidate is not None and candidate.weight.percent:
        return frozenset()
    steps = steps_of(desired.spec.rollout, candidate)
    return frozenset(need for step in steps for need in step.needs)


def unfit_at(s: Situation, index: int) -> str:
    """What a step needs and the router cannot do, as a message that names the field; empty: the
    router can do all, or there is no such step."""
    for step in s.steps[index : index + 1]:
        for need in sorted(step.needs & s.world.unable.keys()):
            why = f"needs a router that can {need}, and {s.world.unable[need]}"
            return f"spec.rollout.steps[{index}].{step.kind}: {why}"
    return ""


def unfit_to_resume(s: Situation) -> str:
    """The same of the step that says what a candidate gets whose traffic was withdrawn."""
    known = [i for i, step in enumerate(s.steps[: s.candidate.step + 1]) if step.gives]
    return unfit_at(s, known[-1]) if known else ""


def first_unfit_step(s: Situation) -> str:
    """The same of the first of all steps of which there is something to say."""
    return next(filter(None, (unfit_at(s, index) for index in range(len(s.steps)))), "")
