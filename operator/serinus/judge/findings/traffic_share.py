"""trafficShare: the candidate's share of the requests, beside the one that is asked for."""

from dataclasses import dataclass
from typing import Final, Literal

from serinus.judge.findings import words

_REMEDY: Final = (
    "Look for other ways to these pods than the split, for retries, for sticky sessions and for "
    "connections that stay open."
)


@dataclass(frozen=True, slots=True)
class NotInEffect:
    """There is no split to compare with."""

    @property
    def message(self) -> str:
        return "The weight that the step asks for is not in effect."


@dataclass(frozen=True, slots=True)
class ShareBand:
    """Shares of the candidate; below 0 and above 1 nothing is excluded."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{_percent(max(self.low, 0.0))} to {_percent(min(self.high, 1.0))}"


@dataclass(frozen=True, slots=True)
class CountedShare:
    """Between which shares the candidate's lies, as far as scrapes tell."""

    least: float
    most: float
    requests: float
    """Of both arms."""
    asked: float
    """The share that the candidate should have."""

    def __str__(self) -> str:
        return (
            f"The candidate took {words.percent(self.least)} to {words.percent(self.most)} of "
            f"{self.requests:.0f} requests where {_percent(self.asked)} is asked for"
        )


@dataclass(frozen=True, slots=True)
class NothingCounted:
    """No request at this weight."""

    def __str__(self) -> str:
        return "No request was counted at this weight yet"


@dataclass(frozen=True, slots=True)
class SplitShown:
    """What was counted, what is allowed of it, and what is shown."""

    counted: CountedShare | NothingCounted
    tolerated: ShareBand
    margin: ShareBand
    risk: float
    """The greatest chance of such a finding where it is wrong."""
    shown: Literal["wrong", "tolerated", "within the margin"]

    @property
    def message(self) -> str:
        proof = words.confidence(self.risk)
        if self.shown == "within the margin":
            return f"{self.counted}; it is within {self.margin}, {proof}."
        remedy = _REMEDY if self.shown == "wrong" else ""
        return words.sentences(
            f"{self.counted} and {self.tolerated} is tolerated, {proof}.", remedy
        )


@dataclass(frozen=True, slots=True)
class SplitUnknown:
    """Too few were counted to tell, and nothing was shown before."""

    counted: CountedShare | NothingCounted

    @property
    def message(self) -> str:
        return f"{self.counted}: too few to tell."


@dataclass(frozen=True, slots=True)
class SplitShownBefore:
    """What was shown last. The status keeps its sentence, and not its figures."""

    message: str


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
