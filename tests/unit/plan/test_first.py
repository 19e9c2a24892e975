"""A first deployment that serves before it is complete is what the next revision is judged by."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from serinus.plan.situation import World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import GATEWAY, A, B, C, Rehearsal

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


@dataclass
class Short(PaperWorld):
    """Some pods of the first revision never start."""

    missing: int = 1
    message: str = ""

    def at(self, now: float) -> World:
        found = super().at(now)
        first = found.workloads.get(A)
        if first is None:
            return found
        ready = max(first.ready - self.missing, 0)
        workloads = {**found.workloads, A: replace(first, ready=ready)}
        return replace(found, workloads=workloads, route_message=self.message)


def incomplete(traffic: dict[str, Any], missing: int = 1) -> Rehearsal:
    """A first deployment of four pods, of which so many are not ready."""
    rollout = {"steps": STEPS}
    story = Rehearsal(
        spec={"traffic": traffic, "rollout": rollout}, world=Short(missing=missing)
    ).settle()
    assert (story.status.stable, story.reason) == (None, "AwaitingPods")
    return story


@pytest.mark.parametrize("traffic", [GATEWAY, {}], ids=["gateway", "no gateway"])
def test_the_next_revision_takes_steps_beside_the_pods_that_serve(
    traffic: dict[str, Any],
) -> None:
    story = incomplete(traffic)
    story.world.pods_ready_after = 5.0
    story.apply(B)
    assert story.status.stable and story.status.stable.revision == A
    assert story.status.candidate and story.status.candidate.mode == "Steps"
    assert story.plan and story.plan.wanted
    assert story.plan.wanted.replicas[A] == 4
    assert (story.plan.wanted.split.stable, story.weight) == (A, 0)
    assert story.told == ["FirstDeployment", "Promoted", "RolloutStarted"]
    promoted = story.rollout.news[1]
    assert f"the first one, {A}, serves with 3 of 4 pods" in promoted.message
    story.after(5)
    assert story.weight == 20
    story.judged("Fail")
    assert (story.weight, story.reason) == (0, "CheckFailed")


def test_without_a_gateway_it_is_told_what_the_pods_that_are_ready_give() -> None:
    story = incomplete({}, missing=3)
    found = "1 stable and 1 candidate pods give 50% where 20% is wanted"
    assert isinstance(story.world, Short)
    story.world.message = found
    story.apply(B)
    assert f"weight 20%. {found}. " in story.status.message


def test_it_may_be_aborted_and_the_first_one_serves_on() -> None:
    story = incomplete(GATEWAY).apply(B).order(f"abort/{B}")
    assert story.status.rejected and story.status.rejected.revision == B
    assert story.status.stable and story.status.stable.revision == A
    assert story.plan and story.plan.wanted and story.plan.wanted.split.weights == {A: 100}


def test_once_another_is_promoted_an_undo_goes_back_to_it() -> None:
    story = incomplete(GATEWAY).apply(B).judged("Pass").judged("Pass")
    assert story.status.stable and story.status.stable.revision == B
    assert story.status.former == [A]


def test_one_that_waits_for_its_route_alone_serves_as_well() -> None:
    story = Rehearsal(spec={"rollout": {"steps": STEPS}}, world=PaperWorld(routed=False)).settle()
    assert story.status.stable is None
    story.apply(B)
    assert story.status.stable and story.status.stable.revision == A
    assert "serves with 4 of 4 pods" in story.rollout.news[1].message


def test_one_without_a_ready_pod_gives_way_at_once() -> None:
    story = incomplete(GATEWAY, missing=4).apply(B)
    assert story.told == ["FirstDeployment", "Superseded", "FirstDeployment", "Promoted"]
    assert story.status.stable and story.status.stable.revision == B


def test_the_same_spec_again_promotes_nothing() -> None:
    story = incomplete(GATEWAY).apply(A)
    assert (story.status.stable, story.told) == (None, ["FirstDeployment"])


def test_a_third_revision_finds_the_first_one_stable() -> None:
    story = incomplete(GATEWAY).apply(B).apply(C)
    assert story.status.stable and story.status.stable.revision == A
    assert story.status.candidate and story.status.candidate.revision == C
