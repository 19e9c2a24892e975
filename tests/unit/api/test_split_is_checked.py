"""The trafficShare that is part of an analysis by default: when there is one, and what it reads."""

from collections.abc import Sequence
from typing import Any

import pytest

from serinus.api.checks import Check
from serinus.api.presets import PRESETS
from serinus.api.spec import Spec
from serinus.judge import queries_of

TEMPLATE = {"spec": {"containers": [{"name": "model", "image": "m:1"}]}}
GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}
OWN = {"name": "own", "trafficShare": {"tolerance": 1.5}}
ERRORS = {"name": "errors", "errorRate": {}}
DRIFT = {"name": "drift", "predictionDrift": {}}


def checks(traffic: dict[str, Any] = GATEWAY, **analysis: Any) -> Sequence[Check]:
    spec = {"template": TEMPLATE, "traffic": traffic, "rollout": {"analysis": analysis}}
    return Spec.model_validate(spec).rollout.analysis.checks


def kinds(traffic: dict[str, Any] = GATEWAY, **analysis: Any) -> list[str]:
    return [check.kind for check in checks(traffic, **analysis)]


def test_behind_a_gateway_the_split_is_checked_beside_the_default_checks() -> None:
    assert kinds() == ["errorRate", "predictionDrift", "trafficShare"]
    assert checks()[-1].name == "split"


def test_it_is_checked_beside_the_checks_that_users_list() -> None:
    assert kinds(checks=[ERRORS]) == ["errorRate", "trafficShare"]


def test_who_lists_it_has_it_as_listed() -> None:
    assert [check.name for check in checks(checks=[OWN, ERRORS])] == ["own", "errors"]


@pytest.mark.parametrize("listed", [[], [DRIFT]])
def test_without_a_counter_of_requests_there_is_nothing_to_compare(listed: list[Any]) -> None:
    assert kinds(checks=listed) == [next(k for k in each if k != "name") for each in listed]


def test_where_sessions_are_split_it_is_not_checked() -> None:
    sticky = {"sessionPersistence": {"sessionName": "client"}}
    rules = [{"matches": [{"path": {"value": "/v1"}}]}, sticky]
    assert kinds({"gateway": {**GATEWAY["gateway"], "rules": rules}}) == kinds({})
    assert kinds({"gateway": {**GATEWAY["gateway"], "rules": rules[:1]}}) == kinds()


def test_without_a_gateway_connections_are_split_and_it_is_not_checked() -> None:
    assert kinds({}) == ["errorRate", "predictionDrift"]
    assert kinds({}, checks=[OWN, ERRORS]) == ["trafficShare", "errorRate"]


def test_who_ignores_a_wrong_split_has_no_check_of_it() -> None:
    assert kinds(onWrongSplit="Ignore") == ["errorRate", "predictionDrift"]
    assert kinds(onWrongSplit="Ignore", checks=[OWN, ERRORS]) == ["errorRate"]


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_it_reads_the_requests_of_the_error_rate_and_nothing_more(preset: str | None) -> None:
    *listed, split = checks(preset=preset)
    spec = {"template": TEMPLATE, "rollout": {"analysis": {"preset": preset}}}
    analysis = Spec.model_validate(spec).rollout.analysis
    assert split.kind == "trafficShare"
    assert listed == analysis.checks
    with_it = analysis.replace(checks=[*listed, split])
    assert set(queries_of(with_it)) == set(queries_of(analysis))


def test_a_check_of_another_kind_may_have_its_name() -> None:
    taken = [{"name": "split", "errorRate": {}}, {"name": "split-2", "predictionDrift": {}}]
    assert [check.name for check in checks(checks=taken)] == ["split", "split-2", "split-3"]


def test_it_decides_only_by_a_counter_that_decides() -> None:
    audited = {"name": "too", "mode": "Audit", "errorRate": {"requests": {"metric": "other"}}}
    for listed, mode, metric in (
        ([audited, ERRORS], "Enforce", "model_requests_total"),
        ([audited], "Audit", "other"),
    ):
        split = checks(checks=listed)[-1]
        assert split.traffic_share
        assert (split.mode, split.traffic_share.requests.metric) == (mode, metric)


def test_who_audits_it_is_not_held_by_another_one() -> None:
    assert [check.mode for check in checks(checks=[ERRORS, {**OWN, "mode": "Audit"}])] == [
        *("Enforce", "Audit"),
    ]
