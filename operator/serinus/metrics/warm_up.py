"""Warm-up: the time during which a pod's requests reflect its start."""

import math
from collections import defaultdict
from collections.abc import Container
from dataclasses import replace

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
    since the last reset; infinity: none."""
    since: dict[str, float] = defaultdict(lambda: math.inf)
    for increase in growth.increases:
        if increase.counts_all:
            target = increase.target
            since[target] = min(since[target], _counting_since(increase))
    return since


def _counting_since(increase: Increase) -> float:
    since, last = math.inf, 0.0
    for at, value in increase.series.samples:
        if at > increase.end:
            break
        if value < last:
            since = math.inf
        if value and since == math.inf:
            since = at
        last = value
    return since
