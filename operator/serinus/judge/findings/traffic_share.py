"""trafficShare: the candidate's share of the requests against its weight."""

from dataclasses import dataclass
from typing import Final, Literal

from serinus.judge.findings import words

_TOO_LITTLE: Final = (
    "Too little. If the gateway sent it its full share, requests to it are lost or hang, and its "
    "pods do not count them; if not, check for sticky sessions, long-lived connections, and "
    "clients that reach stable's pods by other routes."
)
_TOO_MUCH: Final = (
    "Too much. If the gateway sent it only its share, clients reach its pods by other routes, or "
    "requests to stable are lost or hang; if not, check for retries, sticky sessions and "
    "long-lived connections."
)


@dataclass(frozen=True, slots=True)
class NotInEffect:
    """There is no weight to compare with."""

    @property
    def message(self) -> str:
        return "The traffic split of this step is not in effect."


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
    copied: bool = False
    """Whether the candidate's requests are copies of stable's."""

    @property
    def is_too_little(self) -> bool:
        """Less than asked for, rather than more."""
        return self.least + self.most < 2 * self.asked

    def __str__(self) -> str:
        asked = f"at a weight of {words.exact_percent(self.asked)}"
        if self.copied:
            asked = f"where {words.copies(self.asked)} are {words.exact_percent(self.asked)}"
        return (
            f"The candidate served {words.percent(self.least)} to {words.percent(self.most)} of "
            f"{self.requests:.0f} requests {asked}"
        )


@dataclass(frozen=True, slots=True)
class NothingCounted:
    """No requests of either arm, since the weight or the copies began."""

    copied: bool = False

    def __str__(self) -> str:
        since = "since the copies began" if self.copied else "at this weight yet"
        return f"No requests were counted {since}"


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
            return words.sentences(wrong, risk, self._causes())
        found = (
            f"within the margin ({self.margin})"
            if self.shown == "within the margin"
            else f"within the tolerated range ({self.tolerated})"
        )
        return f"{self.counted}; {found}; risk of passing a split outside it {at_most}."

    def _causes(self) -> str:
        """What it may be, and what distinguishes one cause from another."""
        if not isinstance(self.counted, CountedShare):
            return ""
        return _TOO_LITTLE if self.counted.is_too_little else _TOO_MUCH


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
