"""Pods that lost their traffic stay until it has really gone from them, and not for ever."""

from dataclasses import dataclass, replace

import pytest

from serinus.api.status import Retiring
from serinus.plan.progress import ROUTE_PATIENCE
from serinus.plan.situation import RETIRING_KEPT, World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, C, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"pause": {}}]
NOT_TAKEN = "Gateway public has not yet taken the route at its current generation"


@dataclass
class Gateway(PaperWorld):
    """One that says why it takes no route, and that may lead where nobody asked it to."""

    astray: frozenset[str] | None = None

    def at(self, now: float) -> World:
        found = super().at(now)
        message = "" if found.leads_to is not None else NOT_TAKEN
        return replace(found, route_message=message, leads_to=self.astray or found.leads_to)


def rolling() -> tuple[Rehearsal, Gateway]:
    """A candidate at 20%."""
    gateway = Gateway()
    story = Rehearsal(revision=A, world=gateway).settle().given(steps=STEPS).apply(B)
    assert story.weight == 20
    return story, gateway


def revisions(story: Rehearsal) -> set[str]:
    assert story.plan
    assert story.plan.wanted
    return set(story.plan.wanted.replicas)


def with_the_gateways_controller_down() -> Rehearsal:
    """A candidate at 20%; what is written from now on is not taken up."""
    story, gateway = rolling()
    gateway.routed = False
    return story


def test_after_a_promotion_stables_pods_stay_until_a_gateway_has_taken_the_route() -> None:
    story = with_the_gateways_controller_down().order(f"promote/{B}").after(3600)
    assert story.status.stable
    assert story.status.stable.revision == B
    assert revisions(story) == {A, B}
    story.world.routed = True
    assert revisions(story.settle()) == {A, B}
    assert revisions(story.after(29)) == {A, B}
    assert revisions(story.after(1)) == {B}, "the delay counts from when the route was taken"


def test_after_a_rollback_the_candidates_pods_stay_too_and_the_status_says_why() -> None:
    story = with_the_gateways_controller_down().judged("Fail")
    assert f"Revision {B} is being taken out of the traffic." in story.status.message
    assert "Pods of revision" not in story.status.message
    story.after(ROUTE_PATIENCE)
    told = f"Pods of revision {B} stay, since they may still get traffic: {NOT_TAKEN}."
    assert told in story.status.message
    assert revisions(story.after(3600)) == {A, B}
    story.world.routed = True
    story.settle()
    assert f"Revision {B} is not served." in story.status.message
    assert "Pods of revision" not in story.status.message
    assert revisions(story.after(30)) == {A}


def test_time_alone_makes_a_pass_due_when_it_is_to_be_told() -> None:
    story = with_the_gateways_controller_down().judged("Fail")
    assert story.plan
    assert story.plan.wake_in == ROUTE_PATIENCE


def test_a_revision_that_the_route_leads_to_again_is_idle_no_more() -> None:
    story, gateway = rolling()
    [retiring] = story.judged("Fail").status.retiring
    assert retiring.idle_since is not None
    gateway.astray = frozenset({A, B})
    [retiring] = story.settle().status.retiring
    assert retiring.idle_since is None
    assert revisions(story.after(3600)) == {A, B}


def test_without_a_gateway_they_go_once_the_service_selects_others() -> None:
    story = serving(traffic={}).given(steps=STEPS).apply(B).judged("Fail").apply(C)
    assert story.status.retiring == []
    assert story.weight == 20


def test_without_a_gateway_a_service_that_still_selects_them_is_changed_first() -> None:
    story = serving(traffic={}).given(steps=STEPS, analysis={"checks": []}).apply(B)
    story.revision = C
    story.pass_once()
    assert story.weight == 0
    assert B in revisions(story)
    story.settle()
    assert B not in revisions(story)
    assert story.weight == 20


@pytest.mark.parametrize("routed", [True, False])
def test_however_many_come_and_go_no_more_are_listed_than_the_status_has_room_for(
    routed: bool,
) -> None:
    story = serving().given(steps=STEPS, scaleDownDelay="1h").apply(B)
    story.world.routed = routed
    for number in range(40):
        story.after(1).apply(f"c{number}")
        assert len(story.status.retiring) <= RETIRING_KEPT
    listed = [each.revision for each in story.status.retiring]
    assert listed[-1] == "c38"
    assert (B in listed) is not routed, "what the gateway still leads to outlives what came since"


def test_a_rollback_is_never_kept_from_the_status_by_those_that_went_before() -> None:
    story = serving().given(steps=STEPS).apply(B)
    full = [Retiring(revision=f"c{n}", since=story.rollout.now) for n in range(RETIRING_KEPT)]
    story.rollout.status = story.status.replace(retiring=full)
    story.judged("Fail")
    listed = [each.revision for each in story.status.retiring]
    assert (len(listed), listed[0], listed[-1]) == (RETIRING_KEPT, "c1", B)


def test_while_stable_has_no_ready_pod_they_stay_for_the_progress_deadline() -> None:
    story, gateway = rolling()
    gateway.broken = {A}
    story.settle().judged("Fail")
    assert story.plan
    assert story.plan.wake_in == 600
    assert revisions(story.after(599)) == {A, B}
    assert revisions(story.after(1)) == {A}, "they may have the room that stable's pods lack"


def test_once_stable_has_a_ready_pod_again_they_go() -> None:
    story, gateway = rolling()
    gateway.broken = {A}
    assert revisions(story.settle().judged("Fail").after(60)) == {A, B}
    gateway.broken = set()
    assert revisions(story.settle()) == {A}
