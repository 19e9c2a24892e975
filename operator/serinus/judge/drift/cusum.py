"""Whether a share has crossed a bound, and since when it may have.

Page's CUSUM (1954) with e-values in place of likelihood ratios: the evidence that the share is
beyond the bound accumulates from look to look, and restarts whenever it falls to 1 or below. So it
can run for ever, a long good time does not count against a change, and a change is found soon.
While the share is not beyond the bound, the mean number of looks until the evidence crosses a
threshold of c is at least c (the average run length of an e-detector: Shin, Ramdas, Rinaldo,
E-detectors, 2023).

The evidence of a look with n values and e events is the likelihood ratio of a share q beyond the
bound b to b itself, (q/b)^e ((1-q)/(1-b))^(n-e), mixed over a few q. Its expectation is at most 1
for every share on this side of b, and capping it keeps it an e-value.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from serinus.judge.evidence.kernel import log_sum

ODDS: Final = (1.3, 2.0, 5.0)
"""Alternatives: how far beyond the bound the share may be, as odds ratios of equal weight."""

MOST_GAIN: Final = 3.0
"""What one look may add to ln of the evidence. Values that arrive together are alike, so drift is
reported only after several looks, however many values show it."""

_START: Final = (-math.log(len(ODDS)),) * len(ODDS)


@dataclass(frozen=True)
class Bound:
    """The hypothesis that a share is above, or below, a bound between 0 and 1."""

    share: float
    above: bool

    @cached_property
    def log_increments(self) -> tuple[tuple[float, float], ...]:
        """What each q adds to the evidence: per event, and per other value."""
        found = []
        for ratio in ODDS:
            odds = self.share / (1 - self.share) * (ratio if self.above else 1 / ratio)
            q = odds / (1 + odds)
            found.append((math.log(q / self.share), math.log((1 - q) / (1 - self.share))))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Cusum:
    """The evidence and counts since the share may have crossed its bound."""

    since: float
    """Unix seconds of the last restart, or of the start."""
    evidence: tuple[float, ...] = _START
    """Logs of the summands of the e-value."""
    events: float = 0.0
    values: float = 0.0
    shown: bool = False
    """Whether the evidence has reached the threshold since then."""

    @property
    def log_e(self) -> float:
        """ln of the evidence."""
        return log_sum(self.evidence)

    @property
    def share(self) -> float:
        """The share counted since then; ZeroDivisionError before the first value."""
        return self.events / self.values

    def looked(
        self, bound: Bound, events: float, values: float, at: float, enough: float
    ) -> "Cusum":
        """After a look with so many events among so many values.

        `enough`: ln of the evidence that is required; more is cut off.
        """
        grown = tuple(
            log_e + events * per_event + (values - events) * per_other
            for log_e, (per_event, per_other) in zip(
                self.evidence, bound.log_increments, strict=True
            )
        )
        reached = log_sum(grown)
        if reached <= 0:
            return Cusum(at)
        kept = min(reached, self.log_e + MOST_GAIN, enough)
        return Cusum(
            self.since,
            tuple(log_e - (reached - kept) for log_e in grown),
            self.events + events,
            self.values + values,
            self.shown or kept >= enough,
        )
