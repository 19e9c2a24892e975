"""A measurement that covers many looks, as those looks would have found it.

While no look was made (the operator was away, or its status could not be written), samples pile up.
How much evidence a look may add is limited, so all of them in one look would delay a rollback. They
are therefore judged in slices, one after the other. Where slices end is fixed by the time of the
look and not by what was counted, so each is a block like any other.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from serinus.metrics.queries import (
    CounterQuery,
    Measurement,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.samples import packed

ORDINARY: Final = 2
"""Intervals that a usual look may cover, as samples arrive a little later than they are taken."""
MOST_SLICES: Final = 60
"""Longer slices are used beyond that, because each costs as much as a look."""


def sliced(
    measurement: Measurement, counted: Mapping[str, float], since: float, interval: float
) -> Iterator[Measurement]:
    """The measurement itself as the last one, after those that looks since the newest counted
    sample would have made, as far back as samples were read.

    Of expressions the present value alone is known. Slices without new samples are left out. They
    are made one by one, because each has the samples of all before it.
    """
    for moment in _missed(measurement, counted, since, interval):
        yield _until(moment, measurement)
    yield measurement


def _missed(
    measurement: Measurement, counted: Mapping[str, float], since: float, interval: float
) -> list[float]:
    """When the slices before the last one end, Unix seconds."""
    after, at = max(counted.values(), default=since), measurement.at
    if math.isfinite(measurement.read_from):
        after = max(after, measurement.read_from)
    length = interval * math.ceil((at - after) / interval / MOST_SLICES)
    if at - after < ORDINARY * interval:
        return []
    before = {
        math.floor((at - moment) / length)
        for arm in (measurement.candidate, measurement.stable)
        for moment in _times(arm, after)
    }
    if max(before, default=0) * length < ORDINARY * interval:
        return []
    return [at - length * number for number in sorted(before, reverse=True) if number > 0]


def _times(arm: Mapping[Query, QueryResult], after: float) -> set[float]:
    """Of all samples after a time, Unix seconds."""
    return {
        moment
        for query, answer in arm.items()
        if isinstance(query, CounterQuery) and not isinstance(answer, QueryError)
        for series in answer
        for times in (packed(series.samples).times,)
        for moment in times[bisect_right(times, after) :]
    }


def _until(moment: float, measurement: Measurement) -> Measurement:
    """As it was known at a time, Unix seconds."""
    candidate, stable = (
        {query: _known(answer, moment) for query, answer in arm.items() if _is_counter(query)}
        for arm in (measurement.candidate, measurement.stable)
    )
    return replace(measurement, at=moment, candidate=candidate, stable=stable)


def _is_counter(query: Query) -> bool:
    return isinstance(query, CounterQuery)


def _known(answer: QueryResult, moment: float) -> QueryResult:
    if isinstance(answer, QueryError):
        return answer
    return tuple(_ended(each, moment) for each in answer)


def _ended(series: Series, moment: float) -> Series:
    samples = packed(series.samples)
    end = bisect_right(samples.times, moment)
    return series if end == len(samples) else Series(series.labels, samples[:end])
