"""Evidence for the candidate that is dropped was an attempt to pass, and each attempt is paid."""

import math
from dataclasses import replace
from typing import Final

from serinus.api.status import CheckState, CheckStatus
from serinus.judge import enter_step
from serinus.judge.evidence.comparison import verdict
from serinus.judge.evidence.look import ErrorBudget
from tests.support.simulated_analysis import SimulatedAnalysis, buckets, error_rate, latency
from tests.unit.judge.test_inputs import Asked
from tests.unit.judge.test_pods import BAD, holding, look_at, names
from tests.unit.judge.test_stable_pods import PODS, SICK, judging, look

BUDGET: Final = ErrorBudget(0.01, 0.05, 0.01, min_requests=1)


def dropped(found: CheckStatus) -> int:
    return found.state.dropped


def test_a_pod_to_blame_that_left() -> None:
    simulated = holding(names(5))
    for _ in range(5):
        found = look_at(simulated, names(5), bad=20, others=0)
    assert (found.waits_for_own_pods, dropped(found)) == ([BAD], 0)
    simulated.candidate.values.pop(BAD)
    for _ in range(20):
        found = look_at(simulated, names(5)[1:], bad=0, others=0)
    assert dropped(found) == 1


def test_a_stable_pod_that_is_mended_or_gone() -> None:
    for gone in (False, True):
        simulated = judging()
        for _ in range(20):
            found = look(simulated, 1, sick=60)
        assert (found.waits_for_stable_pods, dropped(found)) == ([SICK], 0)
        if gone:
            simulated.stable.values.pop(SICK)
        for _ in range(40):
            found = look(simulated, 1, pods=PODS[1:] if gone else PODS)
        assert (found.waits_for_stable_pods, dropped(found)) == ([], 1)


def test_arms_that_were_asked_differently_once_however_long() -> None:
    asked = Asked()
    for _ in range(8):
        asked.ask()
    assert not dropped(asked.progress.checks[0])
    asked.until_held()
    for _ in range(5):
        asked.ask((0.5, 0.4, 0.1, 0.0))
    for _ in range(20):
        found = asked.ask()
    assert (asked.held, dropped(found)) == (None, 1)


def test_latency_bounds_that_are_lost() -> None:
    simulated = SimulatedAnalysis(latency())
    for requests in (0, 100, 100, 100):
        slow = {0.1: requests, 0.2: requests, 0.4: requests}
        simulated.durations(slow, slow)
        found = simulated.look()
    assert found.state.own_requests
    for requests in (0, 100, 100):
        for pods in (simulated.candidate, simulated.stable):
            counts = {0.15: requests, 0.3: requests}
            buckets(pods, "new", "model_request_duration_seconds", counts)
        found = simulated.look()
    assert dropped(found) == 1


def test_nothing_is_paid_for_evidence_that_had_not_begun() -> None:
    asked = Asked()
    asked.weight = None
    asked.until_held()
    assert not dropped(asked.progress.checks[0])


def test_an_attempt_is_as_dear_as_an_entry() -> None:
    """Of the second one, a hundredth of half the budget is left."""
    state = CheckState(own_candidate={"requests": 100.0}, dropped=1)
    [passed] = beside_one_pod().progress.checks
    enough = passed.state.comparisons[0]
    for short, expected in ((0.001, "Inconclusive"), (-0.001, "Pass")):
        goal = -math.log(0.05 * 0.01 / 2) - short
        shown = state.replace(comparisons=[enough.replace(not_above=[goal])])
        assert verdict(shown, BUDGET) == expected
        again = shown.replace(dropped=0)
        assert verdict(again, replace(BUDGET, entry=2)) == expected


def test_they_count_at_their_weight_alone() -> None:
    [check] = beside_one_pod().progress.checks
    paid = check.replace(state=check.state.replace(dropped=2))
    [again], [another] = (enter_step([paid], again=again) for again in (True, False))
    assert (dropped(again), dropped(another)) == (2, 0)


def beside_one_pod() -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(error_rate())
    for _ in range(3):
        simulated.errors((0, 100), (0, 1000))
        simulated.look()
    return simulated
