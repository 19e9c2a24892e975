"""Two ModelDeployments on one host name."""

from dataclasses import dataclass

from serinus.plan.situation import World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_requests
from tests.support.simulated_rollout import B, SimulatedRollout

WHY = "It gets no requests: HTTPRoute shop/loan is older."


@dataclass
class Contested(SimulatedCluster):
    """Another one has the host name."""

    outranked: str = WHY

    def at(self, now: float) -> World:
        found = super().at(now)
        return found.with_problems(of_the_requests(self.outranked)) if self.outranked else found


def test_one_that_gets_no_requests_is_neither_ready_nor_available() -> None:
    world = Contested()
    rollout = SimulatedRollout(world=world).settle()
    found = {each.type: each for each in rollout.status.conditions}
    for name in ("Ready", "Available"):
        assert (found[name].status, found[name].reason) == ("False", "RouteContested")
    assert found["Stalled"].status == "True"
    assert WHY in rollout.status.message
    world.outranked = ""
    assert rollout.settle().status.phase == "Healthy"


def test_its_rollout_goes_on() -> None:
    rollout = SimulatedRollout(world=Contested()).settle().given(steps=[{"setWeight": 20}])
    assert rollout.apply(B).weight == 20
