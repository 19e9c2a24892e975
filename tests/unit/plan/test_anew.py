"""A revision that is rolled out anew while its pods are still there begins as any other does."""

from collections.abc import Callable

import pytest

from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


def retried() -> SimulatedRollout:
    rollout = serving().given(steps=STEPS).apply(B).judged("Fail")
    rollout.history, rollout.command = None, f"retry/{B}"
    return rollout


def applied_again() -> SimulatedRollout:
    rollout = serving().given(steps=STEPS).apply(B).apply(A)
    rollout.history, rollout.revision = None, B
    return rollout


@pytest.mark.parametrize("begin", [retried, applied_again])
def test_its_pods_are_still_there_and_stables_history_is_read_first_all_the_same(
    begin: Callable[[], SimulatedRollout],
) -> None:
    rollout = begin()
    rollout.settle()
    candidate = rollout.status.candidate
    assert candidate
    assert candidate.ready_replicas > 0
    assert (candidate.analysis_since, candidate.effective_since) == (None, None)
    assert (rollout.weight, rollout.reason) == (0, "NoData")


@pytest.mark.parametrize("begin", [retried, applied_again])
def test_its_weight_counts_as_effective_only_once_the_route_has_taken_it(
    begin: Callable[[], SimulatedRollout],
) -> None:
    rollout = begin()
    rollout.settle()
    rollout.history = serving().history
    rollout.world.route_after = 3.0
    rollout.settle()
    assert rollout.status.candidate
    assert rollout.status.candidate.effective_since is None
    now = rollout.rollout.now
    rollout.after(3)
    assert rollout.status.candidate.effective_since == now + 3


def test_an_earlier_candidates_share_is_not_the_next_ones() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    rollout.revision = A
    rollout.pass_once()
    rollout.history, rollout.revision = None, B
    rollout.pass_once()
    assert rollout.weight == 0


def test_a_rollout_without_checks_counts_its_weight_only_once_it_is_written() -> None:
    steps = [{"setWeight": 20}, {"pause": {}}]
    rollout = serving().given(steps=steps, analysis={"checks": []}).apply(B).order(f"abort/{B}")
    rollout.command = f"retry/{B}"
    rollout.pass_once()
    assert rollout.status.candidate
    assert rollout.status.candidate.effective_since is None


def test_while_the_history_is_read_a_route_that_still_leads_to_it_is_taken_back() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    rollout.world.routed = False
    rollout.history, rollout.command = None, f"abort/{B}"
    rollout.pass_once()
    rollout.command = f"retry/{B}"
    for _ in range(3):
        rollout.pass_once()
        assert rollout.weight == 0
        assert rollout.status.candidate
        assert rollout.status.candidate.effective_since is None
