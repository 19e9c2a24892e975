"""What the rules make of a rollout, from the first deployment to promotion or rollback."""

from dataclasses import replace

import pytest

from serinus.api.status import Condition
from serinus.manifests.workloads import Workload
from serinus.plan.decide import decide
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import name_taken
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 50}]


def condition(rollout: SimulatedRollout, kind: str) -> Condition:
    return next(each for each in rollout.status.conditions if each.type == kind)


def test_a_first_deployment_takes_no_steps_and_says_so() -> None:
    rollout = SimulatedRollout().pass_once()
    phases = [rollout.status.phase]
    assert "First deployment" in rollout.status.message
    assert rollout.status.candidate and rollout.status.candidate.weight.wanted == 100
    phases.append(rollout.settle().status.phase)
    assert phases == ["Progressing", "Healthy"]
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.reasons == ["FirstDeployment", "Promoted"]


def test_a_first_deployment_waits_for_every_pod() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle()
    assert rollout.status.stable is None
    assert rollout.reason == "AwaitingPods"


def test_a_first_deployment_that_never_starts_is_degraded_and_goes_on_trying() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle().after(601)
    assert rollout.status.phase == "Degraded"
    assert rollout.reason == "ProgressDeadlineExceeded"
    rollout.world.broken = set()
    assert rollout.settle().settle().status.phase == "Healthy"


def test_a_candidate_climbs_the_steps_and_is_promoted_when_every_check_passes() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    assert rollout.weight == 20
    rollout.judged("Pass")
    assert rollout.weight == 20, "the pause is not over"
    rollout.after(61)
    assert rollout.weight == 50
    assert rollout.status.candidate
    rollout.judged("Pass")
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.status.candidate is None
    assert rollout.reasons[-4:] == ["RolloutStarted", "WeightRaised", "Promoting", "Promoted"]


def test_pods_are_not_restarted_by_promotion_and_the_old_ones_stay_for_the_delay() -> None:
    rollout = serving().given(steps=[{"setWeight": 50}]).apply(B).judged("Pass")
    assert rollout.plan and rollout.plan.wanted
    assert rollout.plan.wanted.replicas == {A: 4, B: 4}
    rollout.after(31)
    assert rollout.plan.wanted.replicas == {B: 4}


def test_no_step_passes_by_time_alone_while_checks_have_no_verdict() -> None:
    rollout = serving().given(steps=STEPS).apply(B).after(3 * 60)
    assert rollout.weight == 20
    assert rollout.reason == "NoData"


def test_without_checks_steps_pass_by_time() -> None:
    rollout = serving().given(steps=STEPS, analysis={"checks": []}).apply(B)
    assert rollout.weight == 20
    rollout.after(61)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_failed_check_rolls_back_at_once_with_its_evidence() -> None:
    rollout = serving().given(steps=STEPS).apply(B).judged("Fail", "Candidate errors 41/2045.")
    assert rollout.plan and rollout.plan.wanted
    assert rollout.weight == 0 and rollout.plan.wanted.traffic.stable == A
    assert rollout.status.phase == "RolledBack"
    assert rollout.status.rejected and rollout.status.rejected.revision == B
    assert "41/2045" in rollout.status.message
    assert rollout.plan.wanted.replicas == {A: 4, B: 1}, "its pods may finish what they serve"


def test_a_rejected_revision_is_not_tried_again_by_the_same_manifest() -> None:
    rollout = serving().apply(B).judged("Fail").after(3600)
    assert rollout.status.candidate is None
    assert rollout.plan and rollout.plan.wanted and rollout.plan.wanted.replicas == {A: 4}


def test_a_fixed_spec_starts_anew_and_a_later_return_to_the_rejected_one_too() -> None:
    rollout = serving().apply(B).judged("Fail").apply(C)
    assert rollout.status.candidate and rollout.status.candidate.revision == C
    rollout.apply(B)
    assert rollout.status.candidate.revision == B


def test_a_failure_while_the_last_pods_are_awaited_still_rolls_back() -> None:
    rollout = serving().given(steps=[{"setWeight": 25}]).apply(B)
    rollout.order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B
    rollout = serving().given(steps=[{"setWeight": 25}])
    rollout.apply(B).world.broken.add(B)
    rollout.judged("Pass").judged("Fail")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"


def test_a_revert_in_mid_canary_goes_back_at_once_and_rejects_nothing() -> None:
    rollout = serving().apply(B).apply(A)
    assert rollout.status.candidate is None and rollout.status.rejected is None
    assert rollout.status.phase == "Healthy"
    assert rollout.reasons[-1] == "Reverted"


def test_a_third_revision_in_mid_canary_drops_the_second() -> None:
    rollout = serving().apply(B).apply(C)
    assert rollout.status.candidate and rollout.status.candidate.revision == C
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.reasons[-2:] == ["Superseded", "RolloutStarted"]


def test_the_way_back_to_a_former_revision_takes_the_steps_again() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").apply(A)
    assert rollout.status.candidate and rollout.status.candidate.revision == A
    assert rollout.weight == 20


def test_a_candidate_whose_pods_do_not_start_gets_no_traffic_and_is_rolled_back() -> None:
    rollout = serving()
    rollout.world.broken.add(B)
    rollout.apply(B)
    assert rollout.weight == 0 and rollout.reason == "AwaitingPods"
    rollout.after(599)
    assert rollout.status.candidate
    rollout.after(2)
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "ProgressDeadlineExceeded"
    assert rollout.status.stable and rollout.status.stable.revision == A


def test_pods_that_crash_in_mid_step_lose_their_traffic_and_the_deadline_runs_anew() -> None:
    rollout = serving().given(steps=STEPS).apply(B).after(30)
    rollout.world.broken.add(B)
    rollout.settle()
    assert rollout.weight == 0
    assert rollout.reasons[-1] == "WeightLowered"
    rollout.world.broken.clear()
    rollout.settle()
    assert rollout.weight == 20
    assert rollout.status.rejected is None


def test_time_counts_only_once_the_route_is_in_effect() -> None:
    rollout = serving().given(steps=STEPS, analysis={"checks": []})
    rollout.world.routed = False
    rollout.apply(B).after(600)
    assert rollout.reason in ("AwaitingRoute", "RouteRefused")
    rollout.world.routed = True
    rollout.settle()
    assert rollout.weight == 20
    rollout.after(30)
    assert rollout.status.candidate and rollout.status.candidate.weight.wanted == 20
    rollout.after(31)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_step_is_not_passed_on_requests_from_before_its_weight_was_in_effect() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}, {"setWeight": 50}]).apply(B)
    rollout.world.routed = False
    rollout.judged("Pass")
    assert rollout.reason == "AwaitingRoute"
    assert rollout.judged("Pass").status.candidate, "it passed at 20% once more"
    rollout.world.routed = True
    rollout.settle()
    assert rollout.reason == "AwaitingVerdict"
    assert rollout.judged("Pass").status.candidate is None


def test_an_outage_goes_on_while_pods_are_lost_and_come_back() -> None:
    rollout = serving().given(steps=[{"setWeight": 50}]).apply(B).judged("Error")
    since = condition(rollout, "MetricsAvailable").last_transition_time
    rollout.world.broken = {B}
    rollout.after(30)
    assert rollout.reasons[-1] == "WeightLowered"
    rollout.world.broken = set()
    rollout.after(30)
    assert rollout.reason == "MetricsUnavailable"
    told = condition(rollout, "MetricsAvailable")
    assert (told.status, told.last_transition_time) == ("False", since)


@pytest.mark.parametrize("verdict", ["Error", "NoData"])
def test_unreadable_metrics_neither_promote_nor_roll_back_however_long(verdict: str) -> None:
    rollout = serving().given(analysis={"onInconclusive": "Rollback"}).apply(B)
    rollout.judged(verdict)  # type: ignore[arg-type]
    rollout.after(7200)
    assert rollout.status.candidate and rollout.status.rejected is None
    told = {each.type: each for each in rollout.status.conditions}
    assert told["MetricsAvailable"].status == "False"
    rollout.judged("Inconclusive")
    assert rollout.status.candidate, "time without metrics does not count towards the maximum"
    rollout.after(1801)
    assert rollout.status.rejected and rollout.status.rejected.reason == "Inconclusive"


@pytest.mark.parametrize(
    ("policy", "phase"), [("Pause", "Paused"), ("Promote", "Progressing"), ("Rollback", "RolledBack")]
)
def test_a_step_without_a_verdict_ends_as_the_user_said(policy: str, phase: str) -> None:
    rollout = serving().given(steps=STEPS[:1], analysis={"onInconclusive": policy})
    rollout.apply(B).judged("Inconclusive").after(1801)
    promoted = rollout.status.stable is not None and rollout.status.stable.revision == B
    assert promoted if policy == "Promote" else rollout.status.phase == phase


def test_a_pause_without_duration_waits_for_a_person() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}, {"pause": {}}]).apply(B)
    rollout.judged("Pass").after(86400)
    assert rollout.status.phase == "Paused" and rollout.reason == "AwaitingCommand"
    rollout.order(f"advance/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_paused_by_spec_holds_the_weight_and_still_rolls_back() -> None:
    rollout = serving().given(paused=True).apply(B).judged("Pass").after(3600)
    assert rollout.weight == 5 and rollout.status.phase == "Paused"
    rollout.judged("Fail")
    assert rollout.status.rejected


def test_replicas_zero_is_no_failure() -> None:
    rollout = serving(replicas=0).apply(B).after(7200)
    assert rollout.reason == "ScaledToZero" and rollout.status.rejected is None


def test_scaling_changes_pods_and_no_revision() -> None:
    rollout = serving(replicas=2)
    rollout.spec["replicas"] = 6
    rollout.settle()
    assert rollout.plan and rollout.plan.wanted and rollout.plan.wanted.replicas == {A: 6}
    assert rollout.status.replicas == 6


def test_without_a_gateway_the_pods_of_others_must_be_gone_first() -> None:
    rollout = serving(traffic={}).given(steps=[{"setWeight": 20}])
    rollout.apply(B).judged("Fail")
    assert rollout.plan and rollout.plan.wanted
    assert B in rollout.plan.wanted.replicas
    rollout.revision = C
    rollout.pass_once()
    assert rollout.plan.wanted.replicas[B] == 0
    assert rollout.weight == 0
    rollout.settle()
    assert B not in rollout.plan.wanted.replicas
    assert rollout.weight == 20


def test_an_invalid_spec_stalls_and_drops_the_candidate() -> None:
    rollout = serving().apply(B)
    rollout.problems = ("spec.rollout.analysis.checks[0].threshold.query: a brace is not closed.",)
    rollout.settle()
    assert rollout.status.candidate is None and rollout.reason == "InvalidSpec"
    assert rollout.status.stable and rollout.status.stable.revision == A
    rollout.problems = ()
    rollout.settle()
    assert rollout.status.candidate is not None


def test_a_first_weight_that_is_edited_upwards_waits_for_a_verdict_at_the_present_one() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    before = rollout.status.candidate
    assert before and before.weight.wanted == 20
    rollout.given(steps=[{"setWeight": 45}, {"setWeight": 70}]).after(60)
    assert rollout.weight == 20
    assert rollout.status.candidate and rollout.status.candidate.step == 0
    assert rollout.judged("Pass").weight == 45
    assert "Weight 20% -> 45%." in rollout.status.decisions[0].message
    assert rollout.judged("Pass").weight == 70


def test_steps_that_all_ask_for_more_are_begun_anew_after_a_verdict() -> None:
    rollout = serving().given(steps=[{"setWeight": 10}, {"pause": {"duration": "1h"}}]).apply(B)
    assert rollout.judged("Inconclusive").reason == "AwaitingPause"
    rollout.given(steps=[{"setWeight": 30}]).settle()
    assert rollout.weight == 10
    assert rollout.judged("Pass").weight == 30


def test_an_advance_by_hand_that_comes_with_fewer_steps_goes_to_the_first_that_is_new() -> None:
    rollout = serving().given(steps=[{"setWeight": 10}, {"pause": {}}]).apply(B)
    rollout.given(steps=[{"setWeight": 30}]).order(f"advance/{B}")
    assert rollout.weight == 30


def test_steps_edited_in_mid_rollout_take_effect() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    rollout.given(steps=[{"setWeight": 10}, {"setWeight": 30}])
    rollout.settle()
    assert rollout.weight == 10
    rollout.given(steps=[])
    rollout.settle()
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_steps_that_are_cut_short_at_the_weight_at_hand_change_no_weight() -> None:
    pauses = [{"setWeight": 20}, {"setWeight": 50}, {"pause": {"duration": "1h"}}]
    rollout = serving().given(steps=pauses, analysis={"checks": []}).apply(B)
    assert rollout.status.candidate and rollout.status.candidate.step == 2
    since = rollout.status.candidate.effective_since
    rollout.after(60).given(steps=[{"setWeight": 50}, {"pause": {"duration": "1m"}}]).settle()
    assert "WeightChanged" not in rollout.reasons
    assert rollout.status.candidate.step == 1
    assert rollout.status.candidate.effective_since == since
    assert rollout.after(59).status.candidate, "the pause is one of the new steps"
    rollout.after(1)
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_promotion_does_not_say_that_a_route_is_written_whose_name_is_taken() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    told = "HTTPRoute team/loan exists and was not created by Serinus."
    taken = replace(
        rollout.world.at(rollout.rollout.now),
        problems=(name_taken(told),),
        split_in_effect=False,
    )
    desired = replace(rollout.rollout.desired, command=f"promote/{B}")
    workloads = {**taken.workloads, B: Workload(4, 4)}
    plan = decide(desired, rollout.status, replace(taken, workloads=workloads), rollout.rollout.now)
    assert plan.status.stable and plan.status.stable.revision == B
    assert plan.status.message == told
