"""spec.rollout.paused holds what rolls out, and nobody who commands."""

from serinus.api.stages import Stage
from serinus.simulation.cluster import SimulatedCluster
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}]


def stable(rollout: SimulatedRollout) -> str:
    assert rollout.status.stable
    return rollout.status.stable.revision


def test_without_steps_nothing_is_promoted_until_it_is_lifted() -> None:
    rollout = serving().given(steps=[], paused=True).apply(B).after(3600)
    assert (stable(rollout), rollout.weight) == (A, 0)
    assert (rollout.status.phase, rollout.reason) == ("Paused", "PausedBySpec")
    assert stable(rollout.given(paused=False).settle()) == B


def awaiting_the_last_pods() -> SimulatedRollout:
    rollout = serving().given(steps=STEPS).apply(B)
    rollout.world.pods_ready_after = 60.0
    rollout.judged("Pass")
    assert rollout.status.candidate
    assert rollout.status.candidate.stage is Stage.PROMOTING
    return rollout


def test_while_the_last_pods_are_awaited_it_holds_too() -> None:
    rollout = awaiting_the_last_pods().given(paused=True).after(3600)
    assert (stable(rollout), rollout.weight) == (A, 20)
    assert (rollout.status.phase, rollout.reason) == ("Paused", "PausedBySpec")
    assert stable(rollout.given(paused=False).settle()) == B


def test_an_approval_that_is_added_then_is_asked_for() -> None:
    gated = [*STEPS, {"approval": {}}]
    rollout = awaiting_the_last_pods().given(paused=True).settle()
    assert (rollout.status.phase, rollout.reason) == ("Paused", "PausedBySpec")
    rollout.given(paused=True, steps=gated).settle().judged("Pass")
    rollout.given(paused=False, steps=gated).after(3600)
    assert (stable(rollout), rollout.weight) == (A, 20)
    assert rollout.reason in ("AwaitingApproval", "ApprovalsUnguarded")


def test_a_step_that_is_added_then_is_taken() -> None:
    more = [*STEPS, {"setWeight": 50}]
    rollout = awaiting_the_last_pods().given(steps=more).after(600)
    assert stable(rollout) == A
    rollout.judged("Pass").settle()
    assert (stable(rollout), rollout.weight) == (A, 50)


def test_a_check_that_is_added_then_must_pass() -> None:
    both = [{"name": "errors", "errorRate": {}}, {"name": "slow", "latency": {}}]
    rollout = awaiting_the_last_pods().given(analysis={"checks": both}).after(600)
    assert (stable(rollout), rollout.weight) == (A, 20)
    rollout.judged("Inconclusive").after(600)
    assert stable(rollout) == A
    assert stable(rollout.judged("Pass").after(600)) == B


def test_whoever_pauses_changes_no_policy() -> None:
    rollout = awaiting_the_last_pods().given(paused=True).settle().given(paused=False).after(600)
    assert stable(rollout) == B
    assert rollout.reasons.count("Promoting") == 1


def test_a_check_that_fails_rolls_back_then_as_well() -> None:
    rollout = awaiting_the_last_pods().given(paused=True).after(3600).judged("Fail")
    assert rollout.status.rejected


def test_who_commands_promote_is_obeyed() -> None:
    for steps in ([], STEPS):
        rollout = serving().given(steps=steps, paused=True).apply(B).order(f"promote/{B}")
        assert stable(rollout) == B


def test_who_advances_beyond_the_last_step_is_obeyed() -> None:
    rollout = serving().given(steps=STEPS, paused=True).apply(B).order(f"advance/{B}")
    assert stable(rollout) == B


def test_a_promotion_that_is_commanded_while_pods_are_awaited_is_held_no_more() -> None:
    rollout = awaiting_the_last_pods().given(paused=True).after(3600).order(f"promote/{B}")
    assert stable(rollout) == B


def test_a_first_deployment_and_an_undo_are_not_held() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster()).given(paused=True).settle()
    assert stable(rollout) == A
    rollout.given(steps=STEPS).apply(B).order(f"promote/{B}").order(f"undo/{A}")
    assert stable(rollout) == A


def test_steps_that_are_taken_away_in_a_pause_promote_nobody() -> None:
    rollout = serving().given(steps=STEPS, paused=True).apply(B).given(steps=[]).after(3600)
    assert (stable(rollout), rollout.weight, rollout.reason) == (A, 20, "PausedBySpec")
