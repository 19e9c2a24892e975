"""A step that gives the candidate a part of the traffic."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from serinus.api.base import CelRule
from serinus.api.capabilities import Capability
from serinus.api.problem import Problem
from serinus.api.steps.given import Given

NEEDS: Final = frozenset({Capability.WEIGHTS})
"""Of the router."""
MOST_WEIGHT: Final = 99
ALL_TRAFFIC: Final = (
    "must be at most 99: the candidate is compared with stable, which needs traffic too. Remove "
    "this step: after the last step the candidate is promoted and gets all traffic"
)
"""The error message for weight 100."""

SetWeight = Annotated[int, Field(ge=1, le=100), CelRule(f"self <= {MOST_WEIGHT}", ALL_TRAFFIC)]
RISE: Final = (
    "!has(self.steps) || "
    "self.steps.filter(s, has(s.setWeight)).map(s, s.setWeight).isSorted() && "
    "self.steps.filter(s, has(s.setWeight)).all(s, "
    "self.steps.exists_one(t, has(t.setWeight) && t.setWeight == s.setWeight))"
)
"""That the weights of steps increase, in CEL."""


def gives(weight: int) -> Given:
    """A part of the clients' requests."""
    return Given(weight=weight)


def too_much(weight: int) -> Iterator[Problem]:
    """Objects from before the API server rejected weight 100 may still have it."""
    if weight > MOST_WEIGHT:
        yield Problem("", ALL_TRAFFIC)
