"""A route that no longer does what it did: nobody knows who gets the traffic, if anybody does."""

from dataclasses import replace

from serinus.api.reasons import Reason
from serinus.plan.situation import Trouble, World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, Rehearsal, serving

STEPS = [{"setWeight": 10}, {"pause": {"duration": "30s"}}, {"setWeight": 50}]


def in_a_pause() -> Rehearsal:
    story = serving().given(steps=STEPS, analysis={"checks": []}).apply(B)
    assert story.reason == "AwaitingPause"
    return story


def test_a_pause_does_not_end_while_the_route_is_not_in_effect() -> None:
    story = in_a_pause()
    story.world.routed = False
    assert story.after(1).reason == "AwaitingRoute"
    assert story.after(11).reason == "RouteRefused"
    assert story.after(600).weight == 10
    assert story.status.phase == "Degraded"
    assert story.told[-1] == "WeightLowered"
    story.world.routed = True
    assert story.settle().reason == "AwaitingPause", "the pause begins anew"
    story.after(31)
    assert story.status.stable and story.status.stable.revision == B


def test_a_route_that_is_away_for_a_moment_ends_no_step() -> None:
    story = in_a_pause()
    story.world.routed = False
    story.after(5)
    story.world.routed = True
    story.settle()
    assert story.told[-1] == "RolloutStarted"
    story.after(26)
    assert story.status.stable and story.status.stable.revision == B


def test_nothing_is_promoted_while_the_route_is_not_in_effect() -> None:
    story = serving().given(steps=[{"setWeight": 10}]).apply(B)
    story.world.pods_ready_after = 60.0
    story.judged("Pass")
    assert story.status.candidate and story.status.candidate.promoting
    story.world.routed = False
    story.after(61)
    assert story.reason == "AwaitingRoute"
    assert story.status.stable and story.status.stable.revision == A
    story.world.routed = True
    story.settle()
    assert story.status.stable.revision == B


def test_a_promotion_by_hand_does_not_wait_for_the_route() -> None:
    story = in_a_pause()
    story.world.routed = False
    story.order(f"promote/{B}").settle()
    assert story.status.stable and story.status.stable.revision == B


def test_stable_without_a_ready_pod_is_told_of_in_every_story() -> None:
    story = in_a_pause()
    story.world.broken = {A}
    told = f"Stable revision {A} has 0 of 4 pods ready."
    assert told in story.settle().status.message
    story.world.broken = set()
    story.settle().order(f"abort/{B}").settle()
    assert story.status.rejected
    story.world.broken = {A}
    assert told in story.settle().status.message
    story.world.broken = set()
    assert told not in story.settle().status.message


class Unstopped(PaperWorld):
    """What goes wrong is told by others, without a full stop."""

    def at(self, now: float) -> World:
        trouble = Trouble(Reason.NAME_TAKEN, "its name is taken")
        return replace(super().at(now), trouble=trouble, unkept="it is gone", route_contested="…")


def test_sentences_of_a_story_end_before_the_next_begins() -> None:
    story = Rehearsal(world=Unstopped()).settle()
    told = f"its name is taken. Revision {A} serves with 4 of 4 pods. it is gone. …"
    assert story.status.message == told


def test_a_first_deployment_that_never_served_is_not_stable_at_no_pods() -> None:
    story = Rehearsal(spec={"replicas": 0}).settle()
    assert story.status.stable is None
    assert story.reason == "ScaledToZero"
    story.spec = {"replicas": 4}
    story.settle().settle()
    assert story.status.phase == "Healthy"
