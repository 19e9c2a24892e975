"""A finding: a verdict, the figures behind it, and the state of its check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from serinus.api.status import CheckState, Verdict


class Figures(Protocol):
    """The numbers and names behind a verdict."""

    @property
    def message(self) -> str:
        """The same in one or a few sentences."""
        ...


@dataclass(frozen=True, slots=True)
class Later:
    """Figures that are computed when they are read: those of a forecast take as long as a look."""

    compute: Callable[[], Figures]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check at a look."""

    verdict: Verdict
    explanation: Figures | Later
    state: CheckState
    early: bool = False
    """Whether nothing of what the look counted counts yet."""

    @property
    def figures(self) -> Figures:
        """The numbers and names behind the verdict."""
        known = self.explanation
        return known.compute() if isinstance(known, Later) else known

    @property
    def message(self) -> str:
        """The figures in one or a few sentences."""
        return self.figures.message
