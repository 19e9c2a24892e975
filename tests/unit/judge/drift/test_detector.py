"""The evidence of a look is an e-value: enumerated, not simulated."""

import math
import random

import pytest

from serinus.judge.drift.detector import MOST_GAIN, Bound, Detector
from serinus.judge.drift.feature import Tolerance

TENTH = Bound(0.1, above=True)


def expectations(bound: Bound, share: float, values: int) -> list[float]:
    """Of the evidence of a look, by alternative, over all counts of events."""
    chances = [
        math.comb(values, events) * share**events * (1 - share) ** (values - events)
        for events in range(values + 1)
    ]
    looks = [bound.evidence(events, values) for events in range(values + 1)]
    return [
        math.fsum(chance * gained for chance, gained in zip(chances, each, strict=True))
        for each in zip(*looks, strict=True)
    ]


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("limit", [0.001, 0.02, 0.145, 0.5, 0.9])
@pytest.mark.parametrize("values", [1, 7, 30, 300])
def test_the_expectation_is_at_most_one_on_the_bound_and_on_its_near_side(
    above: bool, limit: float, values: int
) -> None:
    bound = Bound(limit, above)
    for part in (0.0, 0.3, 0.9, 1.0):
        inside = limit * part if above else 1 - (1 - limit) * part
        assert max(expectations(bound, inside, values)) <= 1 + 1e-12


def test_on_the_bound_it_is_one_where_nothing_is_cut_off() -> None:
    assert expectations(Bound(0.5, above=True), 0.5, 3) == pytest.approx([1, 1, 1])


def test_values_whose_shares_differ_are_no_evidence_either_while_none_is_beyond_the_bound() -> None:
    shares, bound = (0.1, 0.02, 0.0, 0.1, 0.07), TENTH
    chances = [1.0]
    for share in shares:
        one_more = [0.0, *(chance * share for chance in chances)]
        chances = [c * (1 - share) for c in chances] + [0.0]
        chances = [a + b for a, b in zip(chances, one_more, strict=True)]
    for each in range(3):
        mean = [c * bound.evidence(n, len(shares))[each] for n, c in enumerate(chances)]
        assert math.fsum(mean) <= 1 + 1e-12


def test_less_the_number_of_looks_the_evidence_is_a_supermartingale() -> None:
    """Over all outcomes of four looks at three values each, whatever was cut off or dropped."""
    states = {Detector(0.0): 1.0}
    for look in range(1, 5):
        after: dict[Detector, float] = {}
        for detector, chance in states.items():
            for events in range(4):
                weight = math.comb(3, events) * 0.1**events * 0.9 ** (3 - events)
                then = detector.looked(TENTH, events, 3, float(look), 3.5)
                after[then] = after.get(then, 0.0) + chance * weight
        states = after
        assert math.fsum(each.total * chance for each, chance in states.items()) <= look + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.02, 0.784, 1.0])
def test_a_share_that_could_not_leave_a_limit_has_none(share: float) -> None:
    for _, limit in Tolerance(1.25, 0.02).limits(share):
        for above in (True, False):
            looked = Detector(0.0).looked(Bound(limit, above), 1, 2, 0.0, 9.0)
            assert math.isfinite(looked.total)


def test_one_look_adds_no_more_than_its_most() -> None:
    suspicion, before = Detector(0.0), 0.0
    for number in range(1, 4):
        suspicion = suspicion.looked(TENTH, 1000, 1000, 60.0 * number, 99.0)
        assert suspicion.total == pytest.approx((before + 1) * math.exp(MOST_GAIN))
        before = suspicion.total
    assert (suspicion.events, suspicion.values, suspicion.since) == (3000, 3000, 0.0)


def test_what_speaks_for_the_contrary_starts_the_counts_anew() -> None:
    suspicion = Detector(0.0).looked(TENTH, 50, 100, 60.0, 99.0)
    assert suspicion.values == 100
    again = suspicion.looked(TENTH, 0, 1000, 120.0, 99.0)
    assert (again.since, again.values, again.shown) == (120.0, 0, False)
    assert again.total < 1e-6


def test_looks_without_values_are_no_evidence_however_many() -> None:
    suspicion = Detector(0.0).looked(TENTH, 5, 10, 60.0, 99.0)
    for _ in range(10_000):
        assert suspicion.looked(TENTH, 0, 0, 120.0, 99.0) == suspicion


def test_evidence_is_kept_no_higher_than_is_enough_so_that_it_can_soon_fall() -> None:
    suspicion = Detector(0.0)
    for number in range(50):
        suspicion = suspicion.looked(TENTH, 50, 100, 60.0 * number, 10.0)
    assert suspicion.shown
    assert suspicion.total == pytest.approx(math.exp(10.0))


def test_on_the_bound_a_false_alarm_comes_no_sooner_on_the_mean_than_promised() -> None:
    promised, waits, draw = 100.0, [], random.Random(1)
    bound = Bound(0.3, above=True)
    for _ in range(200):
        suspicion, looks = Detector(0.0), 0
        while not suspicion.shown:
            events = sum(draw.random() < 0.3 for _ in range(10))
            suspicion = suspicion.looked(bound, events, 10, 0.0, math.log(promised))
            looks += 1
        waits.append(looks)
    assert sum(waits) / len(waits) >= promised
