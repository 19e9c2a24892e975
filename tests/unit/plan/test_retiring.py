"""Pods that lost their traffic stay until it has really gone from them, and not for ever."""

from dataclasses import dataclass, replace

import pytest

from serinus.api.status import Retiring
from serinus.plan.progress import ROUTE_PATIENCE
from serinus.plan.situation import RETIRING_KEPT, World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_route
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"pause": {}}]
NOT_TAKEN = "Gateway public has not yet accepted the current generation of the route"


@dataclass
class Gateway(SimulatedCluster):
    """One that says why it takes no route, and that may lead where nobody asked it to."""

    astray: frozenset[str] | None = None

    def at(self, now: float) -> World:
        found = super().at(now)
        if found.leads_to is None:
            found = found.with_problems(of_the_route(NOT_TAKEN))
        return replace(found, leads_to=self.astray or found.leads_to)


def rolling() -> tuple[SimulatedRollout, Gateway]:
    """A candidate at 20%."""
    gateway = Gateway()
    rollout = SimulatedRollout(revision=A, world=gateway).settle().given(steps=STEPS).apply(B)
    assert rollout.weight == 20
    return rollout, gateway


def revisions(rollout: SimulatedRollout) -> set[str]:
    assert rollout.plan
    assert rollout.plan.wanted
    return set(rollout.plan.wanted.replicas)


def with_the_gateways_controller_down() -> SimulatedRollout:
    """A candidate at 20%; what is written from now on is not taken up."""
    rollout, gateway = rolling()
    gateway.routed = False
    return rollout


def test_after_a_promotion_stables_pods_stay_until_a_gateway_has_taken_the_route() -> None:
    rollout = with_the_gateways_controller_down().order(f"promote/{B}").after(3600)
    assert rollout.status.stable
    assert rollout.status.stable.revision == B
    assert revisions(rollout) == {A, B}
    rollout.world.routed = True
    assert revisions(rollout.settle()) == {A, B}
    assert revisions(rollout.after(29)) == {A, B}
    assert revisions(rollout.after(1)) == {B}, "the delay counts from when the route was taken"


def test_after_a_rollback_the_candidates_pods_stay_too_and_the_status_says_why() -> None:
    rollout = with_the_gateways_controller_down().judged("Fail")
    assert f"Revision {B} is losing its traffic." in rollout.status.message
    assert "Pods of revision" not in rollout.status.message
    rollout.after(ROUTE_PATIENCE)
    told = f"Pods of revision {B} stay, because they may still get traffic: {NOT_TAKEN}."
    assert told in rollout.status.message
    assert revisions(rollout.after(3600)) == {A, B}
    rollout.world.routed = True
    rollout.settle()
    assert f"Revision {B} gets no traffic." in rollout.status.message
    assert "Pods of revision" not in rollout.status.message
    assert revisions(rollout.after(30)) == {A}


def test_time_alone_makes_a_pass_due_when_it_is_to_be_told() -> None:
    rollout = with_the_gateways_controller_down().judged("Fail")
    assert rollout.plan
    assert rollout.plan.wake_in == ROUTE_PATIENCE


def test_a_revision_that_the_route_leads_to_again_is_idle_no_more() -> None:
    rollout, gateway = rolling()
    [retiring] = rollout.judged("Fail").status.retiring
    assert retiring.idle_since is not None
    gateway.astray = frozenset({A, B})
    [retiring] = rollout.settle().status.retiring
    assert retiring.idle_since is None
    assert revisions(rollout.after(3600)) == {A, B}


def test_without_a_gateway_they_go_once_the_service_selects_others() -> None:
    rollout = serving(traffic={}).given(steps=STEPS).apply(B).judged("Fail").apply(C)
    assert rollout.status.retiring == []
    assert rollout.weight == 20


def test_without_a_gateway_a_service_that_still_selects_them_is_changed_first() -> None:
    rollout = serving(traffic={}).given(steps=STEPS, analysis={"checks": []}).apply(B)
    rollout.revision = C
    rollout.pass_once()
    assert rollout.weight == 0
    assert B in revisions(rollout)
    rollout.settle()
    assert B not in revisions(rollout)
    assert rollout.weight == 20


@pytest.mark.parametrize("routed", [True, False])
def test_however_many_come_and_go_no_more_are_listed_than_the_status_has_room_for(
    routed: bool,
) -> None:
    rollout = serving().given(steps=STEPS, scaleDownDelay="1h").apply(B)
    rollout.world.routed = routed
    for number in range(40):
        rollout.after(1).apply(f"c{number}")
        assert len(rollout.status.retiring) <= RETIRING_KEPT
    listed = [each.revision for each in rollout.status.retiring]
    assert listed[-1] == "c38"
    assert (B in listed) is not routed, "what the gateway still leads to outlives what came since"


def test_a_rollback_is_never_kept_from_the_status_by_those_that_went_before() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    full = [Retiring(revision=f"c{n}", since=rollout.rollout.now) for n in range(RETIRING_KEPT)]
    rollout.rollout.status = rollout.status.replace(retiring=full)
    rollout.judged("Fail")
    listed = [each.revision for each in rollout.status.retiring]
    assert (len(listed), listed[0], listed[-1]) == (RETIRING_KEPT, "c1", B)


def test_while_stable_has_no_ready_pod_they_stay_for_the_progress_deadline() -> None:
    rollout, gateway = rolling()
    gateway.broken = {A}
    rollout.settle().judged("Fail")
    assert rollout.plan
    assert rollout.plan.wake_in == 600
    assert revisions(rollout.after(599)) == {A, B}
    assert revisions(rollout.after(1)) == {A}, "they may have the room that stable's pods lack"


def test_once_stable_has_a_ready_pod_again_they_go() -> None:
    rollout, gateway = rolling()
    gateway.broken = {A}
    assert revisions(rollout.settle().judged("Fail").after(60)) == {A, B}
    gateway.broken = set()
    assert revisions(rollout.settle()) == {A}


def test_without_a_gateway_the_pods_of_a_rejected_candidate_end_at_once() -> None:
    """Connections that clients keep open to them end with them alone."""
    rollout = serving(traffic={}).given(steps=STEPS, scaleDownDelay="10m").apply(B)
    rollout.world.pods_ready_after = 1  # those that go take a moment
    rollout.judged("Fail")
    assert "gets no new connections, and those that are open end with its pods." in (
        rollout.status.message
    )
    assert revisions(rollout.after(4)) == {A, B}, "until the Service has let them go"
    rollout.after(1)
    assert rollout.plan and rollout.plan.wanted and not rollout.plan.wanted.replicas.get(B)
    assert f"Revision {B} gets no traffic." in rollout.after(60).status.message


def test_what_is_not_rejected_or_gets_no_traffic_by_its_route_stays_for_the_delay() -> None:
    rollout = serving().given(steps=STEPS, scaleDownDelay="10m").apply(B).judged("Fail")
    assert revisions(rollout.after(599)) == {A, B}
    rollout = serving(traffic={}).given(steps=STEPS, scaleDownDelay="10m").apply(B)
    assert revisions(rollout.order(f"promote/{B}").after(599)) == {A, B}


def test_without_a_gateway_and_stable_they_stay_since_they_may_serve_alone() -> None:
    rollout = serving(traffic={}).given(steps=STEPS).apply(B)
    rollout.world.broken = {A}
    rollout.settle().judged("Fail")
    assert revisions(rollout.after(500)) == {A, B}
