"""A step's time ends, however often its pods or its weight come and go."""

from typing import Final

import pytest

from tests.support.simulated_rollout import GATEWAY, A, B, SimulatedRollout, serving

MINUTE: Final = 60.0
HALF: Final = [{"setWeight": 50}]
BOUNDED: Final = {"maxStepDuration": "30m"}


def undecided(rollout: SimulatedRollout) -> SimulatedRollout:
    return rollout.judged("Inconclusive")


def scaled_up_for(rollout: SimulatedRollout, seconds: float, every: float) -> SimulatedRollout:
    """By an autoscaler, one pod each time, which is ready after a minute."""
    rollout.world.pods_ready_after = MINUTE
    for _ in range(int(seconds / every)):
        rollout.spec["replicas"] = rollout.spec.get("replicas", 4) + 1
        rollout.settle().after(MINUTE).after(every - MINUTE)
    return rollout


def without_pods(rollout: SimulatedRollout, seconds: float) -> SimulatedRollout:
    rollout.world.broken = {B}
    rollout.settle().after(seconds)
    rollout.world.broken = set()
    return rollout.settle()


def entries(rollout: SimulatedRollout) -> int:
    assert rollout.status.candidate
    return rollout.status.candidate.entries


@pytest.mark.parametrize("gateway", [True, False])
def test_a_step_times_out_though_an_autoscaler_adds_pods_every_ten_minutes(gateway: bool) -> None:
    rollout = serving(traffic=GATEWAY if gateway else {})
    undecided(rollout.given(steps=HALF, analysis=BOUNDED).apply(B))
    scaled_up_for(rollout, 40 * MINUTE, every=10 * MINUTE)
    assert rollout.reason == "Inconclusive"
    assert rollout.weight == 50
    assert "WeightLowered" not in rollout.reasons
    assert entries(rollout) == 1, "no weight fell, so the evidence goes on"


def test_what_waits_for_a_person_does_not_go_on_because_pods_are_added() -> None:
    rollout = undecided(serving().given(steps=HALF, analysis=BOUNDED).apply(B)).after(31 * MINUTE)
    assert rollout.reason == "Inconclusive"
    scaled_up_for(rollout, 20 * MINUTE, every=10 * MINUTE)
    assert rollout.reason == "Inconclusive"
    told = [each for each in rollout.status.decisions if each.reason == "StepTimedOut"]
    assert len(told) == 1, "the pause stands among the decisions, once"
    assert "No verdict within maxStepDuration 30m" in told[0].message


def test_a_pause_ends_though_an_autoscaler_adds_pods() -> None:
    steps = [{"setWeight": 50}, {"pause": {"duration": "30m"}}]
    rollout = serving().given(steps=steps, analysis={"checks": []}).apply(B)
    scaled_up_for(rollout, 40 * MINUTE, every=10 * MINUTE)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_time_at_a_weight_that_is_lost_again_and_again_adds_up() -> None:
    rollout = undecided(serving().given(steps=HALF, analysis=BOUNDED).apply(B))
    for _ in range(3):
        without_pods(rollout.after(9 * MINUTE), 2 * MINUTE)
    assert (rollout.reason, entries(rollout)) == ("AwaitingVerdict", 4)
    assert rollout.after(3 * MINUTE - 1).reason == "AwaitingVerdict", "27 minutes, and not 33"
    assert rollout.after(2).reason == "Inconclusive"


def test_metrics_that_are_missing_while_the_weight_is_lost_prolong_nothing_twice() -> None:
    rollout = undecided(serving().given(steps=HALF, analysis=BOUNDED).apply(B)).after(9 * MINUTE)
    rollout.world.broken = {B}
    rollout.settle().judged("Error").after(5 * MINUTE)
    rollout.world.broken = set()
    rollout.settle().after(5 * MINUTE)
    undecided(rollout)
    assert rollout.after(21 * MINUTE - 1).reason == "AwaitingVerdict"
    assert rollout.after(2).reason == "Inconclusive"


def test_a_pause_excludes_the_time_without_its_weight() -> None:
    steps = [{"setWeight": 50}, {"pause": {"duration": "30m"}}]
    rollout = serving().given(steps=steps, analysis={"checks": []}).apply(B).after(20 * MINUTE)
    without_pods(rollout, 5 * MINUTE).after(10 * MINUTE - 1)
    assert rollout.reason == "AwaitingPause"
    assert rollout.after(2).status.candidate is None


def test_pods_that_are_far_too_few_for_the_new_size_keep_twice_their_part() -> None:
    rollout = serving().given(steps=HALF).apply(B).judged("Inconclusive")
    rollout.world.pods_ready_after = MINUTE
    rollout.spec["replicas"] = 40
    rollout.settle()
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.weight == 50, "six pods, of which two are the candidate's, can carry a third"
    rollout.world.pods_ready_after = 0.0
    rollout.world.broken = {B}
    rollout.settle()
    assert rollout.weight == 0
    assert rollout.reasons[-1] == "WeightLowered"
