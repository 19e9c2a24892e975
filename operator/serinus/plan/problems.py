"""What is not as desired, as a pass finds it: how grave it is, what it is about, how it is said.

What a rule decides by is a fact of its own, see `World`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from serinus.api.reasons import About, Reason


class Severity(IntEnum):
    """How grave a problem is, gravest first."""

    INTERVENTION = 0
    """The ModelDeployment is degraded until a person has solved it. It stops no rule."""
    REPAIR = 1
    """What it is about waits for a person."""
    OUTAGE = 2
    """Nothing is served."""
    WAIT = 3
    """What it is about comes about by itself, as far as is known."""
    NOTE = 4
    """Nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as desired."""

    reason: Reason
    severity: Severity
    about: About
    text: str
    """One or more sentences; the last full stop may be missing."""

    @property
    def needs_a_person(self) -> bool:
        """Whether what it is about does not come about by itself."""
        return self.severity <= Severity.REPAIR


def gravest_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As `World` has them; of two that are equally grave, the one that was given first."""
    return tuple(sorted(problems, key=lambda each: each.severity))
