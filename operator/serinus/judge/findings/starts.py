"""Pods that are slow or fail at their start: whether they level off, and what is left out."""

from dataclasses import dataclass

from serinus.api.quantities import spoken
from serinus.judge.findings import words
from serinus.judge.findings.finding import Figures


@dataclass(frozen=True, slots=True)
class MayBeItsStart:
    """A check would fail, and waits for pods that began to serve a short time ago."""

    share: float
    """Of bad requests among those of these pods."""
    bad: str
    age: float
    """Seconds since the first of them began to serve."""
    longest: float
    """Seconds from then on in which it may be their start."""
    cost: float | None
    """Seconds in which they are asked as many requests as may fail until then."""

    @property
    def message(self) -> str:
        ends = f"{spoken(self.longest)} after their first request"
        if self.cost:
            ends += f", or until as many fail as they receive in {spoken(self.cost)}"
        return (
            f"{words.percent(self.share)} of the requests of pods that began to serve "
            f"{spoken(round(self.age))} ago {self.bad}. They may still be warming up: the check "
            f"waits until {ends}."
        )


@dataclass(frozen=True, slots=True)
class LevelledOff:
    """They have, and the check begins anew."""

    took: float
    """Seconds."""
    share: float
    bad: str

    @property
    def message(self) -> str:
        return (
            f"The candidate's pods levelled off {spoken(round(self.took))} after their first "
            f"request. Until then {words.percent(self.share)} of their requests {self.bad}; these "
            "do not count, and the check starts again."
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A verdict, and that it rests on no request of a start."""

    figures: Figures
    took: float
    """Seconds."""

    @property
    def message(self) -> str:
        left = f"The first {spoken(round(self.took))} of the candidate's pods do not count."
        return words.sentences(self.figures.message, left)
