"""What a pass makes of what it read: by values, without an API server."""

from typing import Any

import pytest

from serinus.api.baseline import Baseline
from serinus.api.reasons import About, Reason
from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, CheckStatus, Hold, Stable, Status, Weight
from serinus.controller.actuation import WriteOutcome
from serinus.controller.object_state import ObjectState, SpecRead
from serinus.controller.observed import read_spec
from serinus.controller.reconcile import (
    BLOCKED_LOOK_AGAIN,
    SETTLES_WITHIN,
    _next_pass,
)
from serinus.controller.status_writes import (
    SAVE_WITHIN,
    SHOW_WITHIN,
    TELL_OF_LOOKS_WITHIN,
    write_within,
)
from serinus.manifests.children import Wanted
from serinus.manifests.traffic import Traffic
from serinus.plan.decide import Plan
from serinus.plan.problems import Problem, Severity
from serinus.plan.situation import Desired, World
from tests.support.problems import name_taken, of_the_pods, of_the_route

TEMPLATE: dict[str, Any] = {
    "spec": {"containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]}
}


def model_deployment(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "fraud", "uid": "4f7c", "generation": 3}
    return {"metadata": metadata, "spec": {"template": TEMPLATE, **spec}}


def desired(revision: str = "new", **spec: Any) -> Desired:
    return Desired(Spec.model_validate({"template": TEMPLATE, **spec}), 3, revision)


def candidate(**fields: Any) -> Candidate:
    given = {"effective_since": 1000.0, "analysis_since": 1000.0, **fields}
    weight = Weight(wanted=20, actual=20)
    return Candidate(
        revision="new",
        number=2,
        stage=Stage.STEPPING,
        weight=weight,
        since=900.0,
        progress_since=900.0,
    ).replace(**given)


def stable(revision: str = "old", number: int = 1) -> Stable:
    return Stable(revision=revision, number=number, since=0.0)


def plan(status: Status, *running: str, wake_in: float | None = None) -> Plan:
    wanted = Wanted(dict.fromkeys(running, 1), Traffic(running[0], None, 0)) if running else None
    return Plan(status, wanted, (), (), wake_in)


# the spec


def read(live: dict[str, Any]) -> SpecRead:
    return read_spec(live, ObjectState.begin(live))


def test_a_spec_is_read_again_only_if_it_has_changed() -> None:
    first = model_deployment(replicas=2)
    state = ObjectState.begin(first)
    before = read_spec(first, state)
    assert read_spec(model_deployment(replicas=2), state) is before
    after = read_spec(model_deployment(replicas=3), state)
    assert after.spec is not None and after.spec.replicas == 3


def test_a_good_spec_is_read_with_no_complaint() -> None:
    found = read(model_deployment(replicas=2))
    assert found.spec is not None
    assert (found.spec.replicas, found.problems, found.ignored) == (2, (), ())


def test_a_spec_of_another_schema_is_not_read_and_says_which_field() -> None:
    found = read(model_deployment(replicas="many"))
    assert found.spec is None
    assert "spec.replicas" in found.problems[0]


def test_fields_of_a_newer_version_are_named_and_left_out() -> None:
    newer = {"mirror": {"duration": "1h"}, "analysis": {"lookback": "5m", "interval": "20s"}}
    live = model_deployment(rollout=newer, replicas=2)
    found = read(live)
    assert found.spec is not None
    assert (found.spec.replicas, found.spec.rollout.analysis.interval) == (2, "20s")
    assert found.problems == ()
    assert found.ignored == (
        "spec.rollout.analysis.lookback is unknown to this version.",
        "spec.rollout.mirror is unknown to this version.",
    )
    assert live["spec"]["rollout"] == newer


# what is written


def decided(**changes: Any) -> dict[str, Any]:
    status = Status(stable=stable(), candidate=candidate(**changes))
    return status.in_full()


def test_evidence_alone_may_wait_to_be_written() -> None:
    before = decided(counted={"pod@1": 1000.0}, measured_at=1000.0)
    passed = CheckStatus(name="errors", kind="errorRate", verdict="Pass")
    after = decided(counted={"pod@1": 1015.0}, measured_at=1015.0, checks=[passed])
    assert before != after
    assert write_within(before, after) == SAVE_WITHIN


def test_that_a_look_found_nothing_new_is_hardly_worth_a_write() -> None:
    before, after = decided(measured_at=1000.0), decided(measured_at=1015.0)
    assert write_within(before, after) == TELL_OF_LOOKS_WITHIN
    assert write_within(decided(), after) == SAVE_WITHIN, "the first look is told of"


@pytest.mark.parametrize(
    "change",
    [
        {"weight": Weight(wanted=50, actual=20)},
        {"effective_since": None},
        {"stage": Stage.PROMOTING},
        {"unreadable_since": 1000.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_was_decided_is_written_at_once(change: dict[str, Any]) -> None:
    assert write_within(decided(), decided(**change)) == 0


def test_a_new_phase_is_written_at_once() -> None:
    statuses = [Status(stable=stable(), phase=phase) for phase in ("Progressing", "Healthy")]
    assert write_within(*(status.in_full() for status in statuses)) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"weight": Weight(wanted=20, actual=10)},
        {"hold": Hold(reason=Reason.NO_DATA, message="", since=1000.0)},
        {"ready_replicas": 1},
        {"baseline": Baseline(measured_at=950.0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_only_seen_waits_a_moment_for_a_decision(change: dict[str, Any]) -> None:
    assert write_within(decided(), decided(**change)) == SHOW_WITHIN


def test_a_status_is_written_whole_the_first_time() -> None:
    assert write_within({}, decided()) == 0


def test_a_hold_that_only_changes_its_words_is_not_written_at_once() -> None:
    holds = [Hold(reason=Reason.AWAITING_PODS, message=m, since=1000.0) for m in ("1 of 4", "2")]
    one, other = (decided(hold=hold) for hold in holds)
    assert one != other
    assert write_within(one, other) == SAVE_WITHIN


# when the next pass is due


REFUSED = WriteOutcome(refusals={"Deployment": "422"})


def test_a_rollout_at_rest_waits_for_events_alone() -> None:
    assert _next_pass(plan(Status(stable=stable())), WriteOutcome(), 0.1, None) is None


def test_the_earliest_of_all_reasons_counts() -> None:
    settled = Status(stable=stable(), candidate=candidate())
    assert _next_pass(plan(settled, wake_in=120.0), WriteOutcome(), 0.0) == 120.0
    assert _next_pass(plan(settled, wake_in=120.0), WriteOutcome(), 0.0, 30.0) == 30.0
    assert _next_pass(plan(settled, wake_in=120.0), WriteOutcome(retry_in=5.0), 0.0) == 5.0
    assert _next_pass(plan(settled), REFUSED, 0.0) == BLOCKED_LOOK_AGAIN
    settling = Status(stable=stable(), candidate=candidate(effective_since=None))
    assert _next_pass(plan(settling), REFUSED, 0.0, 30.0) == SETTLES_WITHIN


def test_a_pass_that_takes_long_does_not_delay_what_is_due() -> None:
    settled = Status(stable=stable(), candidate=candidate())
    assert _next_pass(plan(settled, wake_in=120.0), WriteOutcome(), 45.0) == 75.0
    assert _next_pass(plan(settled), WriteOutcome(), 45.0, 50.0, 60.0) == 5.0
    assert _next_pass(plan(settled, wake_in=30.0), WriteOutcome(), 45.0) == 0.0


def test_a_pause_after_a_pass_is_no_shorter_because_it_took_long() -> None:
    settling = Status(stable=stable(), candidate=candidate(effective_since=None))
    assert _next_pass(plan(settling), REFUSED, 45.0) == SETTLES_WITHIN
    settled = Status(stable=stable(), candidate=candidate())
    assert _next_pass(plan(settled), WriteOutcome(retry_in=5.0), 45.0) == 5.0


# what is refused


def test_a_refused_deployment_is_what_keeps_the_pods() -> None:
    told = "Deployment fraud-new cannot be written: 422"
    world = WriteOutcome(refusals={"Deployment": told}).applied_to(World(split_in_effect=True))
    assert world == World(split_in_effect=True, problems=(of_the_pods(told),))


@pytest.mark.parametrize("kind", ["Service", "HTTPRoute"])
def test_a_refused_way_to_the_pods_is_never_in_effect(kind: str) -> None:
    world = WriteOutcome(refusals={kind: "no"}).applied_to(World(split_in_effect=True, weight=20.0))
    assert world == World(weight=20.0, problems=(of_the_route("no", Severity.REPAIR),))


@pytest.mark.parametrize("in_effect", [True, False])
def test_a_route_that_others_change_is_waited_for_only_where_it_is_not_in_effect(
    in_effect: bool,
) -> None:
    outcome = WriteOutcome(overridden={"HTTPRoute": "changed"})
    world = outcome.applied_to(World(split_in_effect=in_effect))
    assert world.split_in_effect is in_effect
    assert world.why_no_route == ("" if in_effect else "changed")
    assert [each.text for each in world.problems] == ["changed"]


def test_pods_that_are_there_and_not_ready_have_a_cause_of_their_own() -> None:
    unready = of_the_pods("1 pod: ImagePullBackOff", About.CANDIDATE)
    late = WriteOutcome(failures={"Deployment": "timed out"})
    assert late.applied_to(World(problems=(unready,))).why_no_pods == unready.text
    assert late.applied_to(World()).why_no_pods == "timed out"


def test_a_taken_name_is_one_problem_whichever_child_waits_for_it() -> None:
    taken = frozenset({"Service"})
    refused = {"Service": "taken", "HTTPRoute": "rejected"}
    world = WriteOutcome(refusals=refused, taken=taken).applied_to(World(split_in_effect=True))
    expected = (name_taken("taken"), of_the_route("rejected", Severity.REPAIR))
    assert (world.problems, world.split_in_effect) == (expected, False)


def test_a_refused_job_keeps_neither_pods_nor_route() -> None:
    world = WriteOutcome(refusals={"Job": "no"}).applied_to(World(split_in_effect=True))
    refused = Problem(Reason.AWAITING_JOB, Severity.REPAIR, About.TASK, "no")
    assert world == World(split_in_effect=True, problems=(refused,))


def test_where_nothing_is_refused_the_world_is_as_it_was_read() -> None:
    unready = of_the_pods("1 pod: ImagePullBackOff", About.CANDIDATE)
    world = World(split_in_effect=True, problems=(unready,))
    assert WriteOutcome().applied_to(world) == world
