"""A step that must be approved: what passes it, and what an approval is bound to."""

from typing import Any

import pytest

from serinus.api.status import Withdrawn
from serinus.plan.policy import policy_digest
from serinus.plan.situation import ApprovalPolicy
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

GATE: dict[str, Any] = {"approval": {}}
STEPS = [{"setWeight": 20}, GATE, {"setWeight": 50}]


def approval(revision: str = B, step: int = 2, user: str = "ann", time: str = "1") -> str:
    return f"approve/{revision}/{step}/DIGEST/{time}/{user}"


def at_the_gate(*steps: dict[str, Any]) -> SimulatedRollout:
    rollout = serving().given(steps=list(steps or STEPS)).apply(B).judged("Pass")
    assert rollout.reason == "AwaitingApproval"
    return rollout


def outcome(rollout: SimulatedRollout) -> str:
    assert rollout.status.command
    return rollout.status.command.outcome


def test_a_gate_holds_for_as_long_as_nobody_approves() -> None:
    rollout = at_the_gate().after(30 * 86400)
    assert (rollout.weight, rollout.status.phase) == (20, "Paused")
    assert "Step 2 waits until revision abbbbbbb is approved" in rollout.status.message
    conditions = {each.type: each.status for each in rollout.status.conditions}
    assert (conditions["Reconciling"], conditions["Stalled"]) == ("True", "False")


def test_an_approval_lets_it_pass_and_the_decision_names_who_gave_it() -> None:
    rollout = at_the_gate().order(approval(user="https://issuer.example.com/#ann"))
    assert rollout.weight == 50
    (decision,) = [each for each in rollout.status.decisions if each.reason == "Approved"]
    assert decision.message == "Step 2 is approved by https://issuer.example.com/#ann."
    assert (decision.revision, decision.at) == (B, 1000.0)
    assert "step 2 approved by https://issuer.example.com/#ann" in rollout.status.message


def test_an_approval_spares_no_verdict() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20), "not judged yet"
    rollout.order(approval())
    assert (rollout.reason, rollout.weight) == ("NoData", 20)
    assert rollout.judged("Pass").weight == 50


def test_an_approval_does_not_hide_why_the_traffic_was_withdrawn() -> None:
    """Without the reason, what failed beside another image would roll it back once it has gone."""
    rollout = at_the_gate()
    rollout.world.mixed = {A: f"Pods of revision {A} run different images."}
    rollout.settle().judged("Fail", "Candidate errors 41/2045.").order(approval())
    assert (rollout.weight, rollout.reason) == (0, "ImagesDiffer")
    assert "Its traffic is withdrawn" in rollout.status.message
    rollout.world.mixed = {}
    assert (rollout.settle().weight, rollout.status.rejected) == (20, None)
    assert rollout.judged("Pass").weight == 50, "it stays approved"


def test_a_breach_at_the_gate_rolls_back() -> None:
    rollout = at_the_gate().judged("Fail", "Candidate errors 41/2045.")
    assert rollout.weight == 0
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (approval(revision=C), "the candidate is abbbbbbb"),
        (approval(step=1), "/TIME/USER, as serinus approve writes it"),
        (approval(step=3), "/TIME/USER, as serinus approve writes it"),
        (approval(user=""), "/TIME/USER, as serinus approve writes it"),
        (f"approve/{B}", "/TIME/USER, as serinus approve writes it"),
        (f"advance/{B}", "step 2 must be approved: use serinus approve, which needs the RBAC verb"),
        (f"promote/{B}", "would skip step 2, which must be approved: use serinus approve"),
    ],
)
def test_nothing_else_opens_it(command: str, why: str) -> None:
    rollout = at_the_gate().order(command)
    assert why in outcome(rollout)
    assert (rollout.weight, rollout.reason) == (20, "AwaitingApproval")
    assert rollout.reasons[-1] == "CommandRefused"


@pytest.mark.parametrize(
    ("policy", "reason", "why"),
    [
        (ApprovalPolicy("Nobody can approve: no policy."), "ApprovalsUnguarded", "no policy"),
        (ApprovalPolicy(older=True), "AwaitingApproval", "approve again"),
        (None, "AwaitingApproval", "unknown"),
    ],
)
def test_an_approval_that_anybody_could_have_written_does_not_count(
    policy: ApprovalPolicy | None, reason: str, why: str
) -> None:
    rollout = at_the_gate()
    rollout.world.approval_policy = policy
    rollout.order(approval())
    assert why in outcome(rollout)
    assert (rollout.weight, rollout.reason) == (20, reason)
    rollout.world.approval_policy = ApprovalPolicy()
    assert rollout.settle().weight == 20, "it was refused once and for all"
    assert rollout.order(approval(time="2")).weight == 50


def test_without_its_policy_a_gate_says_so_and_needs_a_person() -> None:
    rollout = at_the_gate()
    rollout.world.approval_policy = ApprovalPolicy("Nobody can approve: no policy.")
    rollout.settle()
    assert (rollout.status.phase, rollout.weight) == ("Degraded", 20)
    assert "Nobody can approve: no policy." in rollout.status.message
    stalled = next(each for each in rollout.status.conditions if each.type == "Stalled")
    assert (stalled.status, stalled.reason) == ("True", "ApprovalsUnguarded")


def test_an_approval_in_advance_is_none() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}, {"pause": {}}, GATE]).apply(B)
    rollout.order(approval(step=3))
    assert "no approval is awaited now" in outcome(rollout)
    rollout.judged("Pass").order(f"advance/{B}")
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)


def test_a_promotion_skips_no_gate_that_is_ahead() -> None:
    rollout = serving().given(steps=[*STEPS, GATE]).apply(C).order(f"promote/{C}")
    assert "would skip step 2 and 4" in outcome(rollout)
    rollout = serving().given(steps=[{"setWeight": 20}, {"setWeight": 50}, GATE]).apply(B)
    rollout.order(f"promote/{B}")
    assert "step 3, which must be approved: advance to it, and use serinus" in outcome(rollout)
    assert rollout.weight == 20


def test_what_is_approved_can_be_promoted() -> None:
    rollout = serving().given(steps=STEPS).apply(B).order(approval()).order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_two_gates_in_a_row_need_two_approvals() -> None:
    rollout = at_the_gate({"setWeight": 20}, GATE, GATE, {"setWeight": 50})
    rollout.order(approval(step=2))
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)
    rollout.order(approval(step=2, time="2"))
    assert f"must be approved, by approve/{B}/3/" in outcome(rollout)
    rollout.order(approval(step=3, user="bob"))
    assert rollout.weight == 50
    assert "step 3 approved by bob" in rollout.status.message


def test_a_gate_that_comes_first_holds_before_any_traffic() -> None:
    rollout = serving().given(steps=[GATE, {"setWeight": 20}]).apply(B)
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 0)
    assert rollout.after(3600).weight == 0
    assert rollout.order(approval(step=1)).weight == 20


def test_a_gate_that_comes_last_holds_the_promotion() -> None:
    rollout = at_the_gate({"setWeight": 20}, GATE).order(f"advance/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == A
    rollout.order(approval())
    assert rollout.status.stable.revision == B


def test_a_first_deployment_waits_for_nobody() -> None:
    rollout = SimulatedRollout().given(steps=[GATE]).settle()
    assert rollout.status.phase == "Healthy"


@pytest.mark.parametrize("changed", [{"analysis": {"onInconclusive": "Promote"}}, {"paused": True}])
def test_an_approval_of_a_spec_that_was_edited_since_it_was_read_does_not_count(
    changed: dict[str, Any],
) -> None:
    rollout = at_the_gate()
    read = approval().replace("DIGEST", rollout.rollout.desired.digest)
    rollout.given(**changed).order(read)
    assert "spec.rollout has changed since" in outcome(rollout)
    assert rollout.status.candidate and rollout.status.candidate.approved is None
    assert rollout.weight == 20


@pytest.mark.parametrize("revision", [C, B])
def test_an_approval_is_for_one_rollout(revision: str) -> None:
    """Of another revision, and of the same one again."""
    rollout = serving().given(steps=STEPS).apply(B).order(approval())
    assert rollout.status.candidate and rollout.status.candidate.approved
    rollout.apply(A).apply(revision).judged("Pass")
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)
    assert rollout.status.candidate.approved is None


def test_an_approval_ends_with_the_policy_that_was_approved() -> None:
    rollout = serving().given(steps=STEPS).apply(B).order(approval())
    assert rollout.reason == "NoData"
    rollout.given(analysis={"onInconclusive": "Promote"}).settle()
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)


def test_a_retry_must_be_approved_again() -> None:
    rollout = serving().given(steps=STEPS).apply(B).order(approval()).judged("Fail")
    assert rollout.status.rejected
    rollout.order(f"retry/{B}").judged("Pass")
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)


def test_it_can_be_aborted_at_the_gate() -> None:
    rollout = at_the_gate().order(f"abort/{B}")
    assert rollout.weight == 0 and rollout.status.rejected


def test_at_the_gate_what_was_stable_can_be_returned_to_and_nothing_else() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass")
    rollout.given(steps=STEPS).apply(C).judged("Pass")
    assert rollout.reason == "AwaitingApproval"
    rollout.order(f"undo/{A}")
    assert rollout.status.stable and rollout.status.stable.revision == A


def test_an_undo_is_no_way_around_the_gate() -> None:
    rollout = at_the_gate().apply(A).order(f"undo/{B}")
    assert "was never stable, and would skip the step that must be approved" in outcome(rollout)
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.candidate is None


def test_the_gate_holds_while_the_spec_is_paused_and_is_approved_nevertheless() -> None:
    rollout = at_the_gate().given(paused=True).settle()
    assert rollout.reason == "PausedBySpec"
    rollout.order(approval())
    assert (rollout.reason, rollout.weight) == ("PausedBySpec", 20)
    rollout.order(f"advance/{B}")
    assert rollout.weight == 50


def test_steps_that_change_lead_to_the_first_gate_at_the_weight() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}, {"setWeight": 50}]).apply(B)
    steps = [{"setWeight": 10}, {"setWeight": 20}, GATE, {"pause": {}}, GATE, {"setWeight": 50}]
    rollout.given(steps=steps).settle()
    assert rollout.status.candidate and rollout.status.candidate.step == 2
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)


def test_a_withdrawn_candidate_resumes_at_its_gate() -> None:
    rollout = at_the_gate()
    assert rollout.status.candidate
    weight = rollout.status.candidate.weight
    withdrawn = Withdrawn(
        since=1000.0, weight=20, policy=policy_digest(rollout.rollout.desired.spec.rollout)
    )
    candidate = rollout.status.candidate.replace(
        withdrawn=withdrawn, weight=weight.replace(wanted=0)
    )
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rollout.order(f"advance/{B}")
    assert (rollout.reason, rollout.weight) == ("AwaitingApproval", 20)
