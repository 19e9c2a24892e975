"""A counter that decreases: its process has restarted, or several processes answer for one target.

If several processes share a port (workers of uvicorn or gunicorn), each scrape reads the counters
of one of them. A process that has restarted since the last sample began at 0 in between, and has
counted no more than usual between two samples; another process has everything that it ever counted.
A decrease from a large to a small value is therefore a restart. It is unexplained if the value
after it is large, or if the counters soon jump back, which no restart does. A decrease from a small
value may be either; the next few samples show which.

The sum of a counter's series is used: if processes have served nearly the same, some series
decrease by chance while others increase. And a restart resets all counters of a target: of those
that decrease between the same two samples, the one that counts the most shows why. A rare one may
have counted everything at once.

What decreases at each sample is no counter, and of no restart either: after one, it would increase.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Final, NamedTuple, TypeVar

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
IN_A_ROW: Final = 6
"""Number of decreases in a row that prove that it is no counter: of a process that restarts before
each scrape, one in 5040."""
COUNTS_MORE: Final = 2
"""Times as much as another counter one has counted that shows why both decreased."""

Counter = TypeVar("Counter")


class Falls(NamedTuple):
    """The known decreases of a counter of one target, within what was read."""

    unsettled_since: float = math.inf
    """Time of the last sample before the first decrease that may still change its meaning, Unix
    seconds; infinity: none."""
    unexplained: bool = False
    """Whether the next few samples show the cause of one of them, by this counter or another."""
    odd: bool = False
    """Whether that one is unexplained."""
    several_processes: bool = False
    """Whether several processes answer."""
    no_counter: bool = False
    """Whether it decreases at each sample."""


NONE: Final = Falls()


class _Total(NamedTuple):
    """The sum of a target's series."""

    at: float
    """Unix seconds."""
    series: int
    value: float


class Fall(NamedTuple):
    """One decrease."""

    at: float
    """Time of the first sample after it, Unix seconds."""
    since: float
    """Time of the last sample before it, Unix seconds."""
    counted: float
    """The value before it."""
    later: int
    """Samples after it."""
    odd: bool
    of_little: bool
    """Whether the value before was small too."""
    goes_on: bool
    """Whether all later samples are decreases as well."""

    @property
    def unexplained(self) -> bool:
        """Whether the next few samples show its cause."""
        if self.odd:
            return self.later < AGAIN_WITHIN
        return self.of_little and (self.goes_on or self.later < SETTLED_AFTER)


def falls(series: Iterable[Sequence[Sample]]) -> tuple[Fall, ...]:
    """Decreases of a counter of one target, whose series are taken together."""
    every = list(series)
    fallen = {at for samples in every for at in _fallen(samples)}
    if not fallen:
        return ()
    steps = list(pairwise(_totals(every)))
    much, rising = _much(steps), _last_rise(steps)
    found = []
    for place, (before, after) in enumerate(steps, 1):
        if after.at in fallen:
            leaps = [b for a, b in steps[place : place + SETTLED_AFTER] if b.value - a.value > much]
            odd = after.value > much or any(each.value > before.value for each in leaps)
            later, little = len(steps) - place, before.value <= much
            goes_on = place > rising
            found.append(Fall(after.at, before.at, before.value, later, odd, little, goes_on))
    return tuple(found)


def explained(counters: Mapping[Counter, Sequence[Fall]]) -> dict[Counter, Falls]:
    """Decreases of all counters of a target, taken together."""
    shown: dict[float, Fall] = {}
    for fall in chain.from_iterable(counters.values()):
        most = shown.setdefault(fall.at, fall)
        if fall.counted > most.counted:
            shown[fall.at] = fall
    return {counter: _explained_by(shown, found) for counter, found in counters.items()}


def _explained_by(shown: Mapping[float, Fall], found: Sequence[Fall]) -> Falls:
    """A Pass waits for what the counter itself shows as well: among several processes, it may be
    the first to."""
    if not found:
        return NONE
    causes = [_cause(fall, shown[fall.at]) for fall in found]
    unexplained = [cause for cause in causes if cause.unexplained]
    return Falls(
        min((cause.since for cause in unexplained), default=math.inf),
        any(fall.unexplained for fall in chain(found, causes)),
        any(cause.odd for cause in unexplained),
        sum(cause.odd for cause in causes) >= TIMES_ODD,
        sum(fall.goes_on for fall in found) >= IN_A_ROW,
    )


def _cause(fall: Fall, most: Fall) -> Fall:
    """What decides about a decrease that is a restart by one counter and odd by the other."""
    differ = fall.odd is not most.odd
    return most if differ and most.counted >= COUNTS_MORE * fall.counted else fall


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


def _last_rise(steps: Sequence[tuple[_Total, _Total]]) -> int:
    """The place of the last of these, from 1, that is no decrease; 0: all are."""
    places = range(len(steps), 0, -1)
    return next((n for n in places if steps[n - 1][0].value <= steps[n - 1][1].value), 0)


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
