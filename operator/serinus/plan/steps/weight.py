"""A step that gives the candidate a part of the traffic. How it does is for `plan/stepping.py`."""

from serinus.api.steps.given import Given
from serinus.plan.steps.kind import StepKind


class WeightStep(StepKind):
    """Over once the checks have passed at its weight, like each step before more traffic."""

    def text(self, given: Given) -> str:
        """Its weight."""
        return given.short
