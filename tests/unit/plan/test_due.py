"""When a pass is due without an event: at the first time at which something changes, and no other.

`SimulatedRollout` checks this wherever it settles, in the tests of every rule.
"""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from serinus.plan.decide import decide
from serinus.plan.progress import ROUTE_PATIENCE
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

RULES = Path(__file__).parents[3] / "operator" / "serinus" / "plan"
STEPS = [{"setWeight": 20}, {"setWeight": 50}]


def due(rollout: SimulatedRollout) -> float | None:
    assert rollout.plan
    return rollout.plan.wake_in


def test_at_rest_nothing_is_due() -> None:
    assert due(serving()) is None


def test_a_step_that_waits_for_data_is_paused_at_max_step_duration() -> None:
    rollout = serving().given(steps=STEPS, analysis={"maxStepDuration": "30m"}).apply(B)
    rollout.judged("NoData")
    assert (due(rollout), rollout.status.phase) == (1800, "Progressing")
    assert rollout.after(1800).status.phase == "Paused"
    assert due(rollout) is None


def test_a_step_whose_verdict_is_awaited_is_not_asked_for_the_progress_deadline() -> None:
    rollout = serving().given(steps=STEPS, analysis={"maxStepDuration": "30m"}).apply(B)
    assert due(rollout.judged("Inconclusive")) == 1800


def test_a_rollout_that_the_spec_pauses_waits_for_no_time() -> None:
    rollout = serving().given(steps=STEPS, paused=True).apply(B)
    assert (due(rollout), rollout.reason) == (None, "PausedBySpec")


def test_of_two_waits_the_first_is_due() -> None:
    rollout = serving().given(steps=STEPS, progressDeadline="5m", scaleDownDelay="2m").apply(B)
    rollout.judged("Fail")
    rollout.world.broken = {A}
    rollout.settle()
    assert due(rollout) == 300, "its pods are kept, because stable has none"
    rollout.world.broken = set()
    assert due(rollout.settle()) == 120


def test_a_route_that_is_awaited_without_a_candidate_is_reported_in_time() -> None:
    rollout = serving()
    found = replace(
        rollout.world.at(rollout.rollout.now),
        split_in_effect=False,
        route_awaited_since=rollout.rollout.now,
    )
    plan = decide(rollout.rollout.desired, rollout.status, found, rollout.rollout.now + 1)
    assert plan.wake_in == pytest.approx(ROUTE_PATIENCE - 1)
    refused = decide(
        rollout.rollout.desired, plan.status, found, rollout.rollout.now + ROUTE_PATIENCE
    )
    assert (refused.status.phase, refused.wake_in) == ("Degraded", None)


def test_what_no_rule_waits_for_any_more_is_not_due() -> None:
    steps = [{"setWeight": 20}, {"pause": {"duration": "10m"}}]
    rollout = serving().given(steps=steps, analysis={"checks": []}).apply(B)
    assert due(rollout) == 600
    rollout.order(f"advance/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert due(rollout) == 30, "until the pods of the previous revision go"


def test_every_rule_that_compares_a_time_with_now_says_so() -> None:
    found = {
        f"{path.stem}.{function.name}"
        for path in RULES.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for each in ast.walk(function)
        if isinstance(each, ast.Compare)
        and any(ast.unparse(side) in ("s.now", "self.now") for side in ast.walk(each))
    }
    assert found - {"pod_budget.count_unready_time"} == {"situation.reached"}
