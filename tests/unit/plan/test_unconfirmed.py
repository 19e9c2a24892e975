"""A candidate that may get traffic is judged, though its weight is not known to be in effect."""

from dataclasses import dataclass

import pytest

from serinus.manifests.owner import Owner
from serinus.metrics.requests import Request
from serinus.plan.analysis import requested
from serinus.plan.problems import Severity
from serinus.plan.progress import ROUTE_PATIENCE
from serinus.plan.situation import World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_route
from tests.support.simulated_rollout import B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
OWNER = Owner("team", "loan", uid="")
GIVEN = "The route gives it 20%, but it is unknown whether that is in effect."
TAKEN = "Service team/loan exists and was not created by Serinus"


@dataclass
class Unconfirmed(SimulatedCluster):
    """The route is written, and something keeps it from being known to be in effect."""

    refused: bool = False

    def at(self, now: float) -> World:
        found = super().at(now)
        if self.routed:
            return found
        weight = float(self._traffic.weight) if self._traffic else 0.0
        severity = Severity.REPAIR if self.refused else Severity.WAIT
        return found.with_problems(of_the_route(TAKEN, severity), weight=weight)


def rolling(*, refused: bool = False, routed: bool = False) -> SimulatedRollout:
    """A candidate to which the route gives 20%."""
    rollout = SimulatedRollout(
        spec={"rollout": {"steps": STEPS}}, world=Unconfirmed(refused=refused)
    )
    rollout.settle()
    rollout.world.routed = routed
    return rollout.apply(B)


def measured(rollout: SimulatedRollout) -> bool:
    spec = rollout.rollout.desired.spec
    return isinstance(requested(OWNER, spec, rollout.status), Request)


@pytest.mark.parametrize("refused", [True, False])
def test_it_is_measured_from_when_the_route_gives_it_weight(refused: bool) -> None:
    rollout = rolling(refused=refused)
    assert rollout.weight == 20
    assert measured(rollout)
    assert rollout.status.candidate and rollout.status.candidate.effective_since is None
    assert rollout.status.timeline
    assert rollout.status.timeline.measured_since == rollout.rollout.now


def test_a_check_that_fails_rolls_it_back() -> None:
    rollout = rolling(refused=True).judged("Fail", "errors 41/2045.")
    assert (rollout.reason, rollout.weight) == ("CheckFailed", 0)


def test_no_step_is_passed_before_the_weight_is_in_effect() -> None:
    rollout = rolling().judged("Pass").after(3600).judged("Pass")
    assert (rollout.weight, rollout.reason) == (20, "RouteRefused")
    rollout.world.routed = True
    rollout.settle()
    assert rollout.weight == 20
    assert rollout.reason == "AwaitingVerdict", "what was shown before counts for no step"
    assert rollout.judged("Pass").weight == 50


def test_time_without_metrics_before_it_does_not_prolong_the_step() -> None:
    rollout = rolling().judged("NoData").after(3600)
    rollout.world.routed = True
    rollout.settle().judged("Inconclusive")
    assert rollout.status.candidate and rollout.status.candidate.unmeasured == 0


def test_before_the_route_gives_it_weight_nothing_is_measured() -> None:
    rollout = serving().given(steps=STEPS)
    rollout.world.broken.add(B)
    assert not measured(rollout.apply(B))


@pytest.mark.parametrize("refused", [True, False])
def test_where_the_route_gives_it_its_weight_on_nothing_says_that_it_was_lowered(
    refused: bool,
) -> None:
    rollout = rolling(refused=refused, routed=True)
    rollout.world.routed = False
    rollout.settle().after(ROUTE_PATIENCE).settle()
    assert rollout.weight == 20
    last = rollout.rollout.new_decisions[-1]
    assert last.reason == "RouteRefused"
    assert last.message == f"{GIVEN} {TAKEN}"
    assert rollout.status.candidate and rollout.status.candidate.effective_since is None
