"""trafficShare: the candidate's share of the requests against its weight."""

from dataclasses import dataclass
from typing import Final, Literal

from serinus.judge.findings import words

_REMEDY: Final = (
    "Check for retries, sticky sessions, long-lived connections, and traffic that reaches the pods "
    "by other routes."
)


@dataclass(frozen=True, slots=True)
class NotInEffect:
    """There is no weight to compare with."""

    @property
    def message(self) -> str:
        return "The weight of this step is not in effect."


@dataclass(frozen=True, slots=True)
class ShareBand:
    """A range of the candidate's share; bounds below 0 or above 1 exclude nothing."""

    low: float
    high: float

    def __str__(self) -> str:
        low, high = (
            words.exact_percent(max(self.low, 0.0)),
            words.exact_percent(min(self.high, 1.0)),
        )
        return f"{low} to {high}"


@dataclass(frozen=True, slots=True)
class CountedShare:
    """The range of the candidate's share, as narrow as the scrapes allow."""

    least: float
    most: float
    requests: float
    """Of both arms."""
    asked: float
    """The candidate's weight, as a share."""

    def __str__(self) -> str:
        return (
            f"The candidate served {words.percent(self.least)} to {words.percent(self.most)} of "
            f"{self.requests:.0f} requests at a weight of {words.exact_percent(self.asked)}"
        )


@dataclass(frozen=True, slots=True)
class NothingCounted:
    """No requests at this weight."""

    def __str__(self) -> str:
        return "No requests were counted at this weight yet"


@dataclass(frozen=True, slots=True)
class SplitShown:
    """What was counted, what is allowed of it, and what is shown."""

    counted: CountedShare | NothingCounted
    tolerated: ShareBand
    margin: ShareBand
    risk: float
    """Probability of a wrong finding of this sort over the whole rollout."""
    shown: Literal["wrong", "tolerated", "within the margin"]

    @property
    def message(self) -> str:
        at_most = f"{words.at_most(self.risk)} per rollout"
        if self.shown == "wrong":
            wrong = f"{self.counted}; out of the tolerated range ({self.tolerated})."
            risk = f"False-alarm risk {at_most}, all looks and weights included."
            return words.sentences(wrong, risk, _REMEDY)
        found = (
            f"within the margin ({self.margin})"
            if self.shown == "within the margin"
            else f"within the tolerated range ({self.tolerated})"
        )
        return f"{self.counted}; {found}; risk of passing a split outside it {at_most}."


@dataclass(frozen=True, slots=True)
class SplitUnknown:
    """Too few requests to decide, and nothing was shown before."""

    counted: CountedShare | NothingCounted

    @property
    def message(self) -> str:
        return f"{self.counted}: too few to decide."


@dataclass(frozen=True, slots=True)
class SplitShownBefore:
    """What was shown last; the status keeps only its sentence."""

    message: str
