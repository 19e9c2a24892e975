"""A counter that falls: its process has restarted, or several processes answer for one target.

A process that restarts counts from 0, and takes a while to be where it was. Where several processes
share a port (workers of uvicorn or gunicorn), each scrape reads the counters of one of them, so
that values fall and are back again within a few scrapes. A first fall could be either. So what a
target counted waits until its samples tell which of the two it was.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from serinus.judge.samples import Sample, Samples

BACK_WITHIN: Final = 4
"""Samples after a fall within which another process mostly has answered again: of two, in 15 of 16
cases."""
AGAIN_WITHIN: Final = 9
"""Samples within which a counter that fell and is back falls again, if several processes answer."""
TIMES_BACK: Final = 2
"""So often back, and it was no restart: one alone may be, of a process that had counted little."""


class Falls(NamedTuple):
    """Where counters of one target fell, within what was read."""

    unsettled_since: float = math.inf
    """Unix seconds of the last sample before a fall of which it is not known yet what it was."""
    times_back: int = 0
    """How often a counter was beyond where it had been, a few samples later."""

    @property
    def several_processes(self) -> bool:
        """Whether no single process counts like this."""
        return self.times_back >= TIMES_BACK


NONE: Final = Falls()


def falls(samples: Sequence[Sample]) -> Falls:
    """Of one series."""
    values = samples.values if isinstance(samples, Samples) else [value for _, value in samples]
    if values == sorted(values):
        return NONE
    since, peak, after, back, times_back = math.inf, 0.0, 0, False, 0
    for (last_at, last), (_, value) in pairwise(samples):
        settled = since == math.inf
        if value < last and (settled or back):
            since, peak, after, back = min(since, last_at), last, 0, False
            continue
        if settled:
            continue
        after += 1
        if not back and value > peak:
            back, times_back = True, times_back + 1
        if after >= (AGAIN_WITHIN if back else BACK_WITHIN):
            since, back = math.inf, False
    return Falls(since, times_back)


def falls_of_a_target(series: Iterable[Sequence[Sample]]) -> Falls:
    """Of all its series, which fall together."""
    found = [fell for samples in series if (fell := falls(samples)) is not NONE]
    if not found:
        return NONE
    return Falls(
        min(each.unsettled_since for each in found), max(each.times_back for each in found)
    )


def restarted(series: Iterable[Sequence[Sample]], after: float) -> bool:
    """Whether some series falls after a moment."""
    return any(
        at > after and value < last
        for samples in series
        for (_, last), (at, value) in pairwise(samples)
    )
