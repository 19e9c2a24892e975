"""The customization for Argo CD, tested by its own files, as Argo CD's repository tests them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.argo_cd import MODEL_DEPLOYMENT, act, discovered, health
from tests.support.kstatus import kstatus
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

ACTIONS = MODEL_DEPLOYMENT / "actions"
CONFIG_MAP = MODEL_DEPLOYMENT.parents[2] / "ConfigMap.yaml"
STEPS = [{"setWeight": 20}, {"pause": {}}]


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def live(rollout: SimulatedRollout) -> dict[str, Any]:
    return {"metadata": {"name": "fraud", "generation": 1}, "status": rollout.status.to_json()}


@pytest.mark.parametrize(
    "case", read(MODEL_DEPLOYMENT / "health_test.yaml")["tests"], ids=lambda case: case["inputPath"]
)
def test_the_health_of_a_recorded_status(case: dict[str, Any]) -> None:
    assert health(read(MODEL_DEPLOYMENT / case["inputPath"])) == case["healthStatus"]


@pytest.mark.parametrize(
    "case",
    read(ACTIONS / "action_test.yaml")["discoveryTests"],
    ids=lambda case: case["inputPath"],
)
def test_the_actions_on_offer_for_a_recorded_status(case: dict[str, Any]) -> None:
    found = discovered(read(ACTIONS / case["inputPath"]))
    assert sorted(found) == sorted(path.parent.name for path in ACTIONS.glob("*/action.lua"))
    assert [{"name": name, **each} for name, each in sorted(found.items())] == case["result"]


@pytest.mark.parametrize(
    "case", read(ACTIONS / "action_test.yaml")["actionTests"], ids=lambda case: case["action"]
)
def test_an_action_changes_the_annotation_alone(case: dict[str, Any]) -> None:
    before = read(ACTIONS / case["inputPath"])
    expected = read(ACTIONS / case["expectedOutputPath"])
    after = act(case["action"], before)
    assert after["metadata"] == expected["metadata"]
    assert expected == {**before, "metadata": expected["metadata"]}
    command = after["metadata"]["annotations"]["serinus.dev/command"]
    assert len(command) <= 256 and command.startswith(f"{case['action']}/")


def test_each_health_has_a_recorded_status() -> None:
    cases = read(MODEL_DEPLOYMENT / "health_test.yaml")["tests"]
    shown = {case["healthStatus"]["status"] for case in cases}
    assert shown == {"Healthy", "Progressing", "Suspended", "Degraded"}
    used = {case["inputPath"] for case in cases}
    assert used == {f"testdata/{path.name}" for path in MODEL_DEPLOYMENT.glob("testdata/*")}


def test_the_config_map_has_the_same_scripts() -> None:
    data = read(CONFIG_MAP)["data"]
    assert data["resource.customizations.health.serinus.dev_ModelDeployment"] == (
        MODEL_DEPLOYMENT / "health.lua"
    ).read_text(encoding="utf-8")
    actions = yaml.safe_load(data["resource.customizations.actions.serinus.dev_ModelDeployment"])
    assert actions["discovery.lua"] == (ACTIONS / "discovery.lua").read_text(encoding="utf-8")
    assert {each["name"]: each["action.lua"] for each in actions["definitions"]} == {
        path.parent.name: path.read_text(encoding="utf-8") for path in ACTIONS.glob("*/action.lua")
    }


def test_a_whole_rollout_as_argo_cd_and_kstatus_see_it() -> None:
    rollout = serving(rollout={"steps": [{"setWeight": 20}, {"pause": {"duration": "1m"}}]})
    seen = []
    for happens in (
        rollout.settle,
        lambda: rollout.apply(B),
        lambda: rollout.judged("Inconclusive").after(3600),
        lambda: rollout.judged("Fail"),
        lambda: rollout.order(f"retry/{B}/1"),
        lambda: rollout.judged("Pass").after(61),
    ):
        happens()
        seen.append((health(live(rollout))["status"], kstatus(live(rollout))))
    assert seen == [
        ("Healthy", "Current"),
        ("Progressing", "InProgress"),
        ("Suspended", "InProgress"),
        ("Degraded", "Failed"),
        ("Progressing", "InProgress"),
        ("Healthy", "Current"),
    ]


def test_a_guarded_revision_is_healthy_and_its_guard_is_ended_or_undone_by_a_click() -> None:
    rollout = serving(rollout={"steps": [{"setWeight": 20}, {"pause": {}}], "guard": {}}).apply(B)
    rollout.after(60)

    def clicked(action: str) -> str:
        return str(act(action, live(rollout))["metadata"]["annotations"]["serinus.dev/command"])

    rollout.order(clicked("promote"))
    assert (health(live(rollout))["status"], kstatus(live(rollout))) == ("Healthy", "Current")
    offered = discovered(live(rollout))
    assert not offered["undo"]["disabled"] and offered["advance"]["disabled"]
    assert clicked("undo").startswith(f"undo/{A}/")
    rollout.order(clicked("promote"))
    assert rollout.status.candidate is None
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_a_step_is_advanced_once_however_often_it_is_clicked() -> None:
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]
    rollout = serving(rollout={"steps": steps}).apply(B).judged("Pass")

    def clicked() -> str:
        return str(act("advance", live(rollout))["metadata"]["annotations"]["serinus.dev/command"])

    first = clicked()
    assert clicked() == first
    rollout.order(first).judged("Pass")
    assert rollout.weight == 50
    assert clicked() != first, "the next step"
    rollout.order(clicked())
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_an_object_that_is_deleted_or_not_read_yet_is_progressing() -> None:
    unread = live(serving())
    unread["metadata"]["generation"] = 2
    assert (health(unread)["status"], kstatus(unread)) == ("Progressing", "InProgress")
    leaving = live(serving())
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert (health(leaving)["status"], kstatus(leaving)) == ("Progressing", "Terminating")


def test_a_first_deployment_offers_nothing_that_the_operator_would_refuse() -> None:
    rollout = SimulatedRollout().pass_once()
    assert rollout.status.candidate and rollout.status.candidate.revision == A
    assert all(each["disabled"] for each in discovered(live(rollout)).values())


def test_the_docs_name_each_action() -> None:
    docs = (MODEL_DEPLOYMENT.parents[4] / "docs/gitops.md").read_text(encoding="utf-8")
    for path in ACTIONS.glob("*/action.lua"):
        assert re.search(rf"`{path.parent.name}`", docs)
