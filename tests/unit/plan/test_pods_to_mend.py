"""A pod for which a rollout waits: held, named with its node, and on it goes once it is mended."""

from typing import Any

from serinus.api.stages import Stage
from serinus.api.status import CheckState, StablePod
from tests.support.simulated_rollout import B, SimulatedRollout, serving

SICK = CheckState(stable_pods=[StablePod(name="loan-1", within=[0.0])])
BLAMED = CheckState(pods_to_blame=["loan-2"])


def rolling(**analysis: Any) -> SimulatedRollout:
    alone = {"checks": [{"name": "errors", "errorRate": {}}], "onWrongSplit": "Ignore"}
    steps = [{"setWeight": 5}, {"setWeight": 50}]
    rollout = serving().given(steps=steps, analysis={**alone, **analysis}).apply(B)
    rollout.world.nodes = {"loan-1": "node-a", "loan-2": "node-b"}
    return rollout


def test_a_sick_pod_of_stable_holds_the_rollout_with_its_node_and_rolls_nobody_back() -> None:
    rollout = rolling(maxStepDuration="1m", onInconclusive="Promote")
    rollout.judged("Inconclusive", "Its rate is lifted.", SICK).after(3600)
    assert (rollout.status.phase, rollout.reason, rollout.weight) == (
        "Degraded",
        "StablePodDiffers",
        5,
    )
    assert (
        "Held until stable's pod loan-1 recovers or is removed. Pod loan-1 is on node node-a. "
        "Check errors: Its rate is lifted." in rollout.status.message
    )


def test_two_sick_pods_are_named_with_one_verb() -> None:
    both = [StablePod(name=name, within=[0.0]) for name in ("loan-1", "loan-3", "loan-4")]
    rollout = rolling().judged("Inconclusive", state=CheckState(stable_pods=both))
    told = "Held until stable's pods loan-1, loan-3 and loan-4 recover or are removed. Pod "
    assert told in rollout.status.message


def test_once_it_is_mended_the_step_has_all_of_its_time_again() -> None:
    rollout = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    rollout.judged("Inconclusive", state=SICK).after(3600)
    rollout.judged("Inconclusive").after(59)
    assert rollout.reason == "AwaitingVerdict"
    rollout.judged("Pass")
    assert rollout.weight == 50


def test_a_candidate_that_fails_is_rolled_back_beside_a_sick_pod() -> None:
    assert rolling().judged("Fail", state=SICK).reason == "CheckFailed"


def test_one_bad_pod_of_the_candidate_pauses_the_rollout_if_that_is_asked_for() -> None:
    rollout = rolling(onePodToBlame="Hold", maxStepDuration="1m", onInconclusive="Rollback")
    rollout.judged("Inconclusive", "Too many errors.", BLAMED).after(3600)
    assert (rollout.status.phase, rollout.reason) == ("Paused", "OnePodToBlame")
    assert (
        "Held until the candidate's pod loan-2 is removed. Pod loan-2 is on node node-b. "
        "Check errors: Too many errors." in rollout.status.message
    )


def test_a_rollback_for_one_bad_pod_names_its_node() -> None:
    rollout = rolling().judged("Fail", "Too many errors.", BLAMED)
    assert rollout.status.rejected
    assert rollout.status.rejected.message == (
        "Check errors: Too many errors. Pod loan-2 is on node node-b."
    )


def test_a_pod_whose_node_is_not_known_is_named_alone() -> None:
    rollout = rolling()
    rollout.world.nodes = {}
    rollout.judged("Inconclusive", "Its rate is lifted.", SICK)
    assert "recovers or is removed. Check errors:" in rollout.status.message


def test_a_pod_that_turns_sick_after_the_last_step_holds_the_promotion() -> None:
    rollout = rolling().judged("Pass")
    rollout.world.pods_ready_after = 60
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    rollout.judged("Inconclusive", "Its rate is lifted.", SICK).after(60)
    assert rollout.reason == "StablePodDiffers"
    rollout.judged("Pass").settle()
    assert rollout.reasons[-1] == "Promoted"
