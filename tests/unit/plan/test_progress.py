"""How long pods may be missing, whatever was before."""

from typing import Any

import pytest

from serinus.api.status import Verdict
from tests.unit.plan.rehearsal import B, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
DEADLINE = 600


def an_hour_into_the_step(**spec: Any) -> Rehearsal:
    """A candidate that has had its weight, and its pods, for longer than the deadline."""
    story = serving(**spec).given(steps=STEPS).apply(B).after(3600)
    assert story.status.candidate
    assert story.status.candidate.effective_since
    return story


def test_a_pod_that_is_lost_late_in_a_step_may_be_missing_for_the_whole_deadline() -> None:
    story = an_hour_into_the_step()
    story.world.broken.add(B)
    story.settle()
    assert (story.weight, story.reason) == (0, "AwaitingPods")
    story.after(DEADLINE - 1)
    assert story.status.candidate
    story.after(1)
    assert story.status.rejected
    assert story.status.rejected.reason == "ProgressDeadlineExceeded"
    assert story.status.rejected.message.startswith("0 of 1 pods are ready after 10m.")


def test_pods_that_come_back_and_go_again_are_missing_anew() -> None:
    story = an_hour_into_the_step()
    for _ in range(3):
        story.world.broken.add(B)
        story.after(0).after(0.3 * DEADLINE)  # all together is bounded too, and is less
        story.world.broken.clear()
        story.settle()
    assert story.status.rejected is None
    assert story.weight == 20


def test_a_pod_that_is_lost_while_the_route_is_awaited_has_the_deadline_too() -> None:
    story = serving().given(steps=STEPS)
    story.world.routed = False
    story.apply(B).after(3600)
    story.world.broken.add(B)
    assert story.after(DEADLINE - 1).status.candidate


def test_who_scales_up_in_mid_step_waits_for_the_new_pods_and_loses_nothing() -> None:
    story = an_hour_into_the_step()
    story.world.pods_ready_after = 60.0
    story.spec["replicas"] = 20
    story.settle()
    assert story.status.rejected is None
    assert story.reason == "AwaitingPods"
    assert story.after(61).weight == 20


def test_who_scales_to_zero_and_back_in_mid_step_loses_nothing() -> None:
    story = an_hour_into_the_step()
    story.spec["replicas"] = 0
    story.after(3600)
    story.world.pods_ready_after = 60.0
    story.spec["replicas"] = 4
    story.settle()
    assert story.status.rejected is None
    assert story.after(61).weight == 20


def test_who_scales_up_while_the_last_pods_are_awaited_gives_the_new_ones_the_deadline() -> None:
    story = serving().given(steps=STEPS[:1]).apply(B)
    story.world.pods_ready_after = 300.0
    story.judged("Pass").after(290)
    assert story.status.candidate
    assert story.status.candidate.promoting
    story.spec["replicas"] = 8
    story.world.pods_ready_after = 590.0
    story.settle().after(580)
    assert story.status.rejected is None
    assert story.after(11).status.candidate is None
    assert story.told[-1] == "Promoted"


def test_who_scales_up_and_down_does_not_put_the_deadline_off_for_ever() -> None:
    story = serving().given(steps=STEPS)
    story.world.broken.add(B)
    story.apply(B)
    for _ in range(8):
        for replicas in (20, 4):
            story.spec["replicas"] = replicas
            story.after(50)
    assert story.status.rejected


def test_without_a_gateway_the_deadline_counts_from_when_pods_are_missing_too() -> None:
    story = an_hour_into_the_step(traffic={})
    story.world.broken.add(B)
    assert story.after(DEADLINE - 1).status.candidate
    assert story.after(600).status.rejected


MOST = {"name": "quality", "threshold": {"query": "max(psi{$arm})", "max": 1}}
ERRORS = {"name": "quality", "errorRate": {}}
PAUSED = [{"setWeight": 20}, {"pause": {"duration": "60s"}}, {"setWeight": 50}]


def test_what_a_check_found_is_forgotten_once_its_name_stands_for_another_kind() -> None:
    story = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    story.judged("Inconclusive", "3 errors").given(analysis={"checks": [MOST]}).settle()
    assert story.status.candidate
    (check,) = story.status.candidate.checks
    assert (check.kind, check.verdict) == ("threshold", "NoData")
    assert check.message == "Not measured yet."


@pytest.mark.parametrize("verdict", ["NoData", "Error"])
def test_nothing_is_promoted_by_itself_on_checks_that_have_not_looked(verdict: Verdict) -> None:
    story = serving(rollout={"steps": PAUSED[:1], "analysis": {"checks": [ERRORS]}}).apply(B)
    story.world.pods_ready_after = 20.0
    story.judged("Pass")
    assert story.status.candidate and story.status.candidate.promoting
    story.given(analysis={"checks": [MOST]}).after(30)
    assert story.reason == "NoData"
    story.judged(verdict).after(3600)
    assert story.status.candidate
    assert story.judged("Pass").status.candidate is None


def test_checks_that_are_added_while_the_last_pods_are_awaited_look_before_the_promotion() -> None:
    story = serving(rollout={"steps": PAUSED[:1], "analysis": {"checks": []}})
    story.world.pods_ready_after = 20.0
    story.apply(B).after(20)
    assert story.status.candidate and story.status.candidate.promoting
    story.given(analysis={"checks": [ERRORS]}).after(30)
    assert story.status.candidate and story.reason == "NoData"
    assert "No measurement yet." in story.status.message
    assert story.judged("Pass").status.candidate is None


def test_a_promotion_without_steps_waits_for_no_check() -> None:
    story = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    story.judged("Error").given(steps=[]).settle()
    assert story.status.stable and story.status.stable.revision == B


def test_a_check_that_is_added_in_mid_rollout_is_waited_for_before_more_traffic() -> None:
    story = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    story.judged("Pass").given(analysis={"checks": [ERRORS, {**MOST, "name": "drift"}]}).after(60)
    assert (story.weight, story.reason) == (20, "NoData")
    assert story.judged("Pass").weight == 50
