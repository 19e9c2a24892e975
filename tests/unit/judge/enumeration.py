"""Expectations over all outcomes of a block, instead of simulated ones."""

import itertools
import math
from collections.abc import Callable


def binomial(n: int, p: float) -> list[float]:
    """Chance of each number of events among n requests."""
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def expectation(
    size: tuple[int, int], rates: tuple[float, float], value: Callable[[tuple[int, int]], float]
) -> float:
    """Of a value of the events, with so many requests per arm."""
    candidate, stable = (binomial(n, p) for n, p in zip(size, rates, strict=True))
    outcomes = itertools.product(enumerate(candidate), enumerate(stable))
    return math.fsum(p * q * value((e_c, e_s)) for (e_c, p), (e_s, q) in outcomes)
