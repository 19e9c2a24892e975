"""The condition Available: whether stable serves, whatever a rollout does meanwhile."""

from dataclasses import dataclass

from serinus.api.status import Condition
from serinus.plan.problems import Severity
from serinus.plan.situation import World
from serinus.plan.summary import refuse
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_route
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

STEPS = [{"setWeight": 50}, {"pause": {}}]


@dataclass
class Unserved(SimulatedCluster):
    """The objects that split the traffic may serve nothing."""

    unserved: str = ""

    def at(self, now: float) -> World:
        found, outage = super().at(now), of_the_route(self.unserved, Severity.OUTAGE)
        return found.with_problems(outage) if self.unserved else found


def available(rollout: SimulatedRollout) -> Condition:
    return next(each for each in rollout.status.conditions if each.type == "Available")


def ready(rollout: SimulatedRollout) -> str:
    return next(each.status for each in rollout.status.conditions if each.type == "Ready")


def test_it_stays_true_through_a_canary_and_its_rollback_while_ready_is_false() -> None:
    rollout = serving().given(steps=STEPS)
    since = available(rollout).last_transition_time
    rollout.after(60).apply(B)
    assert (ready(rollout), available(rollout).status) == ("False", "True")
    rollout.judged("Fail")
    assert rollout.status.rejected
    assert (ready(rollout), available(rollout).status) == ("False", "True")
    assert available(rollout).last_transition_time == since
    assert available(rollout).message == f"Stable revision {A} has 4 of 4 pods ready."


def test_it_is_false_until_a_first_revision_is_stable() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle()
    assert (available(rollout).status, available(rollout).reason) == ("False", "FirstDeployment")
    rollout.world.broken = set()
    assert available(rollout.settle()).status == "True"


def test_it_is_false_while_stable_has_no_ready_pod_though_a_candidate_serves() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    rollout.world.broken = {A}
    found = available(rollout.settle())
    assert (found.status, found.reason) == ("False", "Unavailable")
    assert f"Stable revision {A} has 0 of 4 pods ready." in found.message


def test_it_is_false_while_the_gateway_serves_nothing() -> None:
    world = Unserved()
    rollout = SimulatedRollout(world=world).settle()
    world.unserved = "Gateway shop/public does not exist."
    found = available(rollout.settle())
    assert (found.status, found.message) == ("False", world.unserved)


def test_a_candidate_that_alone_serves_reaches_nobody_either_without_a_gateway() -> None:
    world = Unserved()
    rollout = SimulatedRollout(world=world).settle().given(steps=STEPS).apply(B)
    world.broken = {A}
    rollout.settle().judged("Error")
    assert rollout.status.phase == "Degraded"
    world.unserved = "Gateway shop/public does not exist."
    assert rollout.settle().status.phase == "Unavailable"
    world.unserved = ""
    assert rollout.settle().status.phase == "Degraded"


def test_a_model_scaled_to_zero_on_purpose_alerts_nobody() -> None:
    rollout = serving()
    rollout.spec = {"replicas": 0}
    found = available(rollout.settle())
    assert (found.status, found.reason) == ("True", "ScaledToZero")


def test_it_is_unknown_while_the_spec_cannot_be_read() -> None:
    refused = refuse(serving().status, 2, "spec.replicas: is not a number.", 2000.0)
    found = {each.type: each for each in refused.conditions}["Available"]
    assert (found.status, found.reason) == ("Unknown", "InvalidSpec")
