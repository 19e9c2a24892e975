"""The bounds of the kinds that compare.

Two numbers rule each comparison. The tolerance is where a rollback starts: shown to be worse
than this. The margin is where a pass starts: shown to be better than this. Between the two
the verdict is Inconclusive, and the rollout waits for more requests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import JsonValue, model_validator
from pydantic.alias_generators import to_snake

from serinus.api.base import Duration, Percent
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import Settings
from serinus.api.problem import Problem
from serinus.api.quantities import fraction

MARGIN_ABOVE_TOLERANCE: JsonValue = {
    "rule": "self.margin > self.tolerance",
    "message": "margin must be greater than tolerance: between the two the verdict is Inconclusive",
}


_NUMBERS = {2: "two", 3: "three"}


@dataclass(frozen=True, slots=True)
class Shorthand:
    """A number that people know, which stands for other settings."""

    name: str
    stands_for: Mapping[str, float | str]
    """The other settings by name, with their defaults. The API server adds these, so they do not
    count as set."""

    @property
    def message(self) -> str:
        """What is wrong with setting both."""
        *others, last = self.stands_for
        both = f"set either {self.name} or {', '.join(others)} and {last}, not both"
        return f"{both}: {self.name} stands for the {_NUMBERS[len(self.stands_for)]}"

    @property
    def rule(self) -> JsonValue:
        """For the API server."""
        usual = (
            f"self.{name} == {value!r}".replace('"', "'") for name, value in self.stands_for.items()
        )
        rule = f"!has(self.{self.name}) || ({' && '.join(usual)})"
        return {"rule": rule, "message": self.message}

    def excludes(self, settings: Settings) -> bool:
        """Whether both are set."""
        usual = all(
            getattr(settings, to_snake(name)) == value for name, value in self.stands_for.items()
        )
        return getattr(settings, self.name) is not None and not usual


class Compared(Settings):
    """Worse than `tolerance`: roll back. Better than `margin`: pass."""

    shorthand: ClassVar[Shorthand | None] = None
    """Another way to write tolerance and margin."""

    tolerance: float
    absolute_tolerance: Percent
    margin: float
    absolute_margin: Percent

    @model_validator(mode="after")
    def _one_tolerance(self) -> Self:
        if self.shorthand and self.shorthand.excludes(self):
            raise ValueError(self.shorthand.message)
        return self

    @model_validator(mode="after")
    def _margin_above_tolerance(self) -> Self:
        if self.margin <= self.tolerance:
            raise ValueError(
                f"margin must be greater than tolerance: they are {self.margin:g} and "
                f"{self.tolerance:g}"
            )
        return self

    @property
    def bounds(self) -> tuple[str, str]:
        """Tolerance and margin in words."""
        return (
            f"{self.tolerance:g} times + {self.absolute_tolerance}",
            f"{self.margin:g} times + {self.absolute_margin}",
        )

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        tolerance, margin = self.absolute_tolerance, self.absolute_margin
        if fraction(margin) < fraction(tolerance):
            message = (
                f"{margin} is below absoluteTolerance, {tolerance}: "
                "a Pass must be within the tolerance"
            )
            yield Problem("absoluteMargin", message)
