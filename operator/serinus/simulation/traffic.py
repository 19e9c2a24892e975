"""Expected number of requests in a time range, by the shape of the traffic."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from serinus.api.scenario import Scenario

Arrivals = Callable[[float], float]
"""Seconds since the start -> requests expected from the start until then; negative before it."""

DAY = 86400.0
_BURST_EVERY, _BURST_FOR, _BURST_TIMES = 60.0, 10.0, 5.0
_RAMP_FOR = 3600.0


@dataclass(frozen=True, slots=True)
class Failing:
    """Outages that all pods share, again and again."""

    since: float
    """When the first one begins, Unix seconds."""
    every: float
    lasting: float
    errors: float
    """Share of requests that fail meanwhile."""

    def requests(self, start: float, end: float, arrivals: Arrivals) -> float:
        """Those expected during outages from start to end (Unix seconds)."""
        number = max(math.floor((start - self.since) / self.every), 0)
        total = 0.0
        while (begins := self.since + number * self.every) < end:
            first, last = max(begins, start), min(begins + self.lasting, end)
            total += arrivals(last) - arrivals(first) if first < last else 0.0
            number += 1
        return total


def arrivals(scenario: Scenario, phase: float) -> Arrivals:
    """Expected requests to both revisions; `phase`, 0 to 1, is the position in its cycle at the
    start."""
    rate = scenario.requests_per_second
    if scenario.traffic == "Diurnal":
        return lambda at: rate * (_by_day(at + phase * DAY) - _by_day(phase * DAY))
    if scenario.traffic == "Bursts":
        start = phase * _BURST_EVERY
        return lambda at: rate * (at + _burst(at + start) - _burst(start))
    if scenario.traffic == "Ramp":
        return lambda at: rate * _ramp(at)
    return lambda at: rate * at


def _by_day(at: float) -> float:
    """The integral of 1 + sin/2 over a day's cycle."""
    turn = 2 * math.pi / DAY
    return at + (1 - math.cos(turn * at)) / (2 * turn)


def _burst(at: float) -> float:
    """The integral of the additional traffic of bursts."""
    whole, rest = divmod(at, _BURST_EVERY)
    return (_BURST_TIMES - 1) * (whole * _BURST_FOR + min(rest, _BURST_FOR))


def _ramp(at: float) -> float:
    """The integral of 0.5, increasing from the start to 1.5 within the ramp and constant after
    it."""
    if at < 0:
        return 0.5 * at
    within = min(at, _RAMP_FOR)
    return 0.5 * within + within * within / (2 * _RAMP_FOR) + 1.5 * (at - within)
