"""Checks in audit mode: whatever they find, the rollout goes as without them, and says so."""

from typing import Any

import pytest

from serinus.api.status import CheckState, Inputs, StablePod, Unlike, Verdict
from serinus.manifests.owner import Owner
from serinus.metrics.requests import HistoryRequest, Request
from serinus.plan.analysis import requested
from tests.support.simulated_rollout import B, SimulatedRollout, serving

STEPS = [{"setWeight": 5}, {"setWeight": 50}]
ERRORS = {"name": "errors", "errorRate": {}}
SLOW = {"name": "slow", "mode": "Audit", "latency": {}}
SPLIT = {"name": "split", "mode": "Audit", "trafficShare": {}}
OWNER = Owner("default", "loan", "uid")


def rolling(*checks: dict[str, Any], **analysis: Any) -> SimulatedRollout:
    """A candidate at 5%."""
    listed = list(checks) or [ERRORS, SLOW, SPLIT]
    return serving().given(steps=STEPS, analysis={"checks": listed, **analysis}).apply(B)


def paused(*checks: dict[str, Any], **analysis: Any) -> SimulatedRollout:
    """A candidate at 5% that waits for a command."""
    steps = [{"setWeight": 5}, {"pause": {}}]
    return serving().given(steps=steps, analysis={"checks": list(checks), **analysis}).apply(B)


def last_message(rollout: SimulatedRollout, reason: str) -> str:
    found = [each for each in rollout.rollout.new_decisions if each.reason == reason]
    return found[-1].message


@pytest.mark.parametrize("verdict", ["Fail", "Error", "NoData", "Inconclusive", "Pass"])
def test_no_verdict_of_theirs_changes_what_is_decided(verdict: Verdict) -> None:
    rollout = rolling().judged("Pass", slow=verdict, split=verdict)
    assert rollout.weight == 50, "nothing is waited for"
    rollout.judged("Pass", slow=verdict, split=verdict)
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.status.rejected is None


def test_what_they_would_have_done_is_a_decision_and_part_of_the_last_one() -> None:
    rollout = rolling().after(30).judged("Inconclusive", slow="Fail", split="Fail")
    assert rollout.reasons[-1] == "AuditFailed"
    noted = last_message(rollout, "AuditFailed")
    assert "Check slow (audit) would have rolled back: evidence" in noted
    assert "Check split (audit) would have held the rollout: evidence" in noted
    assert rollout.status.candidate
    first = {each.name: each.first_fail for each in rollout.status.candidate.checks}
    assert first["errors"] is None
    assert first["slow"] and first["slow"].weight == 5
    # a split that is mended would have been mended
    rollout.after(600).judged("Pass", slow="Fail").judged("Pass", slow="Fail")
    assert rollout.reasons.count("AuditFailed") == 1
    for reason in ("WeightRaised", "Promoted"):
        said = last_message(rollout, reason)
        assert "Check slow (audit) would have rolled back at 5%, after 30s." in said, reason
        assert "Check split (audit) would have held the rollout at 5%, after 30s." in said, reason


def test_what_they_would_have_done_by_copies_names_no_weight() -> None:
    steps = [{"mirror": {"percent": 20}}, {"setWeight": 50}]
    rollout = serving().given(steps=steps, analysis={"checks": [ERRORS, SLOW]}).apply(B)
    rollout.after(30).judged("Inconclusive", slow="Fail").judged("Pass", slow="Fail")
    said = last_message(rollout, "WeightRaised")
    assert "Check slow (audit) would have rolled back with copies of 20%, after 30s." in said


def test_a_check_that_had_not_passed_would_have_kept_the_step() -> None:
    rollout = rolling().judged("Pass", slow="NoData")
    said = last_message(rollout, "WeightRaised")
    assert "errors: evidence" in said
    assert "Check slow (audit) had not passed: NoData." in said
    assert "Check split (audit) passed." in said
    assert "slow: evidence" not in said, "it is no reason for the weight"


def test_a_rollback_says_as_well_what_they_made_of_the_candidate() -> None:
    rollout = rolling().judged("Fail", slow="Pass", split="Pass")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"
    assert rollout.status.rejected.message.endswith(
        "Check slow (audit) passed. Check split (audit) passed."
    )


def test_however_long_the_evidence_is_the_audit_is_not_cut() -> None:
    rollout = rolling().judged("Pass", "e" * 1024, slow="Fail")
    rollout.judged("Pass", "e" * 1024, slow="Fail")
    assert last_message(rollout, "Promoted").endswith("Check split (audit) passed.")


def test_pods_of_which_an_audit_says_that_they_differ_are_not_waited_for() -> None:
    sick = CheckState(stable_pods=[StablePod(name="p", within=[0.0])], pods_to_blame=["q"])
    rollout = paused({**ERRORS, "mode": "Audit"}, onePodToBlame="Hold")
    assert rollout.judged("Inconclusive", state=sick).reason == "AwaitingCommand"
    rollout = paused(ERRORS, onePodToBlame="Hold")
    assert rollout.judged("Inconclusive", state=sick).reason == "StablePodDiffers"


def test_where_no_check_decides_steps_pass_by_time_as_without_checks() -> None:
    rollout = rolling(SLOW)
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert "Check slow (audit) had not passed" not in last_message(rollout, "Promoted")


def test_the_condition_of_the_metrics_is_about_the_checks_that_decide() -> None:
    rollout = rolling().judged("Inconclusive", slow="Error")
    found = {each.type: each.status for each in rollout.status.conditions}
    assert found["MetricsAvailable"] == "True"
    rollout = paused(SLOW).judged("NoData")
    assert "MetricsAvailable" not in {each.type for each in rollout.status.conditions}
    assert rollout.reason == "AwaitingCommand"


def test_time_without_data_for_them_counts_towards_the_maximum_of_a_step() -> None:
    rollout = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    rollout.judged("Inconclusive", slow="NoData", split="Fail").after(61)
    assert rollout.status.rejected and rollout.status.rejected.reason == "Inconclusive"


def test_unlike_arms_hold_only_what_a_check_decides() -> None:
    unlike = Inputs(unlike=Unlike(feature="income", message="Feature income."))
    for checks, reason in (([ERRORS, SLOW], "ArmsDiffer"), ([SLOW], "AwaitingCommand")):
        rollout = paused(*checks)
        assert rollout.status.candidate
        candidate = rollout.status.candidate.replace(inputs=unlike)
        rollout.rollout.status = rollout.status.replace(candidate=candidate)
        assert rollout.judged("Inconclusive").reason == reason


def test_who_enforces_a_check_that_has_failed_rolls_back_and_who_audits_it_goes_on() -> None:
    rollout = rolling().judged("Inconclusive", slow="Fail")
    enforced = {"name": "slow", "latency": {}}
    rollout.given(analysis={"checks": [ERRORS, enforced]}).settle()
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"

    rollout = rolling(ERRORS, {"name": "split", "trafficShare": {}})
    rollout.judged("Pass", split="Fail")
    assert rollout.reason == "TrafficSplitWrong"
    rollout.given(analysis={"checks": [ERRORS, SPLIT]}).settle()
    assert rollout.reason != "TrafficSplitWrong"


def test_what_is_read_for_audits_alone_is_not_waited_for() -> None:
    both = {"name": "too", "mode": "Audit", "errorRate": {"limit": "5%"}}
    rollout = rolling(ERRORS, both, SLOW)
    spec = rollout.rollout.desired.spec
    request = requested(OWNER, spec, rollout.status)
    assert isinstance(request, Request)
    spare = {one.metric for one in request.spare if hasattr(one, "metric")}
    assert spare == {"model_request_duration_seconds", "model_request_duration_seconds_bucket"}
    asked = request.arm_queries(rollout.rollout.now)
    assert {one.query for one in asked if one.spare} == set(request.spare)
    rollout = serving().given(steps=STEPS, analysis={"checks": [ERRORS, SLOW]})
    rollout.history = None
    history = requested(OWNER, spec, rollout.apply(B).status)
    assert isinstance(history, HistoryRequest)
    assert {one.metric for one in history.spare} == spare


def test_little_more_is_read_however_long_there_was_nothing_to_audit() -> None:
    rollout = rolling()
    assert rollout.status.candidate and rollout.status.candidate.analysis_since
    now = rollout.rollout.now + 3000
    candidate = rollout.status.candidate.replace(
        counted={"pod": now - 5}, audit_counted={"pod": now - 2900}
    )
    status = rollout.status.replace(candidate=candidate)
    request = requested(OWNER, rollout.rollout.desired.spec, status)
    assert isinstance(request, Request)
    assert now - 310 < request.covered_until < now - 300
    assert request.window(now) < 450


def test_a_check_that_is_enforced_in_mid_rollout_counts_nothing_again() -> None:
    rollout = rolling().judged("Inconclusive", slow="Inconclusive", split="Inconclusive")
    candidate = rollout.status.candidate
    assert candidate
    behind, further = {"pod@10.0.0.1": 100.0}, {"pod@10.0.0.1": 160.0}
    found = candidate.replace(counted=behind, audit_counted=further)
    rollout.rollout.status = rollout.status.replace(candidate=found)
    rollout.given(analysis={"checks": [ERRORS, {**SLOW, "mode": "Enforce"}, SPLIT]}).settle()
    assert rollout.status.candidate
    assert rollout.status.candidate.counted == further
    assert not rollout.status.candidate.audit_counted, "the status has the same times once"
