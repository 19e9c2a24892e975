"""A finding: a verdict, the figures behind it, and the state of its check."""

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
class Finding:
    """The result of a check at a look."""

    verdict: Verdict
    figures: Figures
    state: CheckState

    @property
    def message(self) -> str:
        """The figures in one or a few sentences."""
        return self.figures.message
