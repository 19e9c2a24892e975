"""What a subquery of Prometheus reads: at each multiple of its step the last sample known then.

https://prometheus.io/docs/prometheus/latest/querying/basics/#subquery
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

LOOKBACK: Final = 300.0
"""Seconds for which a sample counts as the present value."""


def stepped(
    samples: Sequence[tuple[float, Any]], end: float, window: float, step: float
) -> tuple[tuple[float, Any], ...]:
    """The samples of a series, oldest first, as `[window:step]` reads them at the end."""
    first, last = math.floor((end - window) / step) + 1, math.floor(end / step)
    found = []
    for moment in (number * step for number in range(first, last + 1)):
        index = bisect_right(samples, moment, key=_time) - 1
        if index >= 0 and samples[index][0] > moment - LOOKBACK:
            found.append((moment, samples[index][1]))
    return tuple(found)


def _time(sample: tuple[float, Any]) -> float:
    return float(sample[0])
