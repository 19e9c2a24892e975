"""What endpoints are told of a pass."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from serinus.api.reasons import Reason
from serinus.api.status import Condition, Notice
from serinus.plan.situation import ApprovalPolicy
from serinus.views.notices import AGAIN_AFTER, announced, notices, spec_digest
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

STEPS: list[dict[str, Any]] = [{"setWeight": 20}, {"setWeight": 50}]
PAUSE: list[dict[str, Any]] = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]
Happens = Callable[[SimulatedRollout], SimulatedRollout]


def canary(steps: list[dict[str, Any]] = STEPS) -> SimulatedRollout:
    return serving(rollout={"steps": steps}).apply(B)


def told(rollout: SimulatedRollout, happens: Happens) -> list[Notice]:
    before, seen = rollout.status, len(rollout.rollout.new_decisions)
    happens(rollout)
    decisions = rollout.rollout.new_decisions[seen:]
    return list(notices("uid", before, rollout.status, decisions, rollout.rollout.now, {}))


def invalid(rollout: SimulatedRollout) -> SimulatedRollout:
    rollout.problems = ("spec.rollout.steps: is wrong.",)
    return rollout.settle()


def kinds(found: list[Notice]) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in found]


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda r: r.judged("Pass"), [("StepPassed", "WeightRaised")]),
        (lambda r: r.judged("Inconclusive").after(86400), [("Paused", "Inconclusive")]),
        (lambda r: r.given(paused=True).settle(), [("Paused", "PausedBySpec")]),
        (lambda r: r.judged("Fail"), [("RolledBack", "CheckFailed")]),
        (lambda r: r.order(f"abort/{B}"), [("RolledBack", "Aborted")]),
        (lambda r: r.order(f"promote/{B}"), [("Promoted", "Promoted")]),
        (lambda r: r.apply(A), [("Cancelled", "Reverted")]),
        (lambda r: r.apply(C), [("Cancelled", "Superseded"), ("Started", "RolloutStarted")]),
        (invalid, [("Cancelled", "InvalidSpec"), ("Stalled", "InvalidSpec")]),
    ],
)
def test_what_happens_to_a_rollout_is_told_once(
    happens: Happens, expected: list[tuple[str, str]]
) -> None:
    rollout = canary()
    assert kinds(told(rollout, happens)) == expected
    assert told(rollout, lambda r: r.after(5)) == [], "it is not told again while it lasts"


def test_a_candidate_that_an_undo_replaces_is_told_before_what_replaces_it() -> None:
    rollout = serving().apply(B).order(f"promote/{B}").given(steps=STEPS).apply(C)
    happened = told(rollout, lambda r: r.order(f"undo/{A}"))
    assert [(each.kind, each.reason, each.revision) for each in happened][:2] == [
        ("Cancelled", "Undone", C),
        ("Started", "RolloutStarted", A),
    ]


def test_a_start_and_the_pause_at_its_first_step_are_told_in_this_order() -> None:
    started = told(serving(rollout={"steps": PAUSE}), lambda r: r.apply(B))
    assert kinds(started) == [("Started", "RolloutStarted"), ("Paused", "AwaitingCommand")]


def test_a_notice_has_the_evidence_and_the_figures_of_the_moment() -> None:
    rollout = canary()
    rollout.rollout.now += 40
    [notice] = told(rollout, lambda r: r.judged("Fail", "12 of 225 fail."))
    assert "12 of 225 fail." in notice.message
    assert (notice.revision, notice.stable) == (B, A)
    assert (notice.weight, notice.seconds) == (20, 40), "when it was decided, though it is gone now"


def test_two_events_have_two_ids_and_one_event_has_one() -> None:
    one, other = canary(), canary()
    [first] = told(one, lambda r: r.judged("Fail"))
    [again] = told(other, lambda r: r.judged("Fail"))
    assert first.id == again.id, "a pass that is made again, since its write failed"
    [later] = told(canary().after(1), lambda r: r.judged("Fail"))
    assert later.id != first.id


def test_a_pause_with_another_reason_is_told_anew() -> None:
    paused = canary(PAUSE)
    assert kinds(told(paused, lambda r: r.given(paused=True).settle())) == [
        ("Paused", "PausedBySpec")
    ]


GATES: list[dict[str, Any]] = [{"approval": {}}, {"approval": {}}, {"setWeight": 20}]


def test_an_approval_that_is_awaited_is_told_at_each_step_that_awaits_one() -> None:
    rollout = serving(rollout={"steps": GATES})
    started = told(rollout, lambda r: r.apply(B))
    assert kinds(started) == [("Started", "RolloutStarted"), ("Paused", "AwaitingApproval")]
    assert "Step 1 waits until" in started[1].message and "serinus approve" in started[1].message
    [second] = told(rollout, lambda r: r.order(f"approve/{B}/1/DIGEST/1/ann"))
    assert (second.kind, second.reason) == ("Paused", "AwaitingApproval")
    assert "Step 2 waits until" in second.message
    assert told(rollout, lambda r: r.after(5)) == []


def test_approvals_that_nobody_can_give_are_told_as_a_stall() -> None:
    rollout = serving(rollout={"steps": GATES})
    rollout.world.approval_policy = ApprovalPolicy("Nobody can approve: no policy.")
    _, stalled = told(rollout, lambda r: r.apply(B))
    assert (stalled.kind, stalled.reason) == ("Stalled", "ApprovalsUnguarded")
    assert "Nobody can approve: no policy." in stalled.message
    rollout.world.approval_policy = ApprovalPolicy()
    assert kinds(told(rollout, lambda r: r.settle())) == [("Paused", "AwaitingApproval")]


def test_two_pauses_in_a_row_are_told_as_two() -> None:
    rollout = canary([{"pause": {}}, {"pause": {}}, {"setWeight": 50}])
    assert kinds(told(rollout, lambda r: r.order(f"advance/{B}"))) == [
        ("Paused", "AwaitingCommand")
    ]


def test_a_stall_that_lasts_is_told_once_and_a_rollback_is_no_stall() -> None:
    before = serving().status
    stalled = Condition(
        type="Stalled",
        status="True",
        reason=Reason.ROUTE_REFUSED,
        message="The Gateway refuses the route.",
        last_transition_time=0.0,
    )
    after = before.replace(conditions=[stalled])
    [notice] = notices("uid", before, after, (), 5.0, {})
    assert (notice.kind, notice.reason, notice.message) == (
        "Stalled",
        "RouteRefused",
        "The Gateway refuses the route.",
    )
    assert list(notices("uid", after, after, (), 6.0, {})) == []


def little_traffic(rollout: SimulatedRollout, hours: int) -> list[Notice]:
    """What endpoints are told while looks find no verdict, then no data for a while, and so on."""
    found: list[Notice] = []
    for _ in range(hours * 2):
        for verdict in ("Inconclusive", "NoData"):
            before, now = rollout.status, rollout.rollout.now + 900
            rollout.after(900).judged(verdict)
            told = list(notices("uid", before, rollout.status, (), now, {}))
            found += told
            if told:
                kept = rollout.status.replace(announced=announced(rollout.status, told, now, {}))
                rollout.rollout.status = kept
    return found


def test_a_pause_that_is_entered_again_and_again_is_told_once_in_six_hours() -> None:
    rollout = canary([{"setWeight": 20}])
    rollout.given(analysis={"maxStepDuration": "10m"}).settle()
    told = little_traffic(rollout, hours=24)
    assert {each.reason for each in told} == {"Inconclusive"}
    assert 4 <= len(told) <= 5
    gaps = [later.at - earlier.at for earlier, later in pairwise(told)]
    assert min(gaps) >= AGAIN_AFTER


def test_after_a_command_or_another_spec_the_same_pause_is_news() -> None:
    rollout = canary([{"setWeight": 20}]).given(analysis={"maxStepDuration": "10m"})
    assert len(little_traffic(rollout, hours=2)) == 1
    rollout.order(f"retry/{B}")
    assert len(little_traffic(rollout, hours=2)) == 1
    going = rollout.judged("NoData").status
    paused = rollout.judged("Inconclusive").status
    assert (going.phase, paused.phase) == ("Progressing", "Paused")
    now = rollout.rollout.now
    assert list(notices("uid", going, paused, (), now, {})) == []
    assert kinds(list(notices("uid", going, paused, (), now, {"another": "spec"}))) == [
        ("Paused", "Inconclusive")
    ]


def test_an_autoscaler_does_not_make_the_same_pause_news() -> None:
    asked = {"template": {"spec": {}}, "rollout": {"steps": STEPS}, "replicas": 4}
    scaled = [{**asked, "replicas": replicas} for replicas in (0, 7)]
    assert {spec_digest(each) for each in scaled} == {spec_digest(asked)}
    assert spec_digest(asked) != spec_digest({**asked, "rollout": {"steps": PAUSE}})
    assert spec_digest(asked) != spec_digest({**asked, "traffic": {"host": "fraud.example"}})


def test_a_status_holds_sixteen_such_states_and_none_of_hours_ago() -> None:
    many = {f"Paused/NoData/b/{n}/1": float(n) for n in range(1, 20)}
    before = serving().status.replace(announced=many)
    assert announced(before, (), 25.0, {}) == dict(list(many.items())[3:])
    assert announced(before, (), AGAIN_AFTER + 18.5, {}) == {"Paused/NoData/b/19/1": 19.0}
