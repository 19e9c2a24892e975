"""A counter that decreases: its process has restarted, or several processes answer for one target.

If several processes share a port (workers of uvicorn or gunicorn), each scrape reads the counters
of one of them. A process that has restarted since the last sample began at 0 in between, and has
counted no more than usual between two samples; another process has everything that it ever counted.
A decrease from a large to a small value is therefore a restart. It is unexplained if the value
after it is large, or if the counters soon jump back, which no restart does. A decrease from a small
value may be either; the next few samples show which.

The sum of the target's series is used: if processes have served nearly the same, some series
decrease by chance while others increase.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from serinus.metrics.samples import Sample, packed

SETTLED_AFTER: Final = 4
"""Samples after a decrease within which another process has probably answered again: of two, in 15
of 16 cases."""
AGAIN_WITHIN: Final = 9
"""Samples after an unexplained decrease within which another one usually follows."""
TIMES_AS_MUCH: Final = 4
"""Multiple of the usual increase between two samples above which a value is large."""
BESIDES: Final = 10.0
"""Added to it, for chance when almost nothing is counted."""
TIMES_ODD: Final = 2
"""Number of unexplained decreases that prove several processes: a single one may be a burst after a
restart."""


class Falls(NamedTuple):
    """The known decreases of one target's counters, within what was read."""

    unsettled_since: float = math.inf
    """Time of the last sample before the first decrease that may still change its meaning, Unix
    seconds; infinity: none."""
    unexplained: bool = False
    """Whether the next few samples show the cause of one of them."""
    odd: bool = False
    """Whether that one is unexplained."""
    several_processes: bool = False
    """Whether several processes answer."""


NONE: Final = Falls()


class _Total(NamedTuple):
    """The sum of a target's series."""

    at: float
    """Unix seconds."""
    series: int
    value: float


class _Fall(NamedTuple):
    """One decrease."""

    since: float
    """Time of the last sample before it, Unix seconds."""
    later: int
    """Samples after it."""
    odd: bool
    of_little: bool
    """Whether the value before was small too."""

    @property
    def unexplained(self) -> bool:
        """Whether the next few samples show its cause."""
        if self.odd:
            return self.later < AGAIN_WITHIN
        return self.of_little and self.later < SETTLED_AFTER


def falls(series: Iterable[Sequence[Sample]]) -> Falls:
    """Decreases of a target's series, taken together."""
    every = list(series)
    fallen = {at for samples in every for at in _fallen(samples)}
    if not fallen:
        return NONE
    found = _found(list(pairwise(_totals(every))), fallen)
    unexplained = [fall for fall in found if fall.unexplained]
    return Falls(
        min((fall.since for fall in unexplained), default=math.inf),
        bool(unexplained),
        any(fall.odd for fall in unexplained),
        sum(fall.odd for fall in found) >= TIMES_ODD,
    )


def _found(steps: Sequence[tuple[_Total, _Total]], fallen: set[float]) -> list[_Fall]:
    much = _much(steps)
    found = []
    for place, (before, after) in enumerate(steps, 1):
        if after.at in fallen:
            leaps = [b for a, b in steps[place : place + SETTLED_AFTER] if b.value - a.value > much]
            odd = after.value > much or any(each.value > before.value for each in leaps)
            found.append(_Fall(before.at, len(steps) - place, odd, before.value <= much))
    return found


def _much(steps: Sequence[tuple[_Total, _Total]]) -> float:
    """The value above which a process cannot have counted between two samples, from the smaller
    increases, because the largest are jumps between processes. Infinity: too few are known."""
    rises = sorted(
        after.value - before.value
        for before, after in steps
        if before.series == after.series and before.value <= after.value
    )
    if len(rises) < SETTLED_AFTER:
        return math.inf
    return TIMES_AS_MUCH * rises[len(rises) // 4] + BESIDES


def _totals(series: Iterable[Sequence[Sample]]) -> list[_Total]:
    """At each scrape, oldest first."""
    values: dict[float, list[float]] = defaultdict(list)
    for samples in series:
        for at, value in samples:
            values[at].append(value)
    return [_Total(at, len(each), math.fsum(each)) for at, each in sorted(values.items())]


def rises(values: list[float]) -> bool:
    """Whether no value is less than the previous one."""
    return values == sorted(values)


def _fallen(samples: Sequence[Sample]) -> list[float]:
    """Times of the samples of a series that are less than the previous one, Unix seconds."""
    if rises(packed(samples).values.tolist()):
        return []
    return [at for (_, last), (at, value) in pairwise(samples) if value < last]


def restarted(series: Iterable[Sequence[Sample]], after: float) -> bool:
    """Whether any series decreases after a time."""
    return any(at > after for samples in series for at in _fallen(samples))
