"""Warm-up: how long the first requests of a pod take tells of its start, and not of its model."""

import math
from collections import defaultdict

from serinus.metrics.counters import Growth, Increase


def warmed_up(growth: Growth, seconds: float) -> Growth:
    """A histogram's growth without that of pods which had not served for so long when their block
    began, since their start or since they started again.

    That they are there is no warm-up yet: what they prepare, they prepare with requests.
    """
    serving = _serving_since(growth)
    warm = (each for each in growth.increases if serving[each.target] + seconds <= each.start)
    return Growth(tuple(warm), growth.newest) if seconds else growth


def _serving_since(growth: Growth) -> dict[str, float]:
    """By target, Unix seconds of the first sample that counts some request, as far as it was read
    and since the last reset; infinity: none does."""
    since: dict[str, float] = defaultdict(lambda: math.inf)
    for increase in growth.increases:
        if float(increase.labels["le"]) == math.inf:
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
