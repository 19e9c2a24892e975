"""Warm-up: the time during which a pod's requests reflect its start."""

import math
from collections import defaultdict
from collections.abc import Container
from dataclasses import replace
from itertools import pairwise

from serinus.metrics.counters import Growth, Increase


def warmed_up(growth: Growth, seconds: float) -> Growth:
    """The increase of a histogram without pods that had served for less than the warm-up when their
    block began, since their start or restart. Time before the first request does not count, because
    requests cause the warm-up."""
    cold = warming_up(growth, seconds)
    warm = (each for each in growth.increases if each.target not in cold)
    return Growth(tuple(warm), growth.newest) if seconds else growth


def warming_up(growth: Growth, seconds: float) -> set[str]:
    """The targets that had served for less than the warm-up when their block began."""
    serving = served_since(growth)
    return {e.target for e in growth.increases if serving[e.target] + seconds > e.start}


def without(growth: Growth, targets: Container[str]) -> Growth:
    """The growth in which these targets count nothing."""
    return replace(
        growth,
        increases=tuple(
            each._replace(amount=0.0) if each.target in targets else each
            for each in growth.increases
        ),
    )


def served_since(growth: Growth) -> dict[str, float]:
    """Time of the first sample with a request by target, Unix seconds, as far as it was read and
    since the last reset; infinity: none. A process that restarts resets all of its series: one of
    them may be gone, or have counted more since than it ever had."""
    counting = [each for each in growth.increases if each.counts_all]
    reset: dict[str, float] = defaultdict(lambda: -math.inf)
    for increase in counting:
        process = increase.series.target
        reset[process] = max(reset[process], _reset_at(increase))
    since: dict[str, float] = defaultdict(lambda: math.inf)
    for increase in counting:
        first = _first_request(increase, reset[increase.series.target])
        since[increase.target] = min(since[increase.target], first)
    return since


def _reset_at(increase: Increase) -> float:
    """Time of the first sample after the last decrease, Unix seconds."""
    samples = increase.series.samples
    falls = (at for (_, last), (at, value) in pairwise(samples) if value < last)
    return max((at for at in falls if at <= increase.end), default=-math.inf)


def _first_request(increase: Increase, reset: float) -> float:
    samples = increase.series.samples
    return next((at for at, n in samples if n and reset <= at <= increase.end), math.inf)
