"""A route that no longer does what it did: nobody knows who gets the traffic, if anybody does."""

from serinus.api.reasons import About
from serinus.api.stages import Stage
from serinus.plan.problems import Severity
from serinus.plan.situation import World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import name_taken, of_the_history, of_the_requests
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving


def in_a_pause(duration: str = "30s") -> SimulatedRollout:
    steps = [{"setWeight": 10}, {"pause": {"duration": duration}}, {"setWeight": 50}]
    rollout = serving().given(steps=steps, analysis={"checks": []}).apply(B)
    assert rollout.reason == "AwaitingPause"
    return rollout


def test_a_pause_does_not_end_while_the_route_is_not_in_effect() -> None:
    rollout = in_a_pause()
    rollout.world.routed = False
    assert rollout.after(1).reason == "AwaitingRoute"
    assert rollout.after(11).reason == "RouteRefused"
    assert rollout.after(600).weight == 10
    assert rollout.status.phase == "Degraded"
    assert rollout.reasons[-1] == "WeightLowered"
    rollout.world.routed = True
    assert rollout.settle().reason == "AwaitingPause", "the pause goes on"
    rollout.after(31)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_route_that_is_away_for_a_moment_ends_no_step() -> None:
    rollout = in_a_pause()
    rollout.world.routed = False
    rollout.after(5)
    rollout.world.routed = True
    rollout.settle()
    assert rollout.reasons[-1] == "RolloutStarted"
    rollout.after(26)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_how_often_it_was_away_is_a_sentence_of_its_own() -> None:
    """Whatever a gateway says of its route ends with no full stop, or says nothing."""
    rollout = in_a_pause("10m")
    for routed in (False, True, False):
        rollout.world.routed = routed
        rollout.settle().after(12).after(12)
    lowered = rollout.status.decisions[0]
    assert (lowered.reason, lowered.times) == ("WeightLowered", 2)
    assert lowered.message == "Its weight is not in effect. 2 times in 48s."


def test_nothing_is_promoted_while_the_route_is_not_in_effect() -> None:
    rollout = serving().given(steps=[{"setWeight": 10}]).apply(B)
    rollout.world.pods_ready_after = 60.0
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    rollout.world.routed = False
    rollout.after(61)
    assert rollout.reason == "AwaitingRoute"
    assert rollout.status.stable and rollout.status.stable.revision == A
    rollout.world.routed = True
    rollout.settle()
    assert rollout.status.stable.revision == B


def test_a_promotion_by_hand_does_not_wait_for_the_route() -> None:
    rollout = in_a_pause()
    rollout.world.routed = False
    rollout.order(f"promote/{B}").settle()
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_stable_without_a_ready_pod_is_told_of_in_every_story() -> None:
    rollout = in_a_pause()
    rollout.world.broken = {A}
    told = f"Stable revision {A} has 0 of 4 pods ready."
    assert told in rollout.settle().status.message
    rollout.world.broken = set()
    rollout.settle().order(f"abort/{B}").settle()
    assert rollout.status.rejected
    rollout.world.broken = {A}
    assert told in rollout.settle().status.message
    rollout.world.broken = set()
    assert told not in rollout.settle().status.message


class Unstopped(SimulatedCluster):
    """What goes wrong is told by others, without a full stop."""

    def at(self, now: float) -> World:
        return (
            super()
            .at(now)
            .with_problems(
                name_taken("its name is taken", About.PODS),
                of_the_history("it is gone"),
                of_the_requests("…", Severity.NOTE),
            )
        )


def test_sentences_of_a_story_end_before_the_next_begins() -> None:
    rollout = SimulatedRollout(world=Unstopped()).settle()
    told = f"its name is taken. Revision {A} serves with 4 of 4 pods. it is gone. …"
    assert rollout.status.message == told


def test_a_first_deployment_that_never_served_is_not_stable_at_no_pods() -> None:
    rollout = SimulatedRollout(spec={"replicas": 0}).settle()
    assert rollout.status.stable is None
    assert rollout.reason == "ScaledToZero"
    rollout.spec = {"replicas": 4}
    rollout.settle().settle()
    assert rollout.status.phase == "Healthy"
