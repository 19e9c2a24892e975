"""The steps of a rollout and how long they may last: as the spec says, or as was forecast."""

from serinus.api.analysis import Analysis
from serinus.api.spec import Rollout
from serinus.api.status import Candidate
from serinus.api.steps import Step


def steps_of(rollout: Rollout, candidate: Candidate | None) -> list[Step]:
    """In their order. Those of a spec without steps are chosen when stable's history was read."""
    baseline = candidate.baseline if candidate else None
    if rollout.step_choice is None or baseline is None or not baseline.weights:
        return rollout.steps
    return Step.of_weights(baseline.weights)


def step_may_last(analysis: Analysis, candidate: Candidate | None) -> float:
    """Seconds until onInconclusive decides."""
    baseline = candidate.baseline if candidate else None
    return analysis.step_may_last(baseline.slowest_step if baseline else None)
