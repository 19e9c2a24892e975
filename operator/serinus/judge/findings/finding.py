"""A finding: the verdict, the figures behind it, and what is known then."""

from dataclasses import dataclass
from typing import Protocol

from serinus.api.status import CheckState, Verdict


class Figures(Protocol):
    """What a check came to, in numbers and names."""

    @property
    def message(self) -> str:
        """The same in a sentence or a few, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to."""

    verdict: Verdict
    figures: Figures
    state: CheckState

    @property
    def message(self) -> str:
        """The figures in a sentence or a few, for a person."""
        return self.figures.message
