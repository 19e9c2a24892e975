"""Exact random counts, quick enough for millions of them.

Small means by inversion; large ones by transformed rejection with squeeze (Hormann: The
transformed rejection method for generating Poisson random variables, 1993; The generation of
binomial random variates, 1993).
"""

import math
from collections.abc import Sequence
from random import Random

_SMALL = 10.0


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count; the mean is 0 or more."""
    if mean < _SMALL:
        return _poisson_by_inversion(rng, mean)
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze, log_mean = 0.9277 - 3.6224 / (b - 2), math.log(mean)
    while True:
        u, v = rng.random() - 0.5, 1 - rng.random()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + mean + 0.43) if us else -1
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        density = -mean + k * log_mean - math.lgamma(k + 1)
        if math.log(v * inverse_alpha / (a / (us * us) + b)) <= density:
            return k


def binomial(rng: Random, n: int, p: float) -> int:
    """A binomial count: successes among n with probability p."""
    if p > 0.5:
        return n - binomial(rng, n, 1 - p)
    if n * p < _SMALL:
        return _binomial_by_inversion(rng, n, p)
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center, squeeze = n * p + 0.5, 0.92 - 4.2 / b
    alpha, log_odds = (2.83 + 5.1 / b) * spread, math.log(p / (1 - p))
    mode = math.floor((n + 1) * p)
    at_mode = math.lgamma(mode + 1) + math.lgamma(n - mode + 1)
    while True:
        u, v = rng.random() - 0.5, 1 - rng.random()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + center) if us else -1
        if us >= 0.07 and v <= squeeze:
            return k
        if not 0 <= k <= n:
            continue
        density = at_mode - math.lgamma(k + 1) - math.lgamma(n - k + 1) + (k - mode) * log_odds
        if math.log(v * alpha / (a / (us * us) + b)) <= density:
            return k


def multinomial(rng: Random, n: int, shares: Sequence[float]) -> list[int]:
    """A multinomial draw: n distributed with these shares, whose sum is 1."""
    counts, left = [], 1.0
    for share in shares[:-1]:
        count = binomial(rng, n, min(share / left, 1.0)) if n and left > 0 else 0
        counts.append(count)
        n -= count
        left -= share
    return [*counts, n]


def _poisson_by_inversion(rng: Random, mean: float) -> int:
    u, k = rng.random(), 0
    chance = math.exp(-mean)
    while u > chance and chance > 0:
        u -= chance
        k += 1
        chance *= mean / k
    return k


def _binomial_by_inversion(rng: Random, n: int, p: float) -> int:
    u, k = rng.random(), 0
    chance, odds = (1 - p) ** n, p / (1 - p)
    while u > chance and k < n:
        u -= chance
        k += 1
        chance *= odds * (n - k + 1) / k
    return k
