"""A first deployment that serves before it is complete is what the next revision is judged by."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from serinus.api.stages import Stage
from serinus.plan.problems import Severity
from serinus.plan.situation import World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_route
from tests.support.simulated_rollout import GATEWAY, A, B, C, SimulatedRollout

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


@dataclass
class Short(SimulatedCluster):
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
        found = replace(found, workloads=workloads)
        note = of_the_route(self.message, Severity.NOTE)
        return found.with_problems(note) if self.message else found


def incomplete(traffic: dict[str, Any], missing: int = 1) -> SimulatedRollout:
    """A first deployment of four pods, of which so many are not ready."""
    rollout = {"steps": STEPS}
    story = SimulatedRollout(
        spec={"traffic": traffic, "rollout": rollout}, world=Short(missing=missing)
    ).settle()
    assert (story.status.stable, story.reason) == (None, "AwaitingPods")
    return story


@pytest.mark.parametrize("traffic", [GATEWAY, {}], ids=["gateway", "no gateway"])
def test_the_next_revision_takes_steps_beside_the_pods_that_serve(
    traffic: dict[str, Any],
) -> None:
    rollout = incomplete(traffic)
    rollout.world.pods_ready_after = 5.0
    rollout.apply(B)
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.STEPPING
    assert rollout.plan and rollout.plan.wanted
    assert rollout.plan.wanted.replicas[A] == 4
    assert (rollout.plan.wanted.traffic.stable, rollout.weight) == (A, 0)
    assert rollout.reasons == ["FirstDeployment", "Promoted", "RolloutStarted"]
    promoted = rollout.rollout.new_decisions[1]
    assert f"the first one, {A}, serves with 3 of 4 pods" in promoted.message
    rollout.after(5)
    assert rollout.weight == 20
    rollout.judged("Fail")
    assert (rollout.weight, rollout.reason) == (0, "CheckFailed")


def test_without_a_gateway_it_is_told_what_the_pods_that_are_ready_give() -> None:
    rollout = incomplete({}, missing=3)
    found = "1 stable and 1 candidate pods give 50% instead of 20%"
    assert isinstance(rollout.world, Short)
    rollout.world.message = found
    rollout.apply(B)
    assert f"weight 20%. {found}. " in rollout.status.message


def test_it_may_be_aborted_and_the_first_one_serves_on() -> None:
    rollout = incomplete(GATEWAY).apply(B).order(f"abort/{B}")
    assert rollout.status.rejected and rollout.status.rejected.revision == B
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.plan and rollout.plan.wanted and rollout.plan.wanted.traffic.weights == {A: 100}


def test_once_another_is_promoted_an_undo_goes_back_to_it() -> None:
    rollout = incomplete(GATEWAY).apply(B).judged("Pass").judged("Pass")
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.status.former == [A]


def test_one_that_waits_for_its_route_alone_serves_as_well() -> None:
    rollout = SimulatedRollout(
        spec={"rollout": {"steps": STEPS}}, world=SimulatedCluster(routed=False)
    ).settle()
    assert rollout.status.stable is None
    rollout.apply(B)
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert "serves with 4 of 4 pods" in rollout.rollout.new_decisions[1].message


def test_one_without_a_ready_pod_gives_way_at_once() -> None:
    rollout = incomplete(GATEWAY, missing=4).apply(B)
    assert rollout.reasons == ["FirstDeployment", "Superseded", "FirstDeployment", "Promoted"]
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_the_same_spec_again_promotes_nothing() -> None:
    rollout = incomplete(GATEWAY).apply(A)
    assert (rollout.status.stable, rollout.reasons) == (None, ["FirstDeployment"])


def test_a_third_revision_finds_the_first_one_stable() -> None:
    rollout = incomplete(GATEWAY).apply(B).apply(C)
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.candidate and rollout.status.candidate.revision == C
