"""Whether a share has crossed a bound, and since when it may have.

A Shiryaev-Roberts detector of e-values: at each look M <- (M + 1) E, where E is the evidence of the
look that the share is beyond the bound. M is the sum of the evidence since every look at which the
share may have crossed, so a long good time does not count against a change, and it can run for
ever. While the share is not beyond the bound, M less the number of looks is a supermartingale, and
so the mean number of looks until M reaches c is at least c (Shin, Ramdas and Rinaldo, E-detectors,
2023). Several detectors with thresholds c_1, c_2, ... have together a mean of at least
1 / (1/c_1 + 1/c_2 + ...), whatever their dependence.

The evidence of a look with n values and e events is the likelihood ratio of a share q beyond the
bound b to b itself, (q/b)^e ((1-q)/(1-b))^(n-e); M is a mixture over a few q. Its expectation is at
most 1 for every share on this side of b, also if the shares of the values differ, and capping it
keeps it an e-value.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

ODDS_RATIOS: Final = (1.3, 2.0, 5.0)
"""Alternatives: how far beyond the bound the share may be, as odds ratios of equal weight."""

MOST_GAIN: Final = 3.0
"""What one look may add to ln of the evidence. Values that arrive together are alike, so an alarm
is raised only after several looks, however many values show it."""


@dataclass(frozen=True)
class Bound:
    """The hypothesis that a share is above, or below, a bound between 0 and 1."""

    share: float
    above: bool

    @cached_property
    def log_increments(self) -> tuple[tuple[float, float], ...]:
        """What each q adds to ln of the evidence: per event, and per other value."""
        found = []
        for ratio in ODDS_RATIOS:
            odds = self.share / (1 - self.share) * (ratio if self.above else 1 / ratio)
            q = odds / (1 + odds)
            found.append((math.log(q / self.share), math.log((1 - q) / (1 - self.share))))
        return tuple(found)

    def evidence(self, events: float, values: float) -> tuple[float, ...]:
        """For each q, the evidence of a look with so many events among so many values."""
        return tuple(
            math.exp(min(events * per_event + (values - events) * per_other, MOST_GAIN))
            for per_event, per_other in self.log_increments
        )


@dataclass(frozen=True, slots=True)
class Detector:
    """The evidence, and the counts since the share most likely crossed its bound."""

    since: float
    """Unix seconds from which values were counted."""
    evidence: tuple[float, ...] = (0.0,) * len(ODDS_RATIOS)
    """The summands of M, by q."""
    leading: float = 0.0
    """ln of the evidence since then; what was counted is dropped whenever it falls to 0."""
    events: float = 0.0
    values: float = 0.0
    shown: bool = False
    """Whether M has reached the threshold since then."""

    @property
    def total(self) -> float:
        """M."""
        return math.fsum(self.evidence)

    @property
    def share(self) -> float:
        """The share counted since then; ZeroDivisionError before the first value."""
        return self.events / self.values

    def looked(
        self, bound: Bound, events: float, values: float, at: float, enough: float
    ) -> "Detector":
        """After a look with so many events among so many values; one without any says nothing.

        `enough`: ln of the evidence that is required; more is cut off, so that it can soon fall.
        """
        if not values:
            return self if self.values else replace(self, since=at)
        weight = 1 / len(ODDS_RATIOS)
        grown = tuple(
            (known + weight) * gained
            for known, gained in zip(self.evidence, bound.evidence(events, values), strict=True)
        )
        total = math.fsum(grown)
        leading = self.leading + math.log(max(total, 1e-300) / (self.total + 1))
        kept = min(math.exp(enough) / max(total, 1e-300), 1.0)
        after = replace(self, evidence=tuple(each * kept for each in grown))
        if leading <= 0:
            return Detector(at, after.evidence)
        return replace(
            after,
            leading=min(leading, enough),
            events=self.events + events,
            values=self.values + values,
            shown=self.shown or total >= math.exp(enough),
        )
