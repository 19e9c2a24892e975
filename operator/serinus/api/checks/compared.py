"""What all kinds say of themselves, and the bounds of those that compare.

Two numbers rule each comparison. The tolerance is where a rollback starts: shown to be worse
than this. The margin is where a pass starts: shown to be better than this. Between the two
the verdict is Inconclusive, and the rollout waits for more requests.
"""

from typing import ClassVar, Self

from pydantic import JsonValue, model_validator

from serinus.api.base import Percent, Type

MARGIN_ABOVE_TOLERANCE: JsonValue = {
    "rule": "self.margin > self.tolerance",
    "message": "margin must be greater than tolerance: between the two the verdict is Inconclusive",
}


class Settings(Type):
    """Of one kind of check, and what that kind does."""

    shares_budget: ClassVar[bool] = True
    """Rolls back by counts, which may vary more than by chance: its chance of error is known, and a
    share of falseRollbackBudget."""
    asks_of_stable: ClassVar[bool] = True
    """Compares the candidate with stable."""
    counts_requests: ClassVar[bool] = False
    """Every ready pod that serves counts something of what it reads."""
    finds_bad_events: ClassVar[bool] = False
    """Its evidence are events of which there are too many."""


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
