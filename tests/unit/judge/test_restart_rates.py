"""Restarts of two revisions are weighed together, at each rate that the previous one may have."""

import math
from collections.abc import Iterator
from functools import cache

import pytest

from serinus.judge.evidence.restarts import (
    FALSE_ALARMS,
    HALF_A_SWING,
    TOLERATED,
    Exposed,
    restarts_more_often_by_both,
    together,
    tolerated,
)
from tests.support.exhaustive import short

HOUR = 3600.0


def probabilities(mean: float) -> Iterator[tuple[int, float]]:
    """Of a Poisson number, but for a billionth."""
    count, probability, left = 0, math.exp(-mean), 1.0
    while left > 1e-9:
        yield count, probability
        left -= probability
        count += 1
        probability *= mean / count


@pytest.mark.parametrize("times", short([1.0, 1.2, 2.0], [1.2]))
@pytest.mark.parametrize("served", short([0.2, 1.0, 5.0, 15.0], [1.0, 5.0]))
@pytest.mark.parametrize("rate", short([0.1, 0.5, 2.0], [0.1, 2.0]))
def test_what_is_tolerated_gains_nothing_whenever_one_looks(
    rate: float, served: float, times: float
) -> None:
    """Every outcome of a guard with two looks, of which the first may be the last: the expectation
    of the evidence is at most 1, so it exceeds 1/b with a probability of at most b."""

    @cache
    def evidence(before: int, new: int, seconds: float) -> float:
        return math.exp(together(Exposed(before, served * HOUR), Exposed(new, seconds), times))

    at_most, expectation = 1 / FALSE_ALARMS, 0.0
    for before, p in probabilities(rate * served):
        for first, q in probabilities(rate * times):
            found = evidence(before, first, HOUR)
            if found < min(at_most, 20):
                found = math.fsum(
                    r * evidence(before, first + second, 3 * HOUR)
                    for second, r in probabilities(rate * times * 2)
                )
            expectation += p * q * found
    assert expectation <= 1


def test_no_rate_of_the_previous_revision_explains_it_better_than_the_one_that_is_found() -> None:
    previous, new = Exposed(3, 5 * HOUR), Exposed(24, 6 * HOUR)
    least = together(previous, new, 1.2)
    nearby = [together(Exposed(3, 5 * HOUR * f), new, 1.2) for f in (0.5, 0.9, 1.1, 2.0)]
    assert nearby == sorted(nearby), "longer without more restarts shows more"
    assert nearby[1] < least < nearby[2]


def test_a_previous_revision_that_has_served_for_no_time_shows_nothing() -> None:
    assert together(Exposed(0, 0.0), Exposed(1000, HOUR), 2.0) == -math.inf


def test_containers_are_not_blamed_for_an_age_that_the_previous_ones_have_not_reached() -> None:
    """A leak of both fills the memory in an hour: thirty pods were replaced after 57 minutes."""
    previous, new = Exposed(0, 30 * 57 * 60.0), Exposed(30, 30 * HOUR)
    assert together(previous, new, 1.1) > -math.log(FALSE_ALARMS)
    assert not restarts_more_often_by_both(previous, 30, new, HOUR)


def test_twice_is_tolerated_between_night_and_day_and_less_within_an_hour() -> None:
    assert tolerated(-24 * HOUR) == tolerated(0.0) == 1.0, "by a clock that was ahead, too"
    assert 1.1 < tolerated(HOUR) < 1.15
    assert tolerated(HALF_A_SWING) == tolerated(30 * 24 * HOUR) == TOLERATED
