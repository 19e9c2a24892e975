"""Does a new revision restart more often than the previous one?

In the steps of a rollout a number of restarts is tolerated, and restarts are forgiven with time,
faster than stable's pods have them: so those of an equal revision do not add up over days. A crash
loop is faster by far. That is a CUSUM (Page 1954) for a rate some ten times stable's.

In a guard after promotion an e-value decides. The previous revision's pods have restarted so often
in so much time of a pod with its full part of the traffic. Whether restarts come with time, with
requests or with both, they are then at least a Poisson number with that exposure, and those of the
promoted revision at most one with theirs (what an exposure is, `plan/pod_budget.py` says). From the
previous ones follows an upper bound of the rate that holds at all times with a probability of
1 - FALSE_ALARMS: for a factor k > 1,

    k^-restarts * exp(rate * exposure * (1 - 1/k))

is a non-negative supermartingale at every rate that is not greater than the true one, so that it
exceeds 1/b at any time with a probability of at most b (Ville 1939). Against the null hypothesis
'at most TOLERATED times as often as that bound' stands the kernel with a fixed limit, which is
known before each block. Half of the weight is laid at the promotion, and the rest over time, for
models that go bad later.

A previous revision that has served for an hour is bounded loosely, and what the bound gives away is
more than all that a model that is bad from the promotion on can show. For that one both counts are
weighed together. At each rate of the previous revision, the supermartingale above times the kernel
with the limit 'TOLERATED times that rate' is one as well, since the arms are independent; at the
true rate it starts at 1. So the least of these products over all rates exceeds 1/b at any time with
a probability of at most b. Its logarithm is convex in the rate, and only sums are needed for it. It
is not used if the previous revision's pods have served for less time, on the average, than a
container of the new one lives: a leak that both have ends containers at the same age.

Restarts may come with requests, and of these there are more at other times of the day: so twice
the rate is TOLERATED. Where both counts are weighed together it is twice only between moments that
are HALF_A_SWING apart, and less between nearer ones: traffic that is twice as much at noon as at
night takes that long to get there.

A previous revision that has served for minutes bounds nothing. As long as it has not restarted at
all, the tolerated rate is at most CRASH_LOOP: no revision that serves restarts that often.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serinus.judge.evidence.kernel import (
    Alternative,
    NullHypothesis,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
    raised,
)

FALSE_ALARMS: Final = 0.001 / 3
"""Probability of each of the three that may be wrong: the bound, the evidence against it, and the
evidence of both counts."""
TOLERATED: Final = 2.0
"""Times as often: traffic is not the same at all hours."""
HALF_A_SWING: Final = 6 * 3600.0
"""Seconds that traffic takes at least from its lowest to its highest, which is so much more."""
OFTEN: Final[tuple[Alternative, ...]] = (
    (2.0, 0.2),
    (5.0, 0.2),
    (20.0, 0.2),
    (100.0, 0.2),
    (1000.0, 0.2),
)
"""How many times the tolerated rate it may be."""
TOGETHER: Final[tuple[Alternative, ...]] = (
    (1.0, 0.2),
    (1.5, 0.2),
    (3.0, 0.2),
    (10.0, 0.2),
    (100.0, 0.2),
)
"""The same for both counts together. The first one bets nothing on the new revision: rates at which
it restarts as often as is tolerated are refuted by the previous one alone."""
SEARCHES: Final = 60
"""Each leaves two thirds of the rates in which the least evidence may be."""
CRASH_LOOP: Final = 3 / 3600
"""Restarts of a pod per second."""
FACTORS: Final = (1.25, 2.0, 8.0, 1e9)
"""For the upper bound: from many restarts to none."""
FORGIVEN: Final = 4.0
"""Times as fast as stable's pods restart."""
UNKNOWN: Final = 86400.0
"""Seconds of a pod with one restart that are added to what is known of stable: its pods may restart
once a day as long as nothing is known. More often is not assumed of any, since a crash loop of its
own, of before it served, would forgive the candidate's."""
SOON: Final = 3600.0
"""Seconds after the promotion within which half of the weight for later faults is laid."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """Restarts in so many seconds of pods with their full part of the traffic."""

    restarts: int
    seconds: float


def forgiven(stable: Exposed, seconds: float) -> float:
    """How many restarts of a candidate are forgiven in these seconds of its pods."""
    rate = (stable.restarts + 1) / (stable.seconds + UNKNOWN)
    return FORGIVEN * min(rate, 1 / UNKNOWN) * seconds


def tolerated(apart: float) -> float:
    """How many times as often is tolerated of moments that are so many seconds apart, on the
    average. By a clock that was ahead the first one is yet to come."""
    return float(TOLERATED ** min(max(apart / HALF_A_SWING, 0.0), 1.0))


def at_most(previous: Exposed) -> float:
    """The rate that the restarts of the previous revision allow for, per second; infinite: any."""
    if previous.seconds <= 0:
        return math.inf
    surprise = math.log(len(FACTORS) / FALSE_ALARMS)
    bounds = ((surprise + previous.restarts * math.log(k)) / (1 - 1 / k) for k in FACTORS)
    return min(bounds) / previous.seconds


def weighed(
    evidence: Sequence[float], previous: Exposed, new: Exposed, ages: tuple[float, float]
) -> list[float]:
    """The evidence with what is new of the promoted revision; `previous`: what was known before
    that. `ages`: seconds from the promotion to the beginning and the end of what is new."""
    limit = TOLERATED * at_most(previous)
    if not previous.restarts:
        limit = min(limit, CRASH_LOOP)
    if math.isinf(limit):
        return list(evidence)
    before = list(evidence) or opened(OFTEN, 0.5)
    laid = 0.5 * (_not_laid_by(ages[0]) - _not_laid_by(ages[1]))
    if laid > 0:
        before = raised(before, OFTEN, laid)
    increments = log_increments(NullHypothesis(0.0, limit), OFTEN, new.seconds, 0.0)
    return grown(before, gains(increments, new.restarts, 0.0))


def restarts_more_often(evidence: Sequence[float]) -> bool:
    """Whether that is shown."""
    return bool(evidence) and log_sum(evidence) >= -math.log(FALSE_ALARMS)


def restarts_more_often_by_both(previous: Exposed, pods: float, new: Exposed, apart: float) -> bool:
    """Whether both counts together show it. `pods`: of the previous revision, while it served, at
    least as many as there were on the average; `apart`: seconds between the middles of the times of
    both."""
    lived = new.seconds / new.restarts if new.restarts else math.inf
    aged = previous.seconds / pods if pods else 0.0
    shown = together(previous, new, tolerated(apart))
    return aged >= lived and shown >= -math.log(FALSE_ALARMS)


def together(previous: Exposed, new: Exposed, times: float) -> float:
    """ln of the evidence of both counts since the promotion against 'at most so many times as
    often'. `times` may grow while the guard lasts, and not shrink."""
    if previous.seconds <= 0:
        return -math.inf

    def at(rate: float) -> float:
        bets = [
            rate * previous.seconds * (1 - 1 / k) - previous.restarts * math.log(k) for k in FACTORS
        ]
        limit = times * rate * new.seconds
        against = [
            math.log(weight) + new.restarts * math.log(t) - limit * (t - 1)
            for t, weight in TOGETHER
        ]
        return log_sum(bets) - math.log(len(FACTORS)) + log_sum(against)

    low, high = 0.0, 2 * at_most(previous)  # beyond it the previous one alone is evidence enough
    for _ in range(SEARCHES):
        third = (high - low) / 3
        if at(low + third) < at(high - third):
            high -= third
        else:
            low += third
    return at(low)


def _not_laid_by(age: float) -> float:
    return SOON / (SOON + age)
