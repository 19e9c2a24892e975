"""A shift of all values, seen at several bounds at once.

Where all requests become slower, no single bound shows it as soon as all of them together. So a
part of the weight of the evidence is laid on a sum over the bounds: a request has the score

    sum of w_j over the bounds j that it exceeds, with weights w_j >= 0 that sum to 1.

If at each bound the candidate's share is at most ratio_j * stable's + offset, its mean score is at
most ratio * m + offset, where ratio is the sum of w_j ratio_j, and m stable's mean score with the
weights w_j ratio_j / ratio. That is the null hypothesis of `bets`, whose proof holds as it is:
with an offset, for bounds that tolerate different ratios, and though their shares depend on each
other.

Weights are known before the block: the steps, from bucket to bucket, of the mean ranks that
stable's requests had so far (F. Wilcoxon, Individual comparisons by ranking methods, 1945). A bound
that all requests may exceed within the tolerance, or none, has none; nor has one below which ranks
seem to fall, since it is compared for a shorter time than the next.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from serinus.api.status import Comparison
from serinus.judge.evidence.bets import Bet, Requests, on_less, on_more
from serinus.judge.evidence.kernel import Alternative, NullHypothesis, grown

Scored = tuple[float, float]
"""So many requests, and their score."""

SHIFT: Final = "shift"
"""Name of the comparison."""


class Exceeding(NamedTuple):
    """Requests of a block beyond a bound."""

    candidate: float
    stable: float
    expected: float
    """Stable's share of them, before the block."""
    ratio: float
    """What is tolerated."""
    variance: float
    """Of the counts, as a multiple of that of independent ones."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What a block shows of it."""

    offset: float
    """Tolerated at each bound."""
    alternatives: Sequence[Alternative]
    requests: Requests
    bounds: Sequence[Exceeding]
    """From the most exceeded one on."""

    def weigh(self, known: Comparison) -> Comparison:
        """What is known after the block."""
        above, below = self.gains(known)
        return known.replace(above=grown(known.above, above), below=grown(known.below, below))

    def gains(self, known: Comparison) -> tuple[list[float], list[float]]:
        """Above and below; none where the comparison has no such question."""
        return self._above() if known.above else [], self._below() if known.below else []

    def _above(self) -> list[float]:
        one = self._weights(each.ratio * each.expected + self.offset < 1 for each in self.bounds)
        ratio, other = self._by_ratio(one)
        if not ratio:
            return [0.0] * len(self.alternatives)
        null, expected = NullHypothesis(ratio, self.offset), self._expected(other)
        bets = on_more(null, self.alternatives, self.requests, expected)
        candidate, stable = self._scored(one, other)
        return self._gained(bets, candidate, stable)

    def _below(self) -> list[float]:
        one = self._weights(each.expected > self.offset for each in self.bounds)
        ratio, other = self._by_ratio(one)
        if not ratio:
            return [0.0] * len(self.alternatives)
        null, expected = NullHypothesis(ratio, self.offset), self._expected(one)
        bets = on_less(null, self.alternatives, self.requests, expected)
        candidate, stable = self._scored(other, one)
        return self._gained(bets, stable, candidate)

    def _weights(self, telling: Iterable[bool]) -> list[float]:
        """By bound; all 0 if none tells anything."""
        shares = 1.0, *(each.expected for each in self.bounds), 0.0
        ranks = [(share + next_one) / 2 for share, next_one in pairwise(shares)]
        weights = [
            tells * max(rank - next_one, 0.0)
            for (rank, next_one), tells in zip(pairwise(ranks), telling, strict=True)
        ]
        total = math.fsum(weights)
        return [each / total for each in weights] if total else weights

    def _by_ratio(self, weights: Sequence[float]) -> tuple[float, list[float]]:
        """The ratio of mean scores that is tolerated, and the weights of the other arm."""
        parts = [weight * each.ratio for weight, each in zip(weights, self.bounds, strict=True)]
        ratio = math.fsum(parts)
        return ratio, [part / ratio for part in parts] if ratio else parts

    def _expected(self, weights: Sequence[float]) -> float:
        """Stable's mean score."""
        return math.fsum(w * each.expected for w, each in zip(weights, self.bounds, strict=True))

    def _scored(
        self, candidate: Sequence[float], stable: Sequence[float]
    ) -> tuple[list[Scored], list[Scored]]:
        """Requests of both arms by score, for the weights of the bounds in each."""
        exceeding = [(each.candidate, each.stable) for each in self.bounds]
        made = []
        for arm, weights in enumerate((candidate, stable)):
            counts = self.requests[arm], *(each[arm] for each in exceeding), 0.0
            within = (n - beyond for n, beyond in pairwise(counts))
            made.append(list(zip(within, accumulate(weights, initial=0.0), strict=True)))
        return made[0], made[1]

    def _gained(
        self, bets: Iterable[Bet], one: Sequence[Scored], other: Sequence[Scored]
    ) -> list[float]:
        by = max(each.variance for each in self.bounds)
        return [
            math.fsum(
                (
                    *(n * bet.gain(score) for n, score in one),
                    *(n * bet.other_gain(score) for n, score in other),
                )
            )
            / by
            for bet in bets
        ]
