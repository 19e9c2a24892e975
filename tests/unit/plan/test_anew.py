"""A revision that is rolled out anew while its pods are still there begins as any other does."""

from collections.abc import Callable

import pytest

from tests.unit.plan.rehearsal import A, B, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


def retried() -> Rehearsal:
    story = serving().given(steps=STEPS).apply(B).judged("Fail")
    story.history, story.command = None, f"retry/{B}"
    return story


def applied_again() -> Rehearsal:
    story = serving().given(steps=STEPS).apply(B).apply(A)
    story.history, story.revision = None, B
    return story


@pytest.mark.parametrize("begin", [retried, applied_again])
def test_its_pods_are_still_there_and_stables_history_is_read_first_all_the_same(
    begin: Callable[[], Rehearsal],
) -> None:
    story = begin()
    story.settle()
    candidate = story.status.candidate
    assert candidate
    assert candidate.ready_replicas > 0
    assert (candidate.analysis_since, candidate.effective_since) == (None, None)
    assert (story.weight, story.reason) == (0, "NoData")


@pytest.mark.parametrize("begin", [retried, applied_again])
def test_its_weight_counts_as_effective_only_once_the_route_has_taken_it(
    begin: Callable[[], Rehearsal],
) -> None:
    story = begin()
    story.settle()
    story.history = serving().history
    story.world.route_after = 3.0
    story.settle()
    assert story.status.candidate
    assert story.status.candidate.effective_since is None
    now = story.rollout.now
    story.after(3)
    assert story.status.candidate.effective_since == now + 3


def test_an_earlier_candidates_share_is_not_the_next_ones() -> None:
    story = serving().given(steps=STEPS).apply(B)
    story.revision = A
    story.pass_once()
    story.history, story.revision = None, B
    story.pass_once()
    assert story.weight == 0


def test_a_rollout_without_checks_counts_its_weight_only_once_it_is_written() -> None:
    steps = [{"setWeight": 20}, {"pause": {}}]
    story = serving().given(steps=steps, analysis={"checks": []}).apply(B).order(f"abort/{B}")
    story.command = f"retry/{B}"
    story.pass_once()
    assert story.status.candidate
    assert story.status.candidate.effective_since is None


def test_while_the_history_is_read_a_route_that_still_leads_to_it_is_taken_back() -> None:
    story = serving().given(steps=STEPS).apply(B)
    story.world.routed = False
    story.history, story.command = None, f"abort/{B}"
    story.pass_once()
    story.command = f"retry/{B}"
    for _ in range(3):
        story.pass_once()
        assert story.weight == 0
        assert story.status.candidate
        assert story.status.candidate.effective_since is None
