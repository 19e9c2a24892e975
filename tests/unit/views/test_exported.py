"""What is exported about an object: its present state, and how its rollouts ended."""

from collections import Counter
from collections.abc import Callable

import pytest

from serinus.api.reasons import Reason
from serinus.simulation.cluster import SimulatedCluster
from serinus.views.exported import ExportedStatus, endings, exported_status
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"pause": {}}]


def ended(rollout: SimulatedRollout) -> list[Reason]:
    """By all decisions so far, as one pass after another has counted them."""
    return list(endings(None, rollout.rollout.new_decisions))


def canary() -> SimulatedRollout:
    return serving(rollout={"steps": STEPS}).apply(B)


def too_late(rollout: SimulatedRollout) -> SimulatedRollout:
    rollout.world.broken = {B}
    return rollout.settle().after(601)


def invalid(rollout: SimulatedRollout) -> SimulatedRollout:
    rollout.problems = ("spec.rollout.steps: is wrong.",)
    return rollout.settle()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda r: r.order(f"promote/{B}"), "Promoted"),
        (lambda r: r.judged("Fail"), "CheckFailed"),
        (lambda r: r.order(f"abort/{B}"), "Aborted"),
        (too_late, "ProgressDeadlineExceeded"),
        (lambda r: r.apply(A), "Reverted"),
        (invalid, "InvalidSpec"),
    ],
)
def test_each_rollout_ends_once_for_one_reason(
    happens: Callable[[SimulatedRollout], SimulatedRollout], reason: str
) -> None:
    rollout = happens(canary())
    rollout.after(60)
    assert ended(rollout) == ["Promoted", reason], "the first deployment, and this rollout"


def test_a_candidate_that_another_one_replaces_is_counted_and_the_other_one_too() -> None:
    assert ended(canary().apply(C).judged("Fail")) == ["Promoted", "Superseded", "CheckFailed"]


def test_a_candidate_that_an_undo_replaces_is_counted() -> None:
    rollout = serving().apply(B).order(f"promote/{B}").given(steps=STEPS).apply(C)
    rollout.order(f"undo/{A}")
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert Counter(ended(rollout)) == {Reason.PROMOTED: 3, Reason.UNDONE: 1}


def test_a_candidate_of_an_earlier_pass_ends_in_this_one() -> None:
    rollout = canary()
    candidate, seen = rollout.status.candidate, len(rollout.rollout.new_decisions)
    rollout.judged("Fail")
    assert list(endings(candidate, rollout.rollout.new_decisions[seen:])) == ["CheckFailed"]
    assert list(endings(candidate, ())) == []


def test_every_rejection_is_an_outcome() -> None:
    ends = {each: each.meaning.ends for each in Reason if each.meaning.ends}
    assert {"CheckFailed", "TooManyRestarts", "Inconclusive", "Aborted"} <= ends.keys()
    assert set(ends.values()) == {"promoted", "rolled_back", "cancelled"}


def test_the_present_state_is_that_of_the_status() -> None:
    rollout = canary().judged("Inconclusive")
    found = exported_status(rollout.status)
    assert found.weight and (found.weight.wanted, found.weight.actual) == (20, 20)
    assert ("errors", "errorRate", "Enforce", "Inconclusive") in found.verdicts
    assert found.hold and found.hold[0] == "AwaitingCommand"
    assert ("Available", "True", "StableServes") in found.conditions
    assert found.rejected is None


def test_after_a_rollback_only_the_rejection_and_the_conditions_are_left() -> None:
    rollout = canary().judged("Fail")
    found = exported_status(rollout.status)
    assert found == ExportedStatus(conditions=found.conditions, rejected="CheckFailed")
    assert ("Stalled", "True", "CheckFailed") in found.conditions


def test_a_first_deployment_is_a_rollout_that_was_promoted() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle()
    assert ended(rollout) == []
    rollout.world.broken = set()
    assert ended(rollout.settle()) == ["Promoted"]


def test_the_mode_of_a_check_is_a_label_of_its_verdict() -> None:
    slow = {"name": "slow", "mode": "Audit", "latency": {}}
    rollout = canary().given(analysis={"checks": [slow]}).judged("Fail")
    assert exported_status(rollout.status).verdicts == (("slow", "latency", "Audit", "Fail"),)
