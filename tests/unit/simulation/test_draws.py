"""Random counts have the distribution that they are said to have."""

import math
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from serinus.simulation.draws import binomial, multinomial, poisson

DRAWS = 40_000


def fits(draw: Callable[[], int], chance: Callable[[int], float]) -> bool:
    """Pearson's chi-square over the counts that are expected ten times at least; 5 sigma."""
    seen = Counter(draw() for _ in range(DRAWS))
    statistic, cells, rest = 0.0, 0, float(DRAWS)
    for k in range(max(seen) + 1):
        expected = DRAWS * chance(k)
        if expected >= 10:
            statistic += (seen[k] - expected) ** 2 / expected
            cells += 1
            rest -= expected
    return rest < 0.02 * DRAWS and statistic < cells + 5 * math.sqrt(2 * cells)


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 9.9, 10.0, 37.5, 200.0])
def test_events_are_poisson(mean: float) -> None:
    rng = Random(1)

    def chance(k: int) -> float:
        if mean == 0:
            return float(k == 0)
        return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))

    assert fits(lambda: poisson(rng, mean), chance)


@pytest.mark.parametrize(
    ("n", "p"),
    [(0, 0.3), (1, 0.5), (20, 0.0), (20, 1.0), (50, 0.01), (50, 0.4), (300, 0.5), (900, 0.97)],
)
def test_successes_are_binomial(n: int, p: float) -> None:
    rng = Random(2)

    def chance(k: int) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    assert fits(lambda: binomial(rng, n, p), chance)


def test_each_place_gets_its_share_and_all_are_placed() -> None:
    rng, shares = Random(3), (0.2, 0.0, 0.5, 0.3)
    sums = [0] * len(shares)
    for _ in range(1000):
        counts = multinomial(rng, 100, shares)
        assert sum(counts) == 100
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
    for total, share in zip(sums, shares, strict=True):
        assert abs(total - 100_000 * share) <= 5 * math.sqrt(100_000 * share * (1 - share))
