"""A counter that falls: its process has restarted, or several processes answer for one target.

Where several processes share a port (workers of uvicorn or gunicorn), each scrape reads the
counters of one of them. A process that has restarted since the last sample began at 0 in between,
and has counted no more than is usual between two samples; another process has all that it ever
counted. So a fall is a restart if it leaves little of much. It is odd if it leaves much, or if the
counters are soon back by a leap: no restart does that. A fall from little to less may be either;
the next few samples tell.

All of this is told by the sum of the target's series: where processes have served nearly the same,
some series fall by chance while others rise.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from serinus.metrics.samples import Sample, Samples

SETTLED_AFTER: Final = 4
"""Samples after a fall within which another process mostly has answered again: of two, in 15 of 16
cases."""
AGAIN_WITHIN: Final = 9
"""Samples after an odd fall within which another one mostly follows."""
TIMES_AS_MUCH: Final = 4
"""As is usual between two samples: more is much."""
BESIDES: Final = 10.0
"""How much more besides, for chance where next to nothing is counted."""
TIMES_ODD: Final = 2
"""So many odd falls, and it was no restart: after one, many requests may have come at once."""


class Falls(NamedTuple):
    """What is known of the falls of one target's counters, within what was read."""

    unsettled_since: float = math.inf
    """Unix seconds of the last sample before the first one that is not settled; infinity: all
    are."""
    unexplained: bool = False
    """Whether the next few samples tell what one of them was."""
    odd: bool = False
    """Whether that one is odd."""
    several_processes: bool = False
    """Whether no single process counts like this."""


NONE: Final = Falls()


class _Total(NamedTuple):
    """What a target's series stand at together."""

    at: float
    """Unix seconds."""
    series: int
    value: float


class _Fall(NamedTuple):
    """One fall."""

    since: float
    """Unix seconds of the last sample before it."""
    later: int
    """Samples after it."""
    odd: bool
    of_little: bool
    """Whether the process before had not counted much either."""

    @property
    def unexplained(self) -> bool:
        """Whether the next few samples tell what it was."""
        if self.odd:
            return self.later < AGAIN_WITHIN
        return self.of_little and self.later < SETTLED_AFTER


def falls(series: Iterable[Sequence[Sample]]) -> Falls:
    """Of a target's series, which fall together."""
    every = list(series)
    fallen = {at for samples in every for at in _fallen(samples)}
    if not fallen:
        return NONE
    found = _found(list(pairwise(_totals(every))), fallen)
    unexplained = [fall for fall in found if fall.unexplained]
    return Falls(
        min((fall.since for fall in found if fall.odd or fall.unexplained), default=math.inf),
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
    """What is more than one process counts between two samples, by the lesser steps: one from a
    process to another is a leap. Infinity: too few are known."""
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


def _fallen(samples: Sequence[Sample]) -> list[float]:
    """Unix seconds of each sample of a series that is less than the one before."""
    values = samples.values if isinstance(samples, Samples) else [value for _, value in samples]
    if values == sorted(values):
        return []
    return [at for (_, last), (at, value) in pairwise(samples) if value < last]


def restarted(series: Iterable[Sequence[Sample]], after: float) -> bool:
    """Whether some series falls after a moment."""
    return any(at > after for samples in series for at in _fallen(samples))
