"""Evidence that is not wasted: what would lie beyond the threshold is laid where it is of use.

A block seldom brings the evidence just to the threshold; what it brings beyond is lost, and makes
the test more cautious than was asked. Where the law of the counts is known, a block's factor F may
be replaced by min(b F, M), with M the factor that reaches the threshold, and the greatest b that
keeps the expectation under the null at 1 (L. Fischer and A. Ramdas, Improving Wald's approximate
sequential probability ratio test by avoiding overshoot, 2024).

The law: given the m events of a block of independent requests, how many of them are the
candidate's. Under a null without offset it is Fisher's noncentral hypergeometric law, with odds of
ratio (1 - p_s) / (1 - ratio p_s) at most. F rises with that number, so greater odds err to the safe
side; used are

    ratio (n_s + 1 - m) / (n_s + 1 - ratio m).

With ratio 1 that is exact, whatever the rates. With a greater one it is enough wherever
m >= p_s (n_s + 1), and where there are fewer events F itself falls short of 1 by more than the
rest; no rate is known where the expectation is above 1, and the tests enumerate them. With an
offset the odds depend on stable's rate, which nobody knows: nothing is gained then.
"""

import math
from collections.abc import Sequence
from typing import Final

from serinus.judge.evidence.kernel import Alternative, NullHypothesis, log_increments, log_sum

MOST_EVENTS: Final = 500
"""In a block; more would take too long for what they bring."""
GREATEST_LOG: Final = 600.0
_NEGLIGIBLE: Final = 1e-17


def boost(
    null: NullHypothesis,
    alternatives: Sequence[Alternative],
    evidence: Sequence[float],
    requests: tuple[float, float],
    events: float,
    ceiling: float,
) -> float:
    """ln b for a block with so many requests of candidate and stable, and events of both.

    `evidence` is that before the block, alternatives are above 1; `ceiling` is ln of the evidence
    that is enough. 0: nothing is gained.
    """
    candidate, stable = requests
    room = stable + 1 - null.ratio * events
    missing = ceiling - log_sum(evidence)
    if null.offset or null.ratio < 1 or missing <= 0 or not 0 < events <= MOST_EVENTS or room <= 0:
        return 0.0
    odds = null.ratio * (stable + 1 - events) / room
    if events * math.log1p(candidate * null.ratio / room) > GREATEST_LOG:
        return 0.0
    chances = _chances(candidate, stable, round(events), odds)
    shares = _shares(null, alternatives, evidence, requests, events, len(chances))
    enough = math.exp(-ceiling)
    return _greatest(math.exp(-missing), chances, [enough * share for share in shares])


def _greatest(now: float, chances: Sequence[float], reached: Sequence[float]) -> float:
    """ln of the greatest b with sum(chances * min(b * reached, 1)) <= now, if b > 1.

    `reached` rises: evidence after the block, as a share of what is enough.
    """
    below = [0.0]
    for chance, share in zip(chances, reached, strict=True):
        below.append(below[-1] + chance * share)
    above = 0.0
    for e in range(len(chances) - 1, -1, -1):
        times = (now - above) / below[e + 1]
        if times * reached[e] <= 1:
            return math.log(max(times, 1.0))
        above += chances[e]
    return 0.0


def _chances(candidate: float, stable: float, events: int, odds: float) -> list[float]:
    """Fisher's law: chance that 0, 1, ... of the events are the candidate's, up to where it is
    next to nothing."""
    weights, total, weight = [], 0.0, 1.0
    for e in range(events + 1):
        weights.append(weight)
        total += weight
        weight *= odds * (candidate - e) * (events - e) / ((e + 1) * (stable - events + e + 1))
        if weight <= _NEGLIGIBLE * total:
            break
    return [weight / total for weight in weights]


def _shares(
    null: NullHypothesis,
    alternatives: Sequence[Alternative],
    evidence: Sequence[float],
    requests: tuple[float, float],
    events: float,
    count: int,
) -> list[float]:
    """The evidence after the block, if 0, 1, ... of the events are the candidate's."""
    terms = [
        math.exp(log_e + events * per_stable)
        for log_e, (_, per_stable, _) in zip(
            evidence, log_increments(null, alternatives, *requests), strict=True
        )
    ]
    sums = []
    for _ in range(count):
        sums.append(math.fsum(terms))
        terms = [term * times for term, (times, _) in zip(terms, alternatives, strict=True)]
    return sums
