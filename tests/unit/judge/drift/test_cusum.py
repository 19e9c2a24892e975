"""The evidence of a look is an e-value: enumerated, not simulated."""

import math
import random

import pytest

from serinus.judge.drift.cusum import MOST_GAIN, Bound, Cusum
from serinus.judge.drift.feature import Tolerance


def expectation(bound: Bound, share: float, values: int) -> float:
    """Of the evidence of a look, over all counts of events."""
    mean = 0.0
    for events in range(values + 1):
        chance = math.comb(values, events) * share**events * (1 - share) ** (values - events)
        gains = [
            math.exp(events * event + (values - events) * other)
            for event, other in bound.log_increments
        ]
        mean += chance * math.fsum(gains) / len(gains)
    return mean


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("limit", [0.02, 0.145, 0.5, 0.9])
@pytest.mark.parametrize("values", [1, 7, 30])
def test_the_expectation_is_one_on_the_bound_and_at_most_one_on_its_near_side(
    above: bool, limit: float, values: int
) -> None:
    bound = Bound(limit, above)
    assert expectation(bound, limit, values) == pytest.approx(1)
    for part in (0.0, 0.3, 0.9):
        inside = limit * part if above else 1 - (1 - limit) * part
        assert expectation(bound, inside, values) <= 1 + 1e-12


@pytest.mark.parametrize("share", [0.0, 0.02, 0.784, 1.0])
def test_a_share_that_could_not_leave_a_limit_has_none(share: float) -> None:
    for _, limit in Tolerance(1.25, 0.02).limits(share):
        for above in (True, False):
            assert math.isfinite(Cusum(0.0).looked(Bound(limit, above), 1, 2, 0.0, 9.0).log_e)


def test_one_look_adds_no_more_than_its_most() -> None:
    suspicion = Cusum(0.0)
    for number in range(1, 4):
        suspicion = suspicion.looked(Bound(0.1, above=True), 1000, 1000, 60.0 * number, 99.0)
        assert suspicion.log_e == pytest.approx(MOST_GAIN * number)
    assert (suspicion.events, suspicion.values, suspicion.since) == (3000, 3000, 0.0)


def test_what_speaks_for_the_contrary_starts_it_anew() -> None:
    suspicion = Cusum(0.0).looked(Bound(0.1, above=True), 50, 100, 60.0, 99.0)
    assert suspicion.values == 100
    assert suspicion.looked(Bound(0.1, above=True), 0, 1000, 120.0, 99.0) == Cusum(120.0)


def test_evidence_is_kept_no_higher_than_is_enough_so_that_it_can_soon_fall() -> None:
    suspicion = Cusum(0.0)
    for number in range(50):
        suspicion = suspicion.looked(Bound(0.1, above=True), 50, 100, 60.0 * number, 10.0)
    assert suspicion.shown
    assert suspicion.log_e == pytest.approx(10.0)


def test_on_the_bound_a_false_alarm_comes_no_sooner_on_the_mean_than_promised() -> None:
    promised, waits, draw = 100.0, [], random.Random(1)
    bound = Bound(0.3, above=True)
    for _ in range(200):
        suspicion, looks = Cusum(0.0), 0
        while not suspicion.shown:
            events = sum(draw.random() < 0.3 for _ in range(10))
            suspicion = suspicion.looked(bound, events, 10, 0.0, math.log(promised))
            looks += 1
        waits.append(looks)
    assert sum(waits) / len(waits) >= promised
