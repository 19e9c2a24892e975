"""The bounds of the kinds that compare.

Two numbers rule each comparison. The tolerance is where a rollback starts: shown to be worse
than this. The margin is where a pass starts: shown to be better than this. Between the two
the verdict is Inconclusive, and the rollout waits for more requests.
"""

from collections.abc import Iterator
from typing import Self

from pydantic import JsonValue, model_validator

from serinus.api.base import Duration, Percent
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import Settings
from serinus.api.problem import Problem
from serinus.api.quantities import fraction

MARGIN_ABOVE_TOLERANCE: JsonValue = {
    "rule": "self.margin > self.tolerance",
    "message": "margin must be greater than tolerance: between the two the verdict is Inconclusive",
}


class Compared(Settings):
    """Worse than `tolerance`: roll back. Better than `margin`: pass."""

    tolerance: float
    absolute_tolerance: Percent
    margin: float
    absolute_margin: Percent

    @model_validator(mode="after")
    def _margin_above_tolerance(self) -> Self:
        if self.margin <= self.tolerance:
            raise ValueError("margin must be greater than tolerance")
        return self

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        tolerance, margin = self.absolute_tolerance, self.absolute_margin
        if fraction(margin) < fraction(tolerance):
            message = (
                f"{margin} is below absoluteTolerance, {tolerance}: "
                "a Pass must be within the tolerance"
            )
            yield Problem("absoluteMargin", message)
