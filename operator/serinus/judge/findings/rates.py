"""Figures of rates that are compared, and words for each: what was counted, what is allowed, what
the evidence shows, and what of stable's history it goes by."""

import math
from dataclasses import dataclass
from typing import Final

from serinus.api.baseline import Dispersion
from serinus.judge.findings import words

ENOUGH_PODS: Final = 3
"""Of the candidate, for their mean to tell more than one of them."""


@dataclass(frozen=True, slots=True)
class EventCount:
    """Events among a whole: `41/2045 (2.0%)`."""

    events: float
    whole: float
    """Of no requests there is no share to tell."""

    def __str__(self) -> str:
        share = words.percent(self.events / self.whole)
        return f"{words.count(self.events)}/{words.count(self.whole)} ({share})"


@dataclass(frozen=True, slots=True)
class AllowedRate:
    """So many times the rate of another, and so much more."""

    ratio: float
    offset: float
    """A probability."""

    def of(self, whose: str = "stable's") -> str:
        """`1.5 times stable's + 1%`."""
        times = "" if self.ratio == 1 else f"{self.ratio:g} times "
        return f"{times}{whose}" + (f" + {100 * self.offset:g}%" if self.offset else "")


@dataclass(frozen=True, slots=True)
class PodShare:
    """The one of the candidate's pods in which most of its bad events lie."""

    pod: str
    events: float
    """Its own."""
    of_events: float
    """The candidate's."""
    of_pods: int
    """The candidate's, as far as they are known."""
    first_pods_only: bool
    """Whether there may be more pods."""

    def __str__(self) -> str:
        share = f"{words.count(self.events)} of the {words.count(self.of_events)}"
        first = "the first " if self.first_pods_only else ""
        return f"{share} in pod {self.pod}, 1 of {first}{self.of_pods}."


@dataclass(frozen=True, slots=True)
class ShownWorse:
    """The candidate is shown to be worse than is tolerated, or than the limit."""

    risk: float
    """The greatest chance of such a finding where it is wrong."""
    than_limit: bool = False
    pod: PodShare | None = None


@dataclass(frozen=True, slots=True)
class ShownBetter:
    """The candidate is shown to be better than the margin, and than the limit."""

    risk: float
    """The greatest chance of such a finding where it is wrong."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Nothing is shown yet; what will come of it if it goes on like this."""

    to_pass: float | None
    """The candidate's requests until then; None: never."""
    to_fail: float | None
    whole: str = "requests"
    """What they are called."""

    def __str__(self) -> str:
        waits = ((self.to_fail, "Fails"), (self.to_pass, "Passes"))
        known = [(wait, verdict) for wait, verdict in waits if wait]
        if not known:
            return "It neither passes nor fails if it goes on like this."
        wait, verdict = min(known)
        return f"{verdict} after {self._more(wait)} if it goes on like this."

    def _more(self, requests: float) -> str:
        """Two digits of it are honest."""
        step = 10 ** max(math.floor(math.log10(requests)) - 1, 0) if requests >= 1 else 1
        rounded = max(math.ceil(requests / step) * step, 1)
        whole = self.whole if rounded > 1 else self.whole.removesuffix("s")
        return f"about {rounded} more candidate {whole}"


Conclusion = ShownWorse | ShownBetter | Forecast
"""What the evidence shows of the candidate."""


@dataclass(frozen=True, slots=True)
class Variation:
    """What of stable's history makes the evidence grow slower; no words where nothing does."""

    what: str
    """The quantity that varied: `errors`."""
    dispersion: Dispersion
    tolerated: float = 0.0
    """So many times stable's rate pass for chance; 0: stable is left out."""
    pods: int = 0
    """The candidate's."""

    def __str__(self) -> str:
        return words.sentences(self._over_time(), self._between_pods(), self._cost())

    def _over_time(self) -> str:
        if self.dispersion.over_time <= 1:
            return ""
        times = f"{self.dispersion.over_time:.1f} times the variance of independent ones"
        return f"Stable's {self.what} came in bursts ({times}), so each counts for less."

    def _between_pods(self) -> str:
        if not self.dispersion.between_pods:
            return ""
        by = words.percent(self.dispersion.between_pods)
        return f"Stable's pods may differ by {by} in {self.what}."

    def _cost(self) -> str:
        """Of pods that differ."""
        if not (self.dispersion.between_pods and self.tolerated):
            return ""
        of = f"{self.pods} candidate pod" if self.pods == 1 else f"{self.pods} candidate pods"
        more = "" if self.pods >= ENOUGH_PODS else f"; {ENOUGH_PODS} or more would tell sooner"
        return f"So {self.tolerated:.3g} times stable's is tolerated from {of}{more}."
