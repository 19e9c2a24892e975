"""A status that was lost, or that another version wrote, over revisions that serve."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Status
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads import Workload
from serinus.plan.decide import Plan, decide
from serinus.plan.situation import Desired, KnownRevision, World
from tests.support.simulated_rollout import TEMPLATE, A, B

RUNNING = World(
    history={A: KnownRevision(1), B: KnownRevision(2)},
    workloads={A: Workload(3, 3)},
    serving=A,
    split_in_effect=True,
)


def first_pass(revision: str, world: World, **desired: Any) -> Plan:
    spec = Spec.model_validate({"template": TEMPLATE, "replicas": 3})
    return decide(replace(Desired(spec, 1, revision), **desired), Status(), world, 1000.0)


def test_a_revision_that_serves_already_is_stable_and_nothing_restarts() -> None:
    plan = first_pass(A, RUNNING)
    assert plan.status.stable is not None
    assert (plan.status.stable.revision, plan.status.candidate) == (A, None)
    assert plan.wanted is not None
    assert (plan.wanted.replicas, plan.wanted.traffic) == ({A: 3}, Traffic(A, None, 0))
    assert [decision.reason for decision in plan.new_decisions] == ["TakenUp"]


def test_another_spec_is_rolled_out_beside_what_serves() -> None:
    plan = first_pass(B, RUNNING)
    assert plan.status.stable is not None
    assert plan.status.candidate is not None
    assert (plan.status.stable.revision, plan.status.candidate.revision) == (A, B)
    assert plan.status.candidate.stage is Stage.STEPPING


def test_where_nothing_serves_it_is_a_first_deployment() -> None:
    plan = first_pass(B, World())
    assert plan.status.stable is None
    assert plan.status.candidate is not None
    assert plan.status.candidate.stage is Stage.FIRST


@pytest.mark.parametrize("incompatibility", [None, "spec.rollout: is odd"])
def test_what_could_not_be_read_is_told_by_a_decision(incompatibility: str | None) -> None:
    unread = ("status.candidate.stage: is not known.",)
    problems = (incompatibility,) if incompatibility else ()
    plan = first_pass(A, replace(RUNNING, unread=unread), problems=problems)
    assert plan.new_decisions[-1].reason == "StatusUnreadable"
    assert "status.candidate.stage: is not known." in plan.new_decisions[-1].message


def test_an_autoscaler_is_told_how_to_select_the_pods() -> None:
    plan = first_pass(A, RUNNING, selector="serinus.dev/name=fraud")
    assert plan.status.selector == "serinus.dev/name=fraud"


def test_fields_of_the_spec_that_are_not_known_are_a_condition() -> None:
    ignored = ("spec.rollout.guard is unknown to this version.",)
    plan = first_pass(A, RUNNING, ignored=ignored)
    conditions = {each.type: each for each in plan.status.conditions}
    assert conditions["FieldsIgnored"].status == "True"
    assert conditions["FieldsIgnored"].reason == "FieldsUnknown"
    assert "spec.rollout.guard" in conditions["FieldsIgnored"].message
    assert "FieldsIgnored" not in {each.type for each in first_pass(A, RUNNING).status.conditions}
