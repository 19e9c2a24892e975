"""What the view shows is what the status says, and how long is still to be waited."""

from typing import Any, Literal

import pytest

from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import (
    Candidate,
    CheckState,
    CheckStatus,
    Condition,
    Hold,
    Retiring,
    Stable,
    Status,
    StepResult,
    Weight,
)
from serinus.views.rollout import rollout_view
from tests.support.simulated_rollout import A, B, SimulatedRollout

STEPS = [{"setWeight": 5}, {"pause": {"duration": "10m"}}, {"pause": {}}, {"setWeight": 50}]
TEMPLATE: dict[str, Any] = {
    "spec": {"containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]}
}
SPEC = Spec.model_validate({"template": TEMPLATE, "rollout": {"steps": STEPS}})


def status(**candidate: Any) -> Status:
    given = {"revision": "new", "number": 2, "stage": "Stepping", "since": 900.0, "version": "v2"}
    rest = {"progress_since": 900.0, "weight": Weight(wanted=5, actual=4), "ready_replicas": 1}
    return Status(
        stable=Stable(revision="old", number=1, since=0.0, ready_replicas=4),
        candidate=Candidate(**{**given, **rest, **candidate}),
        retiring=[Retiring(revision="older", since=0.0)],
    )


def test_the_arms_share_the_traffic_that_they_have_in_fact() -> None:
    view = rollout_view(SPEC, status(), 1000.0)
    assert view.stable and view.candidate
    assert (view.stable.weight, view.candidate.weight, view.wanted) == (96.0, 4.0, 5.0)
    assert (view.stable.ready, view.candidate.ready) == (4, 1)
    assert (view.candidate.version, view.stable.version, view.retiring) == ("v2", None, ("older",))


def test_an_empty_status_is_not_shown_as_a_rollout_that_goes_on() -> None:
    view = rollout_view(SPEC, Status(), 1000.0)
    assert view.message.startswith("No operator has acted on it yet: check that one is running")
    assert rollout_view(SPEC, status(), 1000.0).message == ""


def test_without_a_candidate_stable_has_all_the_traffic_and_there_are_no_steps() -> None:
    view = rollout_view(SPEC, status().replace(candidate=None), 1000.0)
    assert view.stable and view.stable.weight == 100.0
    assert (view.candidate, view.wanted, view.steps, view.checks, view.wait) == (
        *(None, None),
        *((), ()),
        None,
    )


def test_steps_are_done_current_or_pending() -> None:
    view = rollout_view(SPEC, status(step=1), 1000.0)
    assert [(step.weight, step.fields["pause"], step.state) for step in view.steps] == [
        (5, None, "done"),
        (5, "10m", "current"),
        (5, "", "pending"),
        (50, None, "pending"),
    ]
    assert rollout_view(None, status(step=1), 1000.0).steps == ()
    done = rollout_view(SPEC, status(step=4, stage=Stage.PROMOTING), 1000.0)
    assert {step.state for step in done.steps} == {"done"} and done.promoting


@pytest.mark.parametrize(
    ("reason", "step", "left"),
    [("AwaitingPause", 1, 500.0), ("AwaitingCommand", 2, None), ("NoData", 0, None)],
)
def test_how_long_is_still_to_be_waited_is_known_of_a_pause_alone(
    reason: str, step: int, left: float | None
) -> None:
    hold = Hold(reason=reason, message="Because.", since=950.0)
    view = rollout_view(SPEC, status(step=step, step_since=900.0, hold=hold), 1000.0)
    assert view.wait
    assert (view.wait.reason, view.wait.seconds, view.wait.left) == (reason, 50.0, left)


def test_a_check_that_reads_two_metrics_counts_its_requests_once() -> None:
    state = CheckState(candidate={"requests": 40.0, "failures": 38.0}, stable={"requests": 900.0})
    check = CheckStatus(name="errors", kind="errorRate", verdict="Pass", state=state)
    [view] = rollout_view(SPEC, status(checks=[check]), 1000.0).checks
    assert (view.candidate, view.stable, view.verdict) == (40.0, 900.0, "Pass")


@pytest.mark.parametrize(
    ("available", "amiss"), [("True", []), ("Unknown", []), ("False", ["Available"])]
)
def test_conditions_are_those_that_say_that_something_is_amiss(
    available: Literal["True", "False", "Unknown"], amiss: list[str]
) -> None:
    truths = [("Ready", "False"), ("Reconciling", "True"), ("Stalled", "True")]
    truths += [("MetricsAvailable", "False"), ("Drifted", "False"), ("Overridden", "True")]
    truths += [("Available", available)]
    conditions = [
        Condition(type=name, status=value, reason="Because", last_transition_time=0.0)
        for name, value in truths
    ]
    view = rollout_view(SPEC, status().replace(conditions=conditions), 1000.0)
    seen = [each.type for each in view.conditions]
    assert seen == ["Stalled", "MetricsAvailable", "Overridden", *amiss]


def test_a_whole_rollout_is_seen_from_its_first_step_to_its_promotion() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": STEPS}}).settle().apply(B)
    spec = Spec.model_validate({"template": TEMPLATE, **rollout.spec})
    seen = []
    for _ in range(3):
        view = rollout_view(spec, rollout.status, rollout.rollout.now)
        current = [index for index, step in enumerate(view.steps) if step.state == "current"]
        seen.append((view.wanted, current, view.wait.reason if view.wait else None))
        rollout.judged("Pass").after(601)
    assert seen == [
        (5.0, [1], "AwaitingPause"),
        (5.0, [2], "AwaitingCommand"),
        (5.0, [2], "AwaitingCommand"),
    ]
    view = rollout_view(spec, rollout.order(f"promote/{B}").status, rollout.rollout.now)
    assert view.stable and view.stable.revision == B
    assert (view.candidate, view.decisions[0].reason) == (None, "Promoted")
    assert A in view.retiring


def test_a_step_that_a_command_skipped_is_over_and_not_done() -> None:
    view = rollout_view(SPEC, status(step=2, skipped=[1]), 1000.0)
    assert [step.state for step in view.steps] == ["done", "skipped", "current", "pending"]
    assert view.step == 3


def test_a_step_shows_what_its_job_has_left() -> None:
    left = StepResult(step=1, job="fraud-1", said='{"accuracy": 0.92}')
    steps = rollout_view(SPEC, status(step=2, results=[left]), 1000.0).steps
    assert [step.result for step in steps] == ["", "accuracy 0.92", "", ""]
