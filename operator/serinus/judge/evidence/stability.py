"""Bets on the population stability index (PSI) of a whole distribution.

For shares c of the candidate and s of stable, over the same bins, the index is the sum of
(c - s) ln(c / s). It is convex, and doubles if both are doubled; so it is nowhere below its
tangents. For any numbers d_i, one for each bin,

    PSI(c, s) >= sum of c_i a_i + s_i b_i,  a_i = 1 + d_i - exp(-d_i),  b_i = 1 - d_i - exp(d_i),

with equality where d = ln(c / s). Null hypothesis: PSI(c, s) <= x. A request in bin i has the score
a_i if it is the candidate's, b_i if it is stable's. In the null the sum of both mean scores is at
most x, so for any rates p_c + p_s = x and any stake z the evidence of a block,

    E = product over the candidate of (1 + z (a - p_c))
        * product over stable of (1 + y (b - p_s)),  y = z n_c / n_s,

is worth at most exp(n_c z (mean a + mean b - x)) <= 1, as in `bets`: for requests whose own means
differ, and for any d, p_c, p_s and z that are known before the block and leave no factor below 0.
Bins that are put together have no greater index, so it does not matter how fine they are.

The direction of d is what both arms showed before the block, so any change of the distribution is
found, also one of many small shifts. How far it reaches is a mixture, as everywhere: with each
alternative, the index is so many times what is tolerated. d belongs to the nearest distributions of
which the index is tolerated.

Pods that differ multiply the candidate's shares by up to `among_pods`: a positive score is divided
by that, and a negative one multiplied, which keeps its mean below that of pods that do not. Where
requests come in bursts, all count as much less as the variance of the mean score is greater.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from serinus.judge.evidence.kernel import Alternative

LEARNED_AS: Final = 50.0
"""Requests: so many of the candidate, distributed as stable's, are added to those it had."""
ROUNDS: Final = 5
"""In which the distance is found that makes an index; the evidence does not depend on it."""
FURTHEST: Final = 8.0
"""ln of what a share is multiplied by, before all are made to sum to 1."""
LEAST_LEFT: Final = 0.1
"""Of the evidence, by a single request."""


class Bin(NamedTuple):
    """A class or score range: requests of a block, and what is known before it."""

    candidate: float
    stable: float
    expected: float
    """Stable's share."""
    direction: float
    """By how much the candidate's share is greater; only relative to the other bins' it matters."""
    among_pods: float = 1.0
    """What the candidate's share may be multiplied by, because pods differ."""
    variance: float = 1.0
    """Of the counts, as a multiple of that of independent ones."""


def ratio_within(most: float) -> float:
    """What every share may be multiplied or divided by, for an index that is at most so great,
    whatever the distribution: 2 ln(t) (t - 1) / (t + 1)."""
    inside, outside = 1.0, math.exp(most + 2)
    while outside - inside > 1e-6:
        t = (inside + outside) / 2
        inside, outside = (
            (t, outside) if 2 * math.log(t) * (t - 1) / (t + 1) <= most else (inside, t)
        )
    return inside


def alone(share: float, most: float) -> tuple[float, float]:
    """From where to where a share may move for an index that is at most so great, if all others
    keep their proportions."""
    ends = []
    for inside, outside in ((share, 0.0), (share, 1.0)):
        for _ in range(60):
            there = (inside + outside) / 2
            beyond = not 0 < there < 1 or index([(there, share), (1 - there, 1 - share)]) > most
            inside, outside = (inside, there) if beyond else (there, outside)
        ends.append(inside)
    return ends[0], ends[1]


def index(shares: Sequence[tuple[float, float]]) -> float:
    """Of candidate and stable, by bin; none is 0."""
    return math.fsum((c - s) * math.log(c / s) for c, s in shares)


def directions(counts: Sequence[tuple[float, float]]) -> list[float]:
    """What candidate and stable showed so far, by bin; none of the counts of stable is 0."""
    if not counts:
        return []
    of_candidate, of_stable = (math.fsum(arm) for arm in zip(*counts, strict=True))
    return [
        math.log((c + LEARNED_AS * s / of_stable) / (of_candidate + LEARNED_AS) / (s / of_stable))
        for c, s in counts
    ]


@dataclass(frozen=True, slots=True)
class Stability:
    """What a block shows of an index."""

    tolerated: float
    alternatives: Sequence[Alternative]
    bins: Sequence[Bin]
    variance: float = 1.0
    """At least, where bins together came in bursts."""

    def gains(self) -> list[float]:
        """Of the evidence that the index is greater than tolerated, by alternative."""
        requests = [math.fsum(each[arm] for each in self.bins) for arm in (0, 1)]
        stable = _whole([each.expected for each in self.bins])
        mean = _mean(stable, [each.direction for each in self.bins])
        directed = [each.direction - mean for each in self.bins]
        spread = _mean(stable, [each * each for each in directed])
        if not all(requests) or not spread:
            return [0.0] * len(self.alternatives)
        border = _moved(stable, directed, spread, self.tolerated)
        one, other = self._scores(border, stable)
        by = max(self._bursts(border, one), self.variance)
        return [
            self._gained(one, other, border, stable, moved, requests) / by
            for times, _ in self.alternatives
            for moved in (_moved(stable, directed, spread, times * self.tolerated),)
        ]

    def _scores(
        self, border: Sequence[float], stable: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """Of the candidate's requests and of stable's, by bin."""
        one, other = [], []
        for c, s, each in zip(border, stable, self.bins, strict=True):
            d = math.log(c / s)
            a = 1 + d - math.exp(-d)
            one.append(a / each.among_pods if a > 0 else a * each.among_pods)
            other.append(1 - d - math.exp(d))
        return one, other

    def _bursts(self, border: Sequence[float], one: Sequence[float]) -> float:
        """The variance of the candidate's mean score, as a multiple of that of independent
        requests, if bursts stay within their bins."""
        mean = _mean(border, one)
        parts = [share * (score - mean) ** 2 for share, score in zip(border, one, strict=True)]
        total = math.fsum(parts)
        return _mean(parts, [each.variance for each in self.bins]) / total if total else 1.0

    def _gained(
        self,
        one: Sequence[float],
        other: Sequence[float],
        border: Sequence[float],
        stable: Sequence[float],
        moved: Sequence[float],
        requests: Sequence[float],
    ) -> float:
        """If the candidate's distribution is expected to be `moved`."""
        n_c, n_s = requests
        mean, other_mean = _mean(moved, one), _mean(stable, other)
        excess = mean + other_mean - self.tolerated
        pull, other_pull = _variance(border, one) / n_c, _variance(stable, other) / n_s
        if excess <= 0:
            return 0.0
        rate = mean - excess * pull / (pull + other_pull)
        other_rate = self.tolerated - rate
        stake = excess / (pull + other_pull) / n_c
        lost, other_lost = rate - min(one), other_rate - min(other)
        for most, per_stake in ((lost, 1.0), (other_lost, n_c / n_s)):
            if most > 0:
                stake = min(stake, (1 - LEAST_LEFT) / (most * per_stake))
        against = stake * n_c / n_s
        return math.fsum(
            (
                *(
                    each.candidate * math.log1p(stake * (score - rate))
                    for each, score in zip(self.bins, one, strict=True)
                ),
                *(
                    each.stable * math.log1p(against * (score - other_rate))
                    for each, score in zip(self.bins, other, strict=True)
                ),
            )
        )


def _moved(
    stable: Sequence[float], directed: Sequence[float], spread: float, wanted: float
) -> list[float]:
    """Stable's shares, moved in a direction until the index is about what is wanted."""
    by = math.sqrt(wanted / spread)
    moved = list(stable)
    for _ in range(ROUNDS):
        steps = [max(min(by * each, FURTHEST), -FURTHEST) for each in directed]
        moved = _whole([s * math.exp(step) for s, step in zip(stable, steps, strict=True)])
        found = index(list(zip(moved, stable, strict=True)))
        by *= math.sqrt(wanted / found) if found else 1.0
    return moved


def _whole(shares: Sequence[float]) -> list[float]:
    total = math.fsum(shares)
    return [each / total for each in shares]


def _mean(shares: Sequence[float], values: Sequence[float]) -> float:
    return math.fsum(share * value for share, value in zip(shares, values, strict=True))


def _variance(shares: Sequence[float], values: Sequence[float]) -> float:
    mean = _mean(shares, values)
    return math.fsum(s * (v - mean) ** 2 for s, v in zip(shares, values, strict=True))
