"""A guard after promotion, as people, pipelines, endpoints and alerts see it."""

import re
from typing import Any

import pytest

from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.cli.text import as_cells, as_data, as_line, as_text
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision
from serinus.views.commands import NothingToDoError, revision_for
from serinus.views.exported import endings
from serinus.views.guard_cost import guard_cost
from serinus.views.history import history
from serinus.views.notices import notices
from serinus.views.reading import Live
from serinus.views.rollout import RolloutView, rollout_view
from tests.support.simulated_rollout import TEMPLATE, A, B, C, SimulatedRollout

STEPS = [{"setWeight": 50}]


def candidate(**spec: Any) -> SimulatedRollout:
    given = {"rollout": {"steps": STEPS, "guard": {}}, **spec}
    return SimulatedRollout(spec=given).settle().apply(B)


def guarded(**spec: Any) -> SimulatedRollout:
    return candidate(**spec).judged("Pass")


def view_of(rollout: SimulatedRollout) -> RolloutView:
    spec = Spec.model_validate({"template": TEMPLATE, **rollout.spec})
    return rollout_view(spec, rollout.status, rollout.rollout.now)


def passed(rollout: SimulatedRollout, before: Status, seen: int) -> tuple[list[str], list[Reason]]:
    """What a pass tells endpoints, and what it counts."""
    decisions = rollout.rollout.new_decisions[seen:]
    told = notices("uid", before, rollout.status, decisions, rollout.rollout.now, {})
    return [each.kind for each in told], list(endings(before.candidate, decisions))


def test_it_says_for_how_long_and_what_is_held_back_by_how_many_pods() -> None:
    view = view_of(guarded().after(3600))
    assert view.guard
    assert (view.guard.left, view.guard.holdback) == (23 * 3600, 5)
    text = as_text("team/loan", view, 0.0)
    assert "GUARDED for 23h more: 5% of the traffic stays with 4 pods of the previous" in text
    assert "  ✓ 50%" in text
    by_pods = as_text("team/loan", view_of(guarded(traffic={})), 0.0)
    assert "20% of the traffic stays with 1 pod of the previous revision" in by_pods


def test_scripts_read_its_end_in_the_format_of_the_status() -> None:
    rollout = guarded()
    spec = Spec.model_validate({"template": TEMPLATE, **rollout.spec})
    data = as_data(Live("team", "loan", 1, "", spec, rollout.status), rollout.rollout.now)
    assert rollout.status.candidate and rollout.status.candidate.guarding
    ends = rollout.status.candidate.guarding.to_json()["until"]
    assert data["guard"] == {"until": ends, "left": 86400, "holdback": 5, "takingBack": False}


def test_lists_and_lines_have_it_in_place_of_the_step() -> None:
    view = view_of(guarded())
    assert "guarded" in as_cells("loan", view)
    assert " guarded" in as_line(view)
    rollout = guarded(traffic={})
    rollout.world.pods_ready_after = 20
    assert "taking back" in as_cells("loan", view_of(rollout.judged("Fail")))


def test_the_revisions_are_the_previous_and_the_promoted_one() -> None:
    rollout = guarded()
    view = view_of(rollout)
    text = as_text("team/loan", view, 0.0)
    assert re.search(rf"^previous +{A} .* 5%\npromoted +{B} .* 95%$", text, re.MULTILINE)
    row = as_cells("loan", view)
    assert row[2:4] == (f"{A} (previous)", f"{B} (promoted)")
    owner, made = Owner("team", "loan", "uid"), {"creationTimestamp": ""}
    stored = [Revision(of, 1, None, TEMPLATE).manifest(owner) for of in (A, B)]
    rows = history(
        rollout.status, [{**each, "metadata": each["metadata"] | made} for each in stored]
    )
    assert {each.revision: each.role for each in rows} == {A: "previous", B: "promoted"}


def test_what_the_evidence_calls_them_is_said_below_it() -> None:
    note = "the candidate is the promoted revision, and stable the previous one."
    text = as_text("team/loan", view_of(guarded().judged("Pass")), 0.0)
    assert "PROMOTED REQUESTS   PREVIOUS REQUESTS   EVIDENCE" in text and note in text
    assert "CANDIDATE REQUESTS" not in text
    in_steps = as_text("team/loan", view_of(candidate().judged("Inconclusive")), 0.0)
    assert "CANDIDATE REQUESTS   STABLE REQUESTS" in in_steps and note not in in_steps


def test_endpoints_are_told_of_the_promotion_when_the_guard_begins_and_of_a_failure() -> None:
    rollout = candidate()
    before, seen = rollout.status, len(rollout.rollout.new_decisions)
    rollout.judged("Pass")
    assert passed(rollout, before, seen) == (["StepPassed", "Promoted"], [Reason.PROMOTED])
    before, seen = rollout.status, len(rollout.rollout.new_decisions)
    rollout.judged("Fail")
    assert passed(rollout, before, seen) == (["RolledBack"], [Reason.GUARD_FAILED])


def test_its_end_is_neither_told_nor_counted_again() -> None:
    rollout = guarded()
    before, seen = rollout.status, len(rollout.rollout.new_decisions)
    rollout.apply(C)
    assert passed(rollout, before, seen) == (["Started"], [])


def test_what_is_monitored_is_said_to_be_of_the_previous_revision() -> None:
    rollout = guarded(monitoring={"errorRate": {"limit": "1%"}})
    told = {each.type: each.message for each in rollout.status.conditions}
    assert told["ErrorsAboveLimit"].startswith(f"Revision {A} (the previous one): ")
    rollout.order(f"promote/{B}")
    told = {each.type: each.message for each in rollout.status.conditions}
    assert not told["ErrorsAboveLimit"].startswith("Revision ")


def test_undo_without_a_revision_is_to_the_one_that_holds_the_traffic() -> None:
    assert revision_for("undo", guarded().status) == A
    with pytest.raises(NothingToDoError):
        revision_for("undo", candidate().status)


def test_its_cost_is_told_before() -> None:
    spec = {"template": TEMPLATE, "replicas": 40, "rollout": {"guard": {"duration": "1h"}}}
    assert "keeps 2 pods of the previous revision for 1h" in guard_cost(Spec.model_validate(spec))
    assert guard_cost(Spec.model_validate({"template": TEMPLATE})) == ""
