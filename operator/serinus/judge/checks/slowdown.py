"""What it comes to in shares of slow requests if requests take so many times as long, by stable's
last hour.

Between two bucket bounds the shares are a guess. It is made once, before the rollout, of what is
tolerated; the evidence does not depend on it.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from serinus.api.baseline import Slower
from serinus.api.checks.latency import PASSES_BELOW

MOST_BOUNDS: Final = 64
"""What the status has room for."""
LEAST_BETWEEN: Final = 1.1
"""The margin as a multiple of the tolerance, where both would be the same share."""


def kept(exceeded: Mapping[float, float]) -> list[Slower]:
    """Shares by bound, rising; of too many, some that are spread evenly."""
    bounds = sorted(exceeded)
    every = math.ceil(len(bounds) / MOST_BOUNDS) or 1
    return [Slower(bound=bound, share=exceeded[bound]) for bound in bounds[::every]]


def ratios(stable: Sequence[Slower], bound: float, slowdown: float) -> tuple[float, float] | None:
    """By how many times more requests are slower than a bound at the tolerated slowdown, and at
    the margin; None: stable's hour does not tell."""
    share = _share(stable, bound) if stable else 0.0
    if not 0 < share < 1:
        return None
    within = 1 + PASSES_BELOW * (slowdown - 1)
    tolerated, passing = (_share(stable, bound / by) / share for by in (slowdown, within))
    return max(tolerated, 1.0), max(passing, LEAST_BETWEEN * tolerated, LEAST_BETWEEN)


def _share(stable: Sequence[Slower], bound: float) -> float:
    """Slower than any bound. Between two that are known, requests end at a constant rate, which is
    exact for an exponential distribution, and tolerates a little more where the tail is longer."""
    at = bisect_right([each.bound for each in stable], bound)
    if at == 0:
        return 1.0
    if at == len(stable):
        return stable[-1].share
    low, high = stable[at - 1], stable[at]
    if not high.share:
        return low.share
    part = (bound - low.bound) / (high.bound - low.bound)
    return low.share * math.pow(high.share / low.share, part)
