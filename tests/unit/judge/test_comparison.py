"""How a check's weight is laid out over quantities, directions and time."""

import math

import pytest

from serinus.api.baseline import Dispersion
from serinus.api.status import CheckState
from serinus.judge.evidence.comparison import (
    OF_A_SHIFT,
    Gains,
    Policy,
    Scale,
    begun,
    begun_anew,
    compare,
    requests_to_fail,
    requests_to_pass,
    served,
)
from serinus.judge.evidence.kernel import BETTER, SHIFTED, WORSE, NullHypothesis
from serinus.judge.evidence.look import AFTER_ITS_END, AT_THE_PROMOTION, ErrorBudget, GuardWindow
from serinus.judge.evidence.shift import SHIFT


def weight(state: CheckState) -> float:
    """All of it, laid out and held back, while no event was weighed."""
    laid = [e for each in state.comparisons for e in (*each.above, *each.below)]
    return math.fsum(map(math.exp, laid)) + state.held_back


def test_no_weight_comes_from_nowhere_however_often_it_is_laid_out() -> None:
    state = compare(CheckState(), [begun("class cat"), begun("class dog")], SHIFTED, both_ways=True)
    assert weight(state) == pytest.approx(1, abs=1e-9)
    for turn in range(200):
        state = served(state, {"class": 1000.0}, {"class": 9000.0}, SHIFTED)
        if turn % 10 == 0:
            state = compare(state, [begun(f"class {turn}")], SHIFTED, both_ways=True)
        assert weight(state) <= 1 + 1e-9
    assert weight(state) == pytest.approx(1, abs=1e-2)
    assert state.held_back > 0


def test_a_shift_has_its_part_of_all_weight_and_what_is_laid_later_as_well() -> None:
    new = [begun("slower than 0.1"), begun("slower than 0.5"), begun(SHIFT, can_pass=False)]
    state = compare(CheckState(), new, SHIFTED)
    for _ in range(3):
        laid = {each.name: math.fsum(map(math.exp, each.above)) for each in state.comparisons}
        assert laid[SHIFT] == pytest.approx(OF_A_SHIFT * sum(laid.values()), abs=1e-5)
        assert laid["slower than 0.1"] == pytest.approx(laid["slower than 0.5"], abs=1e-5)
        assert weight(state) == pytest.approx(1, abs=1e-5)
        state = served(state, {"requests": 1000.0}, {"requests": 9000.0}, SHIFTED)


def test_weight_is_laid_out_at_each_step_and_every_thousand_requests_and_not_in_between() -> None:
    state = compare(CheckState(), [begun("errors")], WORSE)
    releases = [state.releases]
    for requests in (400, 400, 400, 400, 400):
        state = served(state, {"requests": requests}, {"requests": 9000.0}, WORSE)
        releases.append(state.releases)
    assert releases == [1, 1, 1, 2, 2, 3]
    entered = state.replace(step_requests=0.0)
    idle = served(entered, {"requests": 0.0}, {"requests": 9000.0}, WORSE)
    assert idle.releases == 3
    assert served(idle, {"requests": 1.0}, {"requests": 9000.0}, WORSE).releases == 4


def test_in_a_guard_equal_weight_is_laid_out_for_equal_times() -> None:
    window, day = GuardWindow(since=1000.0, duration=86400.0), 86400.0
    state = CheckState(reserve=window.reserved(1000.0))
    state = compare(state, [begun("errors")], WORSE)
    assert state.held_back == pytest.approx(1 - AT_THE_PROMOTION)
    laid = []
    for look in range(1, 97):
        before = state.held_back
        state = state.replace(reserve=window.reserved(1000.0 + look * day / 96))
        state = served(state, {"requests": 9e4}, {"requests": 4e3}, WORSE)
        laid.append(before - state.held_back)
        assert weight(state) <= 1 + 1e-9
    in_its_time = (1 - AT_THE_PROMOTION) * (1 - AFTER_ITS_END)
    assert laid == pytest.approx([in_its_time / 96] * 96, rel=1e-3)
    # one that cannot end goes on: a new test has some weight however long that takes
    for days in (1.5, 2, 4, 50):
        before = state.held_back
        state = state.replace(reserve=window.reserved(1000.0 + days * day))
        state = served(state, {"requests": 9e4}, {"requests": 4e3}, WORSE)
        assert 0 < state.held_back < 0.8 * before
        assert weight(state) <= 1 + 1e-9


def test_in_a_guard_a_class_that_appears_later_has_weight_although_none_is_due() -> None:
    state = compare(CheckState(reserve=0.5), [begun("class cat")], SHIFTED, both_ways=True)
    state = compare(state, [begun("class dog")], SHIFTED, both_ways=True)
    assert state.held_back == pytest.approx(0.25)
    assert weight(state) == pytest.approx(1, abs=1e-6)
    # it was laid out before its time, which is made up for later
    assert served(state.replace(reserve=0.3), {"class": 9.0}, {"class": 1.0}, SHIFTED) == (
        state.replace(
            reserve=0.3,
            candidate={"class": 9.0},
            stable={"class": 1.0},
            step_requests=9.0,
            recent={"class": [9.0, 1.0]},
            own_candidate={"class": 9.0},
            own_stable={"class": 1.0},
        )
    )


def test_in_a_guard_nobody_waits_for_a_pass() -> None:
    budget = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=50)
    gained = [Gains([0.1] * len(WORSE), [], [0.1] * len(BETTER), [])]
    state = compare(CheckState(), [begun("errors")], WORSE)
    assert requests_to_pass(state, gained, budget)
    guarded = compare(CheckState(reserve=0.5), [begun("errors")], WORSE)
    assert requests_to_pass(guarded, gained, budget) is None
    assert requests_to_fail(guarded, gained, budget)


def test_what_begins_anew_has_no_more_weight_than_was_held_back() -> None:
    state = compare(CheckState(), [begun("errors")], WORSE)
    for requests in (400.0, 5000.0):
        state = served(state, {"requests": requests}, {"requests": 9000.0}, WORSE)
    anew = begun_anew(state.replace(peak=9.0))
    assert (anew.peak, anew.candidate, anew.comparisons) == (0.0, {}, [])
    assert weight(compare(anew, [begun("errors")], WORSE)) <= state.held_back + 1e-9


def test_a_scale_for_events_that_varied_is_the_one_that_is_made_for_them() -> None:
    policy = Policy(NullHypothesis(1.25, 0.01), NullHypothesis(2.0, 0.02), SHIFTED)
    varied, pods = Dispersion(name="class cat", over_time=2.0, between_pods=0.2), (3.0, 8.0)
    [cat] = compare(
        CheckState(), [begun("cat", both_ways=True)], SHIFTED, both_ways=True
    ).comparisons
    independent = Scale(policy, 300.0, 5700.0, both_ways=True)
    of_independent = independent.gains(cat, 40.0, 600.0)
    found = independent.varied(varied, pods).gains(cat, 40.0, 600.0)
    assert found == Scale(policy, 300.0, 5700.0, varied, pods, both_ways=True).gains(
        cat, 40.0, 600.0
    )
    assert found != of_independent == independent.gains(cat, 40.0, 600.0)
