"""The kinds of steps: what ends a step, and who. A file a kind; its settings are in api/steps/."""

from collections.abc import Mapping
from typing import Any, Final

from serinus.api.spec import Rollout
from serinus.api.stages import WHOLE
from serinus.api.status import Candidate
from serinus.api.steps import Step
from serinus.plan.chosen_steps import steps_of
from serinus.plan.steps.approval import ApprovalStep
from serinus.plan.steps.job import JobStep
from serinus.plan.steps.kind import Gate, StepKind
from serinus.plan.steps.mirror import MirrorStep
from serinus.plan.steps.pause import PauseStep
from serinus.plan.steps.preview import PreviewStep
from serinus.plan.steps.weight import WeightStep

STEP_KINDS: Final[Mapping[str, type[StepKind]]] = {
    "preview": PreviewStep,
    "mirror": MirrorStep,
    "setWeight": WeightStep,
    "pause": PauseStep,
    "approval": ApprovalStep,
    "job": JobStep,
}


def kind_of(step: Step) -> StepKind:
    """The kind of a step, with its settings."""
    return STEP_KINDS[step.kind](step.settings)


def shown(step: Step) -> dict[str, Any]:
    """The fields of a view of it, also those that other kinds set."""
    unset = {k: v for kind in STEP_KINDS.values() for k, v in kind.unset.items()}
    return unset | dict(kind_of(step).shown())


def gate_at(rollout: Rollout, candidate: Candidate | None, digest: str) -> Gate | None:
    """The step that holds the candidate until a person has let it pass; None: there is none."""
    steps = steps_of(rollout, candidate)
    if candidate is None or candidate.stage in WHOLE or candidate.step >= len(steps):
        return None
    step = kind_of(steps[candidate.step])
    return step if isinstance(step, Gate) and step.is_closed(candidate, digest) else None
