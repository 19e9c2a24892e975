"""Native histograms converted to classic ones: for each bound a series of counts up to it.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from serinus.metrics.queries import Series
from serinus.metrics.samples import Samples

NativeBucket = tuple[float, float, float]
"""Lower bound, upper bound, observations."""


def as_classic(element: dict[str, Any]) -> list[Series]:
    """An element of a matrix -> a series for each bound that is valid for all of its samples.

    Buckets without observations are not sent, and a histogram may become coarser with time: a bound
    inside a bucket of any sample is left out. Raises ValueError if it is not a histogram of counts.
    """
    samples = [(float(at), *_read(found)) for at, found in element["histograms"]]
    bounds = _bounds([buckets for _, _, buckets in samples])
    counts = [[*_up_to(bounds, buckets), total] for _, total, buckets in samples]
    labels = {str(name): str(value) for name, value in element["metric"].items()}
    return [
        Series(
            {**labels, "le": f"{bound:.12g}"},
            Samples((at, row[index]) for (at, _, _), row in zip(samples, counts, strict=True)),
        )
        for index, bound in enumerate([*bounds, math.inf])
    ]


def _read(found: dict[str, Any]) -> tuple[float, list[NativeBucket]]:
    """All observations of a sample, and its buckets in ascending order."""
    total = float(found["count"])
    buckets = sorted((float(b[1]), float(b[2]), float(b[3])) for b in found.get("buckets", ()))
    if not all(math.isfinite(count) and count >= 0 for count in (total, *(b[2] for b in buckets))):
        raise ValueError("has invalid counts")
    return total, buckets


def _bounds(samples: Sequence[Sequence[NativeBucket]]) -> list[float]:
    """The bounds of all buckets, in ascending order, except those inside another bucket."""
    edges = {edge for buckets in samples for low, high, _ in buckets for edge in (low, high)}
    rising = sorted(edge for edge in edges if math.isfinite(edge))
    crossed: set[float] = set()
    for low, high in {(low, high) for buckets in samples for low, high, _ in buckets}:
        crossed.update(rising[bisect_right(rising, low) : bisect_left(rising, high)])
    return [edge for edge in rising if edge not in crossed]


def _up_to(bounds: Iterable[float], buckets: Sequence[NativeBucket]) -> list[float]:
    counts, at, count = [], 0, 0.0
    for bound in bounds:
        while at < len(buckets) and buckets[at][1] <= bound:
            count += buckets[at][2]
            at += 1
        counts.append(count)
    return counts
