"""How long pods may be missing, whatever was before."""

from typing import Any

import pytest

from serinus.api.stages import Stage
from serinus.api.status import Verdict
from tests.support.simulated_rollout import B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
DEADLINE = 600


def an_hour_into_the_step(**spec: Any) -> SimulatedRollout:
    """A candidate that has had its weight, and its pods, for longer than the deadline."""
    rollout = serving(**spec).given(steps=STEPS).apply(B).after(3600)
    assert rollout.status.candidate
    assert rollout.status.candidate.effective_since
    return rollout


def test_a_pod_that_is_lost_late_in_a_step_may_be_missing_for_the_whole_deadline() -> None:
    rollout = an_hour_into_the_step()
    rollout.world.broken.add(B)
    rollout.settle()
    assert (rollout.weight, rollout.reason) == (0, "AwaitingPods")
    rollout.after(DEADLINE - 1)
    assert rollout.status.candidate
    rollout.after(1)
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "ProgressDeadlineExceeded"
    assert rollout.status.rejected.message.startswith("0 of 1 pods are ready after 10m.")


def test_pods_that_come_back_and_go_again_are_missing_anew() -> None:
    rollout = an_hour_into_the_step()
    for _ in range(3):
        rollout.world.broken.add(B)
        rollout.after(0).after(0.3 * DEADLINE)  # all together is bounded too, and is less
        rollout.world.broken.clear()
        rollout.settle()
    assert rollout.status.rejected is None
    assert rollout.weight == 20


def test_a_pod_that_is_lost_while_the_route_is_awaited_has_the_deadline_too() -> None:
    rollout = serving().given(steps=STEPS)
    rollout.world.routed = False
    rollout.apply(B).after(3600)
    rollout.world.broken.add(B)
    assert rollout.after(DEADLINE - 1).status.candidate


def test_who_scales_up_in_mid_step_waits_for_the_new_pods_and_loses_nothing() -> None:
    rollout = an_hour_into_the_step()
    rollout.world.pods_ready_after = 60.0
    rollout.spec["replicas"] = 20
    rollout.settle()
    assert rollout.status.rejected is None
    assert rollout.reason == "AwaitingPods"
    assert rollout.after(61).weight == 20


def test_who_scales_to_zero_and_back_in_mid_step_loses_nothing() -> None:
    rollout = an_hour_into_the_step()
    rollout.spec["replicas"] = 0
    rollout.after(3600)
    rollout.world.pods_ready_after = 60.0
    rollout.spec["replicas"] = 4
    rollout.settle()
    assert rollout.status.rejected is None
    assert rollout.after(61).weight == 20


def test_who_scales_up_while_the_last_pods_are_awaited_gives_the_new_ones_the_deadline() -> None:
    rollout = serving().given(steps=STEPS[:1]).apply(B)
    rollout.world.pods_ready_after = 300.0
    rollout.judged("Pass").after(290)
    assert rollout.status.candidate
    assert rollout.status.candidate.stage is Stage.PROMOTING
    rollout.spec["replicas"] = 8
    rollout.world.pods_ready_after = 590.0
    rollout.settle().after(580)
    assert rollout.status.rejected is None
    assert rollout.after(11).status.candidate is None
    assert rollout.reasons[-1] == "Promoted"


def test_who_scales_up_and_down_does_not_put_the_deadline_off_for_ever() -> None:
    rollout = serving().given(steps=STEPS)
    rollout.world.broken.add(B)
    rollout.apply(B)
    for _ in range(8):
        for replicas in (20, 4):
            rollout.spec["replicas"] = replicas
            rollout.after(50)
    assert rollout.status.rejected


def test_without_a_gateway_the_deadline_counts_from_when_pods_are_missing_too() -> None:
    rollout = an_hour_into_the_step(traffic={})
    rollout.world.broken.add(B)
    assert rollout.after(DEADLINE - 1).status.candidate
    assert rollout.after(600).status.rejected


MOST = {"name": "quality", "threshold": {"query": "max(psi{$arm})", "max": 1}}
ERRORS = {"name": "quality", "errorRate": {}}
PAUSED = [{"setWeight": 20}, {"pause": {"duration": "60s"}}, {"setWeight": 50}]


def test_what_a_check_found_is_forgotten_once_its_name_stands_for_another_kind() -> None:
    rollout = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    rollout.judged("Inconclusive", "3 errors").given(analysis={"checks": [MOST]}).settle()
    assert rollout.status.candidate
    (check,) = rollout.status.candidate.checks
    assert (check.kind, check.verdict) == ("threshold", "NoData")
    assert check.message == "Not measured yet."


@pytest.mark.parametrize("verdict", ["NoData", "Error"])
def test_nothing_is_promoted_by_itself_on_checks_that_have_not_looked(verdict: Verdict) -> None:
    rollout = serving(rollout={"steps": PAUSED[:1], "analysis": {"checks": [ERRORS]}}).apply(B)
    rollout.world.pods_ready_after = 20.0
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    rollout.given(analysis={"checks": [MOST]}).after(30)
    assert rollout.reason == "NoData"
    rollout.judged(verdict).after(3600)
    assert rollout.status.candidate
    assert rollout.judged("Pass").after(30).status.candidate is None


def test_checks_that_are_added_while_the_last_pods_are_awaited_look_before_the_promotion() -> None:
    rollout = serving(rollout={"steps": PAUSED[:1], "analysis": {"checks": []}})
    rollout.world.pods_ready_after = 20.0
    rollout.apply(B).after(20)
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    rollout.given(analysis={"checks": [ERRORS]}).after(30)
    assert rollout.status.candidate and rollout.reason == "NoData"
    assert "No measurement yet." in rollout.status.message
    assert rollout.judged("Pass").after(30).status.candidate is None


def test_a_promotion_without_steps_waits_for_no_check() -> None:
    rollout = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    rollout.judged("Error").given(steps=[]).settle()
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_check_that_is_added_in_mid_rollout_is_waited_for_before_more_traffic() -> None:
    rollout = serving(rollout={"steps": PAUSED, "analysis": {"checks": [ERRORS]}}).apply(B)
    rollout.judged("Pass").given(analysis={"checks": [ERRORS, {**MOST, "name": "drift"}]}).after(60)
    assert (rollout.weight, rollout.reason) == (20, "NoData")
    assert rollout.judged("Pass").weight == 50


def entries(rollout: SimulatedRollout) -> int:
    assert rollout.status.candidate
    return rollout.status.candidate.entries


def test_each_time_that_the_weight_takes_effect_is_counted_within_its_step() -> None:
    rollout = an_hour_into_the_step()
    assert entries(rollout) == 1
    for returned in (2, 3):
        rollout.world.broken.add(B)
        rollout.after(10)
        assert entries(rollout) == returned - 1
        rollout.world.broken.clear()
        rollout.settle()
        assert entries(rollout) == returned
    rollout.judged("Pass")
    assert (rollout.weight, entries(rollout)) == (50, 1)


def test_another_weight_by_the_spec_is_counted_anew() -> None:
    rollout = an_hour_into_the_step()
    rollout.world.broken.add(B)
    rollout.after(10)
    rollout.world.broken.clear()
    rollout.settle()
    assert (rollout.weight, entries(rollout)) == (20, 2)
    rollout.given(steps=[{"setWeight": 10}, {"setWeight": 50}]).settle()
    assert (rollout.weight, entries(rollout)) == (10, 1)
