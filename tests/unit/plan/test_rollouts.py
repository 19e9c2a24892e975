"""What the rules make of a rollout, from the first deployment to promotion or rollback."""

from dataclasses import replace

import pytest

from serinus.api.reasons import Reason
from serinus.api.status import Condition
from serinus.plan.decide import decide
from serinus.plan.situation import Trouble, Workload
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, C, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 50}]


def condition(story: Rehearsal, kind: str) -> Condition:
    return next(each for each in story.status.conditions if each.type == kind)


def test_a_first_deployment_takes_no_steps_and_says_so() -> None:
    story = Rehearsal().pass_once()
    phases = [story.status.phase]
    assert "First deployment" in story.status.message
    phases.append(story.settle().status.phase)
    assert phases == ["Progressing", "Healthy"]
    assert story.status.stable and story.status.stable.revision == A
    assert story.told == ["FirstDeployment", "Promoted"]


def test_a_first_deployment_waits_for_every_pod() -> None:
    story = Rehearsal(world=PaperWorld(broken={A})).settle()
    assert story.status.stable is None
    assert story.reason == "AwaitingPods"


def test_a_first_deployment_that_never_starts_is_degraded_and_goes_on_trying() -> None:
    story = Rehearsal(world=PaperWorld(broken={A})).settle().after(601)
    assert story.status.phase == "Degraded"
    assert story.reason == "ProgressDeadlineExceeded"
    story.world.broken = set()
    assert story.settle().settle().status.phase == "Healthy"


def test_a_candidate_climbs_the_steps_and_is_promoted_when_every_check_passes() -> None:
    story = serving().given(steps=STEPS).apply(B)
    assert story.weight == 20
    story.judged("Pass")
    assert story.weight == 20, "the pause is not over"
    story.after(61)
    assert story.weight == 50
    assert story.status.candidate
    story.judged("Pass")
    assert story.status.stable and story.status.stable.revision == B
    assert story.status.candidate is None
    assert story.told[-4:] == ["RolloutStarted", "WeightRaised", "Promoting", "Promoted"]


def test_pods_are_not_restarted_by_promotion_and_the_old_ones_stay_for_the_delay() -> None:
    story = serving().given(steps=[{"setWeight": 50}]).apply(B).judged("Pass")
    assert story.plan and story.plan.wanted
    assert story.plan.wanted.replicas == {A: 4, B: 4}
    story.after(31)
    assert story.plan.wanted.replicas == {B: 4}


def test_no_step_passes_by_time_alone_while_checks_have_no_verdict() -> None:
    story = serving().given(steps=STEPS).apply(B).after(3 * 60)
    assert story.weight == 20
    assert story.reason == "NoData"


def test_without_checks_steps_pass_by_time() -> None:
    story = serving().given(steps=STEPS, analysis={"checks": []}).apply(B)
    assert story.weight == 20
    story.after(61)
    assert story.status.stable and story.status.stable.revision == B


def test_a_failed_check_rolls_back_at_once_with_its_evidence() -> None:
    story = serving().given(steps=STEPS).apply(B).judged("Fail", "Candidate errors 41/2045.")
    assert story.plan and story.plan.wanted
    assert story.weight == 0 and story.plan.wanted.split.stable == A
    assert story.status.phase == "Degraded"
    assert story.status.rejected and story.status.rejected.revision == B
    assert "41/2045" in story.status.message
    assert story.plan.wanted.replicas == {A: 4, B: 1}, "its pods may finish what they serve"


def test_a_rejected_revision_is_not_tried_again_by_the_same_manifest() -> None:
    story = serving().apply(B).judged("Fail").after(3600)
    assert story.status.candidate is None
    assert story.plan and story.plan.wanted and story.plan.wanted.replicas == {A: 4}


def test_a_fixed_spec_starts_anew_and_a_later_return_to_the_rejected_one_too() -> None:
    story = serving().apply(B).judged("Fail").apply(C)
    assert story.status.candidate and story.status.candidate.revision == C
    story.apply(B)
    assert story.status.candidate.revision == B


def test_a_failure_while_the_last_pods_are_awaited_still_rolls_back() -> None:
    story = serving().given(steps=[{"setWeight": 25}]).apply(B)
    story.order(f"promote/{B}")
    assert story.status.stable and story.status.stable.revision == B
    story = serving().given(steps=[{"setWeight": 25}])
    story.apply(B).world.broken.add(B)
    story.judged("Pass").judged("Fail")
    assert story.status.rejected and story.status.rejected.reason == "CheckFailed"


def test_a_revert_in_mid_canary_goes_back_at_once_and_rejects_nothing() -> None:
    story = serving().apply(B).apply(A)
    assert story.status.candidate is None and story.status.rejected is None
    assert story.status.phase == "Healthy"
    assert story.told[-1] == "Reverted"


def test_a_third_revision_in_mid_canary_drops_the_second() -> None:
    story = serving().apply(B).apply(C)
    assert story.status.candidate and story.status.candidate.revision == C
    assert story.status.stable and story.status.stable.revision == A
    assert story.told[-2:] == ["Superseded", "RolloutStarted"]


def test_the_way_back_to_a_former_revision_takes_the_steps_again() -> None:
    story = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").apply(A)
    assert story.status.candidate and story.status.candidate.revision == A
    assert story.weight == 20


def test_a_candidate_whose_pods_do_not_start_gets_no_traffic_and_is_rolled_back() -> None:
    story = serving()
    story.world.broken.add(B)
    story.apply(B)
    assert story.weight == 0 and story.reason == "AwaitingPods"
    story.after(599)
    assert story.status.candidate
    story.after(2)
    assert story.status.rejected
    assert story.status.rejected.reason == "ProgressDeadlineExceeded"
    assert story.status.stable and story.status.stable.revision == A


def test_pods_that_crash_in_mid_step_lose_their_traffic_and_the_deadline_runs_anew() -> None:
    story = serving().given(steps=STEPS).apply(B).after(30)
    story.world.broken.add(B)
    story.settle()
    assert story.weight == 0
    assert story.told[-1] == "WeightLowered"
    story.world.broken.clear()
    story.settle()
    assert story.weight == 20
    assert story.status.rejected is None


def test_time_counts_only_once_the_route_is_in_effect() -> None:
    story = serving().given(steps=STEPS, analysis={"checks": []})
    story.world.routed = False
    story.apply(B).after(600)
    assert story.reason in ("AwaitingRoute", "RouteRefused")
    story.world.routed = True
    story.settle()
    assert story.weight == 20
    story.after(30)
    assert story.status.candidate and story.status.candidate.weight.wanted == 20
    story.after(31)
    assert story.status.stable and story.status.stable.revision == B


def test_a_step_is_not_passed_on_requests_from_before_its_weight_was_in_effect() -> None:
    story = serving().given(steps=[{"setWeight": 20}, {"setWeight": 50}]).apply(B)
    story.world.routed = False
    story.judged("Pass")
    assert story.reason == "AwaitingRoute"
    assert story.judged("Pass").status.candidate, "it passed at 20% once more"
    story.world.routed = True
    story.settle()
    assert story.reason == "AwaitingVerdict"
    assert story.judged("Pass").status.candidate is None


def test_an_outage_goes_on_while_pods_are_lost_and_come_back() -> None:
    story = serving().given(steps=[{"setWeight": 50}]).apply(B).judged("Error")
    since = condition(story, "MetricsAvailable").last_transition_time
    story.world.broken = {B}
    story.after(30)
    assert story.told[-1] == "WeightLowered"
    story.world.broken = set()
    story.after(30)
    assert story.reason == "MetricsUnavailable"
    told = condition(story, "MetricsAvailable")
    assert (told.status, told.last_transition_time) == ("False", since)


@pytest.mark.parametrize("verdict", ["Error", "NoData"])
def test_unreadable_metrics_neither_promote_nor_roll_back_however_long(verdict: str) -> None:
    story = serving().given(analysis={"onInconclusive": "Rollback"}).apply(B)
    story.judged(verdict)  # type: ignore[arg-type]
    story.after(7200)
    assert story.status.candidate and story.status.rejected is None
    told = {each.type: each for each in story.status.conditions}
    assert told["MetricsAvailable"].status == "False"
    story.judged("Inconclusive")
    assert story.status.candidate, "time without metrics does not count towards the maximum"
    story.after(1801)
    assert story.status.rejected and story.status.rejected.reason == "Inconclusive"


@pytest.mark.parametrize(
    ("policy", "phase"), [("Pause", "Paused"), ("Promote", "Progressing"), ("Rollback", "Degraded")]
)
def test_a_step_without_a_verdict_ends_as_the_user_said(policy: str, phase: str) -> None:
    story = serving().given(steps=STEPS[:1], analysis={"onInconclusive": policy})
    story.apply(B).judged("Inconclusive").after(1801)
    promoted = story.status.stable is not None and story.status.stable.revision == B
    assert promoted if policy == "Promote" else story.status.phase == phase


def test_a_pause_without_duration_waits_for_a_person() -> None:
    story = serving().given(steps=[{"setWeight": 20}, {"pause": {}}]).apply(B)
    story.judged("Pass").after(86400)
    assert story.status.phase == "Paused" and story.reason == "AwaitingCommand"
    story.order(f"advance/{B}")
    assert story.status.stable and story.status.stable.revision == B


def test_paused_by_spec_holds_the_weight_and_still_rolls_back() -> None:
    story = serving().given(paused=True).apply(B).judged("Pass").after(3600)
    assert story.weight == 5 and story.status.phase == "Paused"
    story.judged("Fail")
    assert story.status.rejected


def test_replicas_zero_is_no_failure() -> None:
    story = serving(replicas=0).apply(B).after(7200)
    assert story.reason == "ScaledToZero" and story.status.rejected is None


def test_scaling_changes_pods_and_no_revision() -> None:
    story = serving(replicas=2)
    story.spec["replicas"] = 6
    story.settle()
    assert story.plan and story.plan.wanted and story.plan.wanted.replicas == {A: 6}
    assert story.status.replicas == 6


def test_without_a_gateway_the_pods_of_others_must_be_gone_first() -> None:
    story = serving(traffic={}).given(steps=[{"setWeight": 20}])
    story.apply(B).judged("Fail")
    assert story.plan and story.plan.wanted
    assert B in story.plan.wanted.replicas
    story.revision = C
    story.pass_once()
    assert story.plan.wanted.replicas[B] == 0
    assert story.weight == 0
    story.settle()
    assert B not in story.plan.wanted.replicas
    assert story.weight == 20


def test_an_invalid_spec_stalls_and_drops_the_candidate() -> None:
    story = serving().apply(B)
    story.problems = ("spec.rollout.analysis.checks[0].threshold.query: a brace is not closed.",)
    story.settle()
    assert story.status.candidate is None and story.reason == "InvalidSpec"
    assert story.status.stable and story.status.stable.revision == A
    story.problems = ()
    story.settle()
    assert story.status.candidate is not None


def test_a_first_weight_that_is_edited_upwards_waits_for_a_verdict_at_the_present_one() -> None:
    story = serving().given(steps=STEPS).apply(B)
    before = story.status.candidate
    assert before and before.weight.wanted == 20
    story.given(steps=[{"setWeight": 45}, {"setWeight": 70}]).after(60)
    assert story.weight == 20
    assert story.status.candidate and story.status.candidate.step == 0
    assert story.judged("Pass").weight == 45
    assert "Weight 20% -> 45%." in story.status.decisions[0].message
    assert story.judged("Pass").weight == 70


def test_steps_that_all_ask_for_more_are_begun_anew_after_a_verdict() -> None:
    story = serving().given(steps=[{"setWeight": 10}, {"pause": {"duration": "1h"}}]).apply(B)
    assert story.judged("Inconclusive").reason == "AwaitingPause"
    story.given(steps=[{"setWeight": 30}]).settle()
    assert story.weight == 10
    assert story.judged("Pass").weight == 30


def test_an_advance_by_hand_that_comes_with_fewer_steps_goes_to_the_first_that_is_new() -> None:
    story = serving().given(steps=[{"setWeight": 10}, {"pause": {}}]).apply(B)
    story.given(steps=[{"setWeight": 30}]).order(f"advance/{B}")
    assert story.weight == 30


def test_steps_edited_in_mid_rollout_take_effect() -> None:
    story = serving().given(steps=STEPS).apply(B)
    story.given(steps=[{"setWeight": 10}, {"setWeight": 30}])
    story.settle()
    assert story.weight == 10
    story.given(steps=[])
    story.settle()
    assert story.status.stable and story.status.stable.revision == B


def test_steps_that_are_cut_short_at_the_weight_at_hand_change_no_weight() -> None:
    pauses = [{"setWeight": 20}, {"setWeight": 50}, {"pause": {"duration": "1h"}}]
    story = serving().given(steps=pauses, analysis={"checks": []}).apply(B)
    assert story.status.candidate and story.status.candidate.step == 2
    since = story.status.candidate.effective_since
    story.after(60).given(steps=[{"setWeight": 50}, {"pause": {"duration": "1m"}}]).settle()
    assert "WeightChanged" not in story.told
    assert story.status.candidate.step == 1
    assert story.status.candidate.effective_since == since
    assert story.after(59).status.candidate, "the pause is one of the new steps"
    story.after(1)
    assert story.status.stable and story.status.stable.revision == B


def test_a_promotion_does_not_say_that_a_route_is_written_whose_name_is_taken() -> None:
    story = serving().given(steps=STEPS).apply(B)
    told = "HTTPRoute team/loan exists and was not made by Serinus."
    taken = replace(
        story.world.at(story.rollout.now),
        trouble=Trouble(Reason.NAME_TAKEN, told),
        split_in_effect=False,
        route_message=told,
        route_refused=True,
    )
    wish = replace(story.rollout.wish, command=f"promote/{B}")
    workloads = {**taken.workloads, B: Workload(4, 4)}
    plan = decide(wish, story.status, replace(taken, workloads=workloads), story.rollout.now)
    assert plan.status.stable and plan.status.stable.revision == B
    assert plan.status.message == f"{told} Revision {B} serves with 4 of 4 pods."
