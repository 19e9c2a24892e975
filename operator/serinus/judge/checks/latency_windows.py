"""What both revisions served in a guard, window by window, and in the reference before them."""

import math
from collections.abc import Iterable
from typing import Final

from serinus.api.status import ServedTime, SlowRequests
from serinus.judge.checks.latency_bounds import Durations

REFERENCE: Final = 1800.0
"""Seconds that are recorded before anything is compared."""
WINDOW: Final = 300.0
"""Seconds, at least."""
LOAD_ABOVE: Final = 1.1
"""Times the requests of a pod in the reference, beyond which a window is no evidence."""
BY_CHANCE: Final = 2.0
"""Standard deviations of independent requests."""
UNLIKE_FOR: Final = 900.0
"""Seconds of such windows, or at another weight, after which another reference begins."""


def with_block(
    window: ServedTime, bounds: Iterable[float], block: Durations, passed: float, pods: int
) -> ServedTime:
    """The window, and what was counted in so many seconds since."""
    added = [
        SlowRequests(
            bound=bound,
            candidate=_sum(block.candidate.above(bound)),
            stable=_sum(block.stable.above(bound)),
        )
        for bound in bounds
    ]
    return together(
        window,
        ServedTime(
            span=passed,
            pod_seconds=passed * pods,
            candidate=block.candidate.total,
            stable=block.stable.total,
            slower=added,
        ),
    )


def together(one: ServedTime, other: ServedTime) -> ServedTime:
    """Both, at the bounds of the other."""
    known = {each.bound: each for each in one.slower}
    return ServedTime(
        span=one.span + other.span,
        pod_seconds=one.pod_seconds + other.pod_seconds,
        candidate=one.candidate + other.candidate,
        stable=one.stable + other.stable,
        slower=[_both(known.get(each.bound), each) for each in other.slower],
    )


def has_more_load(window: ServedTime, recorded: ServedTime) -> bool:
    """Whether each pod of the promoted revision has more requests than in the reference, by more
    than a little and than chance."""
    expected = recorded.candidate * window.pod_seconds / recorded.pod_seconds
    return window.candidate > LOAD_ABOVE * expected + BY_CHANCE * math.sqrt(expected)


def slower_than(served: ServedTime, bound: float) -> SlowRequests | None:
    """None: it was not counted."""
    return next((each for each in served.slower if each.bound == bound), None)


def _both(one: SlowRequests | None, other: SlowRequests) -> SlowRequests:
    if one is None:
        return other
    return other.replace(
        candidate=one.candidate + other.candidate, stable=one.stable + other.stable
    )


def _sum(by_target: dict[str, float] | None) -> float:
    return math.fsum((by_target or {}).values())
