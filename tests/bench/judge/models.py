"""Models in figures: which share of the requests falls into each sort, at a time and in a pod."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from tests.bench.judge.traffic import Floats, Shares

Timeline = Callable[[float], float]
"""Seconds since the start -> a figure."""

CLASSIC = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; the default buckets of Prometheus's clients."""
NATIVE = tuple(float(2.0 ** (step / 8)) for step in range(-56, 9))
"""Seconds; bounds of schema 3, as far as a request of 80 ms may come."""
DURATIONS = tuple(sorted({*CLASSIC, *NATIVE, float("inf")}))
"""Upper ends of the sorts of requests by duration."""
MEDIAN, SPREAD = 0.080, 0.5
"""Of durations: seconds, and standard deviation of their logarithm."""
PODS_DIFFER = 0.2
"""Standard deviation of what pods multiply an error rate or the odds of a slow answer by."""


def failing(rate: Timeline) -> Shares:
    """Sorts: failed, answered."""

    def shares(at: float, pods: Floats) -> Floats:
        failed = rate(at) * np.exp(PODS_DIFFER * pods - PODS_DIFFER**2 / 2)
        return np.stack([failed, 1 - failed], axis=-1)

    return shares


def routed(*routes: tuple[float, float]) -> Shares:
    """Sorts: failed and answered on each route, of which the share and the error rate are given."""
    parts = [part for share, rate in routes for part in (share * rate, share * (1 - rate))]
    return lambda at, pods: np.broadcast_to(parts, (*pods.shape, len(parts)))


def lasting(times: Timeline = lambda at: 1.0) -> Shares:
    """Sorts: DURATIONS. `times`: how many times as long as usual."""
    logs = np.log(DURATIONS[:-1])

    def shares(at: float, pods: Floats) -> Floats:
        median = np.log(MEDIAN * times(at)) + PODS_DIFFER * SPREAD * pods / 2
        return _between(ndtr((logs - median[..., None]) / SPREAD))

    return shares


def mixed(*parts: tuple[float, Shares]) -> Shares:
    """Each of the models answers its part of the requests."""

    def shares(at: float, pods: Floats) -> Floats:
        return np.asarray(sum(part * model(at, pods) for part, model in parts))

    return shares


def scoring(
    bounds: Sequence[float], shift: Timeline = lambda at: 0.0, spread: float = 1.0
) -> Shares:
    """Sorts: scores up to each bound. They are normal; `shift` in standard deviations, `spread`
    times as wide as usual."""
    edges = np.array(bounds[:-1])

    def shares(at: float, pods: Floats) -> Floats:
        moved = shift(at) + PODS_DIFFER * pods[..., None] / 2
        return _between(ndtr((edges - moved) / spread))

    return shares


def every_other(count: int, more: float) -> Shares:
    """So many sorts, of which every other is so much more common than with equal shares, and the
    rest as much rarer."""
    shares = np.tile([(1 + more) / count, (1 - more) / count], count // 2)
    return lambda at, pods: np.broadcast_to(shares, (*pods.shape, count))


def deciles(count: int = 10) -> tuple[float, ...]:
    """Bounds between which equally many of stable's scores lie; the last one infinite."""
    return (*(float(ndtri(part / count)) for part in range(1, count)), float("inf"))


def steady(figure: float) -> Timeline:
    """Always the same."""
    return lambda at: figure


def shares_of(model: Shares) -> Floats:
    """Of an average pod at the start, by sort."""
    shares: Floats = model(0.0, np.zeros((1, 1)))[0, 0]
    return shares


def _between(up_to: Floats) -> Floats:
    shape = (*up_to.shape[:-1], 1)
    return np.diff(np.concatenate([np.zeros(shape), up_to, np.ones(shape)], axis=-1), axis=-1)
