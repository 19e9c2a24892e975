"""Traffic is taken from a candidate without a status, and not given back without a look."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.api.status import Candidate, CheckStatus, Stable, Status, Verdict, Weight
from serinus.manifests.children import Wanted
from serinus.manifests.owner import WITHDRAWN, Owner
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads import Workload
from serinus.plan.decide import Plan, decide
from serinus.plan.situation import Desired, KnownRevision, World
from serinus.plan.withdrawal import UNJUDGED_AGAIN, Mark, unjudged, withdrawal, withdrawn
from tests.support import problems

OWNER = Owner("shop", "fraud", "4f7c")
CHECKS = {"analysis": {"checks": [{"name": "errors", "errorRate": {}}]}}
MARK = Mark("new", 1000)


def spec(**rollout: Any) -> Spec:
    ports = [{"containerPort": 8080}]
    template = {"spec": {"containers": [{"name": "model", "image": "m:1", "ports": ports}]}}
    gateway = {"gateway": {"parentRefs": [{"name": "public"}]}}
    rollout = {**CHECKS, "steps": [{"setWeight": 20}, {"setWeight": 50}], **rollout}
    return Spec.model_validate(
        {"template": template, "replicas": 4, "traffic": gateway, "rollout": rollout}
    )


def status(verdict: Verdict = "Inconclusive", **candidate: Any) -> Status:
    given: dict[str, Any] = {
        "revision": "new",
        "number": 2,
        "stage": "Stepping",
        "weight": Weight(wanted=20, actual=20),
        "since": 900.0,
        "progress_since": 900.0,
        "effective_since": 920.0,
        "analysis_since": 920.0,
        "measured_at": 990.0,
        "checks": [CheckStatus(name="errors", kind="errorRate", verdict=verdict)],
        **candidate,
    }
    return Status(stable=Stable(revision="old", number=1, since=0.0), candidate=Candidate(**given))


def world(weight: float = 20.0, **more: Any) -> World:
    return World(
        history={"old": KnownRevision(1), "new": KnownRevision(2)},
        workloads={"old": Workload(4, 4), "new": Workload(2, 2)},
        weight=weight,
        **more,
    )


def plan(split: Traffic | None) -> Plan:
    return Plan(status(), None if split is None else Wanted({"old": 4}, split), (), (), None)


# what may be done without a status


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Traffic("old", None, 0), Traffic("old", "new", 0)),
        (Traffic("old", "next", 0), Traffic("old", "new", 0)),
        (Traffic("old", "new", 5), Traffic("old", "new", 5)),
        (Traffic("old", "new", 20), None),
        (Traffic("old", "new", 50), None),
        (Traffic("new", None, 0), None),
        (None, None),
    ],
    ids=["rolled back", "superseded", "pods lost", "held", "raised", "promoted", "nothing"],
)
def test_only_what_takes_traffic_from_the_candidate_needs_no_status(
    wanted: Traffic | None, taken: Traffic | None
) -> None:
    assert withdrawal(status(), plan(wanted), world()) == taken


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Traffic("old", "new", 5), None),
        (Traffic("old", "new", 0, 10), Traffic("old", "new", 0, 10)),
        (Traffic("old", "new", 0), Traffic("old", "new", 0)),
        (Traffic("old", None, 0), Traffic("old", "new", 0)),
    ],
    ids=["raised to a weight", "fewer copies", "withdrawn", "rolled back"],
)
def test_a_weight_of_a_smaller_percentage_takes_nothing_from_copies(
    wanted: Traffic, taken: Traffic | None
) -> None:
    copied = status(weight=Weight(wanted=0, mirrored=100, actual=0))
    assert withdrawal(copied, plan(wanted), world(0.0, mirrored=100.0)) == taken


def test_copies_instead_of_a_weight_take_the_weight() -> None:
    copies = Traffic("old", "new", 0, 100)
    assert withdrawal(status(), plan(copies), world()) == Traffic("old", "new", 0)


def test_what_has_no_traffic_any_more_needs_nothing() -> None:
    assert withdrawal(status(), plan(Traffic("old", None, 0)), world(0.0)) is None


def test_a_first_deployment_keeps_its_traffic() -> None:
    first = status().replace(stable=None)
    assert withdrawal(first, plan(Traffic("old", None, 0)), world(100.0)) is None


def test_traffic_of_which_nothing_will_be_measured_is_taken() -> None:
    early = status(analysis_since=None, effective_since=None)
    assert unjudged(spec(), early, world()) == Traffic("old", "new", 0)
    assert unjudged(spec(), early, world(0.0)) is None
    assert unjudged(spec(), status(), world()) is None
    assert unjudged(spec(analysis={"checks": []}), early, world()) is None


# the mark


@pytest.mark.parametrize("kind", ["HTTPRoute", "Service"])
def test_a_mark_is_read_as_it_was_written(kind: str) -> None:
    head = {"kind": kind, "metadata": {"name": "fraud", "labels": {"a": "b"}}}
    (marked,) = MARK.on([head])
    assert marked["metadata"]["annotations"] == {WITHDRAWN: "new/1000"}
    assert WITHDRAWN not in head["metadata"]
    assert Mark.read(OWNER, {(kind, "fraud"): marked}, 1020.0) == MARK


@pytest.mark.parametrize("text", ["", "new", "new/", "new/soon", "/"])
def test_what_is_no_mark_is_none(text: str) -> None:
    live = {"metadata": {"annotations": {WITHDRAWN: text}}}
    assert Mark.read(OWNER, {("Service", "fraud"): live}, 1020.0) is None
    assert Mark.read(OWNER, {}, 1020.0) is None


@pytest.mark.parametrize("at", ["4600", "9" * 5000], ids=["an hour", "more digits than are read"])
def test_a_mark_of_later_than_now_counts_from_now(at: str) -> None:
    """The clock was an hour ahead, or somebody wrote it: neither holds the rollout for so long."""
    live = {"metadata": {"annotations": {WITHDRAWN: f"new/{at}"}}}
    mark = Mark.read(OWNER, {("Service", "fraud"): live}, 1020.0)
    assert mark == Mark("new", 1020)
    assert withdrawn(spec(), status(measured_at=4590.0), mark, 1021.0), "by the clock of then"
    assert withdrawn(spec(), status(measured_at=1030.0), mark, 1031.0) == ""


def test_traffic_is_not_given_back_before_a_later_look_finds_nothing() -> None:
    assert "The traffic of revision new was withdrawn" in withdrawn(spec(), status(), MARK, 1020.0)
    blind: tuple[Verdict, ...] = ("NoData", "Error")
    for verdict in blind:
        assert withdrawn(spec(), status(verdict, measured_at=1010.0), MARK, 1020.0), verdict
    seeing: tuple[Verdict, ...] = ("Pass", "Inconclusive", "Fail")
    for verdict in seeing:
        assert withdrawn(spec(), status(verdict, measured_at=1010.0), MARK, 1020.0) == "", verdict


def test_a_mark_holds_its_revision_alone_and_only_where_looks_are_taken() -> None:
    assert withdrawn(spec(), status(), None, 1020.0) == ""
    assert withdrawn(spec(), status(), Mark("other", 1000), 1020.0) == ""
    assert withdrawn(spec(), status().replace(candidate=None), MARK, 1020.0) == ""
    assert withdrawn(spec(analysis={"checks": []}), status(checks=[]), MARK, 1020.0) == ""


def test_what_could_not_be_measured_is_tried_again_later() -> None:
    early = status(analysis_since=None)
    assert "in 10m" in withdrawn(spec(), early, MARK, 1020.0)
    assert withdrawn(spec(), early, MARK, 1000.0 + UNJUDGED_AGAIN) == ""


# the rules


def held(before: Status, **more: Any) -> Plan:
    there = world(0.0, problems=(problems.withdrawn("Traffic was taken."),))
    return decide(Desired(spec(**more), 3, "new"), before, there, 1020.0)


def test_the_old_status_does_not_raise_the_weight_again() -> None:
    found = held(status("Pass"))
    assert found.wanted is not None
    assert found.wanted.traffic == Traffic("old", "new", 0)
    candidate = found.status.candidate
    assert candidate is not None
    assert candidate.effective_since is None
    assert candidate.step == 0
    assert "Traffic was taken." in found.status.message
    assert [decision.reason for decision in found.new_decisions] == ["WeightLowered"]


def test_the_old_status_does_not_promote_it() -> None:
    found = held(status("Pass", stage="Promoting", step=2))
    assert found.status.stable is not None
    assert found.status.stable.revision == "old"


def test_an_abort_is_obeyed_meanwhile() -> None:
    there = world(0.0, problems=(problems.withdrawn("Traffic was taken."),))
    desired = replace(Desired(spec(), 3, "new"), command="abort/new")
    found = decide(desired, status(), there, 1020.0)
    assert found.status.candidate is None


def test_what_something_else_changes_is_a_condition() -> None:
    changed = problems.overridden("Deployment fraud-new is changed.")
    there = world(split_in_effect=True, problems=(changed,))
    found = decide(Desired(spec(), 3, "new"), status(), there, 1020.0)
    (told,) = [each for each in found.status.conditions if each.type == "Overridden"]
    assert (told.status, told.reason) == ("True", "ChangedByOthers")
    assert told.message == "Deployment fraud-new is changed."
