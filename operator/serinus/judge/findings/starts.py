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
        ends = f"they have {spoken(self.longest)} from their first request on to level off"
        if self.cost:
            ends += f", or until as many have failed as they are asked in {spoken(self.cost)}"
        return (
            f"{words.percent(self.share)} of the requests of pods that began to serve "
            f"{spoken(round(self.age))} ago {self.bad}. That may be their start: {ends}."
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
            f"The candidate's pods have levelled off {spoken(round(self.took))} after their first "
            f"request. Until then {words.percent(self.share)} of their requests {self.bad}; these "
            "are left out, and the check begins anew."
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A verdict, and that it rests on no request of a start."""

    figures: Figures
    took: float
    """Seconds."""

    @property
    def message(self) -> str:
        left = f"Without the start of the candidate's pods, which took {spoken(round(self.took))}."
        return words.sentences(self.figures.message, left)
