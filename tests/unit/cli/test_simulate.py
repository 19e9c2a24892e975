"""`serinus simulate` as it is typed."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.status import FollowedVersion
from serinus.cli.__main__ import main
from serinus.cli.files import manifest_of
from serinus.manifests.following import resolved
from serinus.manifests.revision import revision_hash
from tests.support.exhaustive import short
from tests.support.registry import CHAMPION

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
ANALYSIS = str(ROOT / "examples/07-analysis.yaml")
SCENARIOS = sorted((ROOT / "examples/scenarios").glob("*.yaml"))
SHORT_ONES = [path for path in SCENARIOS if path.stem != "quiet-night"]
GATEWAY = str(ROOT / "examples/03-gateway.yaml")


def simulated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What it prints for scripts."""
    assert main(["simulate", *arguments, "-o", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def chances(found: dict[str, Any]) -> dict[str, float]:
    return {each["reason"]: each["chance"] for each in found["outcomes"]}


@pytest.mark.parametrize("path", short(EXAMPLES, EXAMPLES[::3]), ids=lambda path: path.stem)
def test_each_example_is_simulated_to_an_end(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analysis = yaml.safe_load(path.read_text())["spec"].get("rollout", {}).get("analysis", {})
    asked = [check["name"] for check in analysis.get("checks", []) if "threshold" in check]
    values = [word for name in asked for word in ("--value", f"{name}=0.8")]
    found = simulated(capsys, "-f", str(path), "--runs", "1", *values)
    assert {each["outcome"] for each in found["outcomes"]} == {"Promoted"}


@pytest.mark.parametrize("path", short(SCENARIOS, SHORT_ONES), ids=lambda path: path.stem)
def test_each_scenario_says_how_it_is_run_and_can_be(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command = path.read_text().splitlines()[1].removeprefix("#").split()
    assert command[:2] == ["serinus", "simulate"]
    found = simulated(capsys, *command[2:], "--runs", "1")
    assert found["runs"] == 1


def test_people_who_try_it_and_approve_it_by_copies_let_it_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = yaml.safe_load(Path(GATEWAY).read_text())
    manifest["spec"]["rollout"] = {
        "steps": [
            {"preview": {"headers": [{"name": "x-try", "value": "yes"}]}},
            {"pause": {}},
            {"mirror": {"percent": 100}},
            {"approval": {}},
            {"setWeight": 50},
        ],
        "analysis": {
            "checks": [{"name": "errors", "errorRate": {}}, {"name": "users", "feedback": {}}]
        },
    }
    path = tmp_path / "tried.yaml"
    path.write_text(yaml.safe_dump(manifest))
    found = simulated(capsys, "-f", str(path), "--runs", "2")
    assert chances(found) == {"Promoted": 1.0}


def test_a_candidate_whose_pods_are_cold_at_first_is_promoted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy, cold = ROOT / "examples/03-gateway.yaml", ROOT / "examples/scenarios/cold-start.yaml"
    found = simulated(capsys, "-f", str(policy), "--scenario", str(cold), "--runs", "2")
    assert chances(found) == {"Promoted": 1.0}


def test_a_model_that_goes_bad_after_its_promotion_is_found_by_the_guard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    guard, bad = (ROOT / "examples" / name for name in ("10-guard.yaml", "scenarios"))
    scenario = str(bad / "bad-after-promotion.yaml")
    found = simulated(capsys, "-f", str(guard), "--scenario", scenario, "--runs", "2")
    assert chances(found) == {"GuardFailed": 1.0}
    reasons = {each["reason"]: each["after"] for each in found["timeline"]}
    assert 3600 < reasons["GuardFailed"] - reasons["Promoted"] < 2 * 3600


def test_a_guard_of_more_than_a_week_is_simulated_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = yaml.safe_load((ROOT / "examples/10-guard.yaml").read_text())
    seldom = {"interval": "6h", "maxStepDuration": "12h"}
    analysis = {**guard["spec"]["rollout"]["analysis"], **seldom}
    guard["spec"]["rollout"] = {"steps": [], "guard": {"duration": "192h"}, "analysis": analysis}
    path = tmp_path / "week.yaml"
    path.write_text(yaml.safe_dump(guard))
    assert chances(simulated(capsys, "-f", str(path), "--runs", "1")) == {"GuardEnded": 1.0}


def test_a_deployment_without_pods_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = yaml.safe_load(Path(GATEWAY).read_text())
    empty["spec"]["replicas"] = 0
    path = tmp_path / "empty.yaml"
    path.write_text(yaml.safe_dump(empty))
    assert main(["simulate", "-f", str(path)]) == 2
    assert "spec.replicas: is 0, so nothing serves" in capsys.readouterr().err


def test_a_worse_candidate_is_rolled_back_with_its_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = simulated(capsys, "-f", GATEWAY, "--candidate-errors", "5%", "--runs", "10")
    assert chances(found)["CheckFailed"] > 0.9
    last = found["timeline"][-1]
    assert (last["reason"], last["weight"]) == ("CheckFailed", 5)
    assert "Check errors: Candidate errors" in last["message"]


def test_misrouted_traffic_holds_the_rollout_and_rolls_nobody_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = str(ROOT / "examples/scenarios/misrouted.yaml")
    found = simulated(capsys, "-f", GATEWAY, "--scenario", scenario, "--runs", "2")
    assert chances(found) == {"TrafficSplitWrong": 1.0}
    assert found["outcomes"][0]["outcome"] == "Held"
    assert "at a weight of " in found["timeline"][-1]["message"]


def test_a_group_that_is_denied_what_others_get_rolls_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = str(ROOT / "examples/scenarios/unfair.yaml")
    found = simulated(capsys, "-f", ANALYSIS, "--scenario", scenario, "--runs", "2")
    last = found["timeline"][-1]
    assert last["reason"] == "CheckFailed"
    assert "Check groups:" in last["message"]


def test_more_requests_of_a_bad_route_roll_nobody_back(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = str(ROOT / "examples/scenarios/other-routes.yaml")
    found = simulated(capsys, "-f", GATEWAY, "--scenario", scenario, "--runs", "2")
    assert chances(found) == {"Promoted": 1.0}
    said = "compared within each route; within the margin"
    assert any(said in each["message"] for each in found["timeline"])


def test_a_new_route_on_which_much_fails_rolls_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stable = {
        "/fast": {"share": "80%", "errors": "0.5%"},
        "/slow": {"share": "20%", "errors": "8%"},
    }
    new = {**stable, "/fast": {"share": "70%"}, "/new": {"share": "10%", "errors": "90%"}}
    scenario = tmp_path / "new.yaml"
    scenario.write_text(
        yaml.safe_dump({"stable": {"routes": stable}, "candidate": {"routes": new}})
    )
    found = simulated(capsys, "-f", GATEWAY, "--scenario", str(scenario), "--runs", "2")
    assert chances(found) == {"CheckFailed": 1.0}
    assert "All requests are compared together" in found["timeline"][-1]["message"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"stable": {"routes": {"/a": {"share": "50%"}}}},
            "the shares of the routes must add up to 100%",
        ),
        (
            {
                "stable": {"routes": {"/a": {"share": "100%", "errors": "2%"}}},
                "candidate": {"errors": "5%"},
            },
            "candidate.errors: differs by route, so set it in the routes",
        ),
    ],
    ids=["sum", "errors"],
)
def test_routes_that_make_no_sense_are_refused(
    change: dict[str, Any], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(yaml.safe_dump(change))
    assert main(["simulate", "-f", GATEWAY, "--scenario", str(scenario)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"denied": {"c": "50%"}}, "denied: c is not one of the groups"),
        ({"groups": {"a": "50%"}}, "the shares of the groups must add up to 100%"),
        ({"classes": {"yes": "60%", "no": "40%"}}, "none of the scenario's classes is favourable"),
    ],
    ids=str,
)
def test_groups_that_make_no_sense_are_refused(
    change: dict[str, Any], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(yaml.safe_dump({"stable": change, "values": {"memory": 1}}))
    assert main(["simulate", "-f", ANALYSIS, "--scenario", str(scenario)]) == 2
    assert sentence in capsys.readouterr().err


def test_errors_that_come_in_bursts_roll_no_equal_candidate_back_and_are_told_beforehand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = str(ROOT / "examples/scenarios/bursts.yaml")
    found = simulated(capsys, "-f", GATEWAY, "--scenario", scenario, "--runs", "3")
    assert "CheckFailed" not in chances(found)
    [told] = [moment for moment in found["timeline"] if moment["reason"] == "Baseline"]
    assert "Check errors: Stable's counts came in bursts" in told["message"]
    assert "At today's traffic, a candidate as good as stable passes in about " in told["message"]


def test_an_equal_candidate_climbs_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    found = simulated(capsys, "-f", GATEWAY, "--runs", "1")
    reasons = [each["reason"] for each in found["timeline"]]
    assert [r for r in reasons if r in ("WeightRaised", "Promoting", "Promoted")] == [
        *("WeightRaised", "WeightRaised", "Promoting", "Promoted"),
    ]


@pytest.fixture
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rollouts instead of fifty, so that few are more than one batch."""
    monkeypatch.setattr("serinus.cli.simulate._BATCH", 2)


@pytest.mark.usefixtures("_few_at_once")
def test_a_seed_tells_the_same_story_whatever_the_number_of_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = ("-f", GATEWAY, "--candidate-errors", "20%")  # which ends soon
    first = simulated(capsys, *bad, "--runs", "1", "--seed", "7")
    again = simulated(capsys, *bad, "--runs", "3", "--seed", "7")
    other = simulated(capsys, *bad, "--runs", "1", "--seed", "8")
    assert first["timeline"] == again["timeline"] != other["timeline"]


def test_the_document_shows_the_timeline_that_is_really_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = (ROOT / "docs/simulate.md").read_text()
    command, shown = re.findall(
        r"serinus (simulate [^\n]*) --runs 1000\n```\n\n```console\n(.*?)\n1000 rollouts",
        document,
        re.DOTALL,
    )[0]
    arguments = command.replace("examples/", f"{ROOT}/examples/").split()
    assert main([*arguments, "--runs", "1"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    parts = [" ".join(part.split()) for part in shown.split("…")]
    assert len(parts) == 2
    for part in parts:
        assert part in printed


def test_people_get_a_timeline_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "-f", GATEWAY, "--scenario", "random", "--runs", "4"]) == 0
    told = capsys.readouterr().out
    assert "RolloutStarted" in told
    assert "as good as stable" in told
    assert "differ from stable" in told


@pytest.mark.usefixtures("_few_at_once")
def test_a_terminal_shows_how_many_rollouts_are_done_and_a_pipe_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["simulate", "-f", GATEWAY, "--candidate-errors", "20%", "--runs", "3"]
    assert main(arguments) == 0
    piped = capsys.readouterr()
    assert not piped.err

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.out == piped.out
    *lines, after = shown.err.split("\r\033[K")
    assert lines == ["", *(f"{done} of 3 rollouts" for done in (0, 2, 3))]
    assert not after  # nothing is left before the result


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-f", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (
            ["-f", GATEWAY, "--stable-errors", "5"],
            "scenario.stable.errors: '5' is not a percentage",
        ),
        (["-f", GATEWAY, "--requests-per-second", "0"], "scenario.requestsPerSecond"),
        (["-f", GATEWAY, "--value", "slow"], "write it like slow=0.3"),
        (
            ["-f", ANALYSIS, "--value", "memory=1", "--value", "mem=2"],
            f"--value mem: no threshold check of {ANALYSIS} has this name; there are: memory",
        ),
        (["-f", GATEWAY, "--value", "errors=1"], "has this name; there is none"),
        (["-f", ANALYSIS], "values.memory: is required"),
        (["-f", str(ROOT / "examples/05-threshold.yaml")], "values.approved: is required"),
        (["-f", str(ROOT / "examples/scenarios/quiet-night.yaml")], "exactly one is required"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_used_is_refused_with_its_field(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("replicas: many", "spec.replicas"),
        ("nonsense: 1", "spec.nonsense: is an unknown field"),
        ("rollout: {analysis: {interval: 1h}}", "spec.rollout.analysis.maxStepDuration"),
        ("model: {storageUri: 'pvc:'}", "spec.model.storageUri"),
        ("template: {spec: {containers: {}}}", "spec.template.spec.containers"),
        ("template: {}", "spec.template.spec: is required"),
    ],
)
def test_a_manifest_is_refused_as_the_operator_would(
    change: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "bad.yaml"
    template = "{spec: {containers: [{name: m, image: i, ports: [{containerPort: 80}]}]}}"
    lines = ["kind: ModelDeployment", "metadata: {name: loan}", "spec:"]
    if not change.startswith("template"):
        lines.append(f"  template: {template}")
    manifest.write_text("\n".join([*lines, f"  {change}", ""]))
    assert main(["simulate", "-f", str(manifest)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["Istio", "MLServer", "TensorFlowServing"])
def test_a_preset_is_simulated_with_its_servers_counters_and_units(
    preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = yaml.safe_load(Path(GATEWAY).read_text())
    manifest["spec"]["rollout"]["analysis"] = {"preset": preset}
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    scenario = {"candidate": {"latency": {"median": "300ms"}}}
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(scenario))
    files = ("-f", str(tmp_path / "manifest.yaml"), "--scenario", str(tmp_path / "scenario.yaml"))
    last = simulated(capsys, *files, "--runs", "1")["timeline"][-1]
    assert last["reason"] == "CheckFailed"
    assert re.search(r"Check slow: Slower than (100|250|500)ms: candidate ", last["message"])


def test_simulated_requests_have_the_labels_that_the_analysis_compares_within(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = yaml.safe_load(Path(GATEWAY).read_text())
    manifest["spec"]["rollout"].setdefault("analysis", {})["stratify"] = ["route", "tenant"]
    path = tmp_path / "routes.yaml"
    path.write_text(yaml.safe_dump(manifest))
    found = simulated(capsys, "-f", str(path), "--runs", "3")
    assert {each["outcome"] for each in found["outcomes"]} == {"Promoted"}


def audited(tmp_path: Path) -> str:
    """The example, with a limit that is audited."""
    manifest = yaml.safe_load(Path(GATEWAY).read_text())
    limit = {"name": "limit", "mode": "Audit", "errorRate": {"limit": "0.2%"}}
    manifest["spec"]["rollout"]["analysis"]["checks"].append(limit)
    path = tmp_path / "audited.yaml"
    path.write_text(yaml.safe_dump(manifest))
    return str(path)


def test_a_check_in_audit_mode_is_counted_and_decides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = simulated(capsys, "-f", audited(tmp_path), "--runs", "4")
    assert chances(found) == {"Promoted": 1.0}
    [limit] = found["audits"]
    assert (limit["check"], limit["runs"], limit["chance"]) == ("limit", 4, 1.0)
    assert "Check limit (audit) would have rolled back at " in found["timeline"][-1]["message"]
    assert main(["simulate", "-f", audited(tmp_path), "--runs", "4"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^limit +100.0% \(51.0% to 100.0%\) ", text, re.MULTILINE)
    assert re.search(r"Fail +limit \(audit\): Candidate errors", text)


@pytest.mark.parametrize(
    ("written", "option"),
    [("values: 3\n", "--value=memory=1"), ("stable: 5\n", "--stable-errors=1%")],
)
def test_a_scenario_of_other_types_is_refused_also_with_options_for_the_same_field(
    written: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenario.yaml").write_text(written)
    scenario = str(tmp_path / "scenario.yaml")
    assert main(["simulate", "-f", ANALYSIS, "--scenario", scenario, option]) == 2
    field = written.partition(":")[0]
    assert f"{scenario}: scenario.{field}: must be" in capsys.readouterr().err


def test_a_spec_that_follows_a_registry_has_the_revision_of_what_its_status_names() -> None:
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    spec = {"model": CHAMPION, "template": {"spec": {"containers": [container]}}}
    known = FollowedVersion(
        registry="company",
        model="fraud",
        alias="champion",
        version="4",
        storage_uri="models:/fraud/4",
        digest="sha256:4",
        since=0,
    )
    live = {"metadata": {"name": "fraud"}, "spec": spec, "status": {"model": known.to_json()}}
    given = manifest_of(live, "fraud.yaml")
    assert given.revision == revision_hash("fraud", resolved(spec, known))
    assert given.version == "4"
