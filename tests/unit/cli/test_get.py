"""`serinus get`, `list` and `explain` of what kubectl printed."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cli.__main__ import main
from tests.support.replayed import replayed

ROOT = Path(__file__).parents[3]
NOW = "2026-11-25T14:09:22.500Z"
LOAN: dict[str, Any] = {
    "apiVersion": "serinus.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "loan", "namespace": "shop"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
                ]
            }
        },
        "rollout": {"steps": [{"setWeight": 5}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]},
    },
    "status": {
        "phase": "Progressing",
        "message": "Revision awktgxhs: step 1 of 3, weight 5%.",
        "stable": {"revision": "a7k2m9qx", "number": 1, "readyReplicas": 4, "since": NOW},
        "candidate": {
            "revision": "awktgxhs",
            "version": "v2",
            "number": 2,
            "stage": "Stepping",
            "weight": {"wanted": 5, "actual": 0},
            "readyReplicas": 1,
            "since": NOW,
            "progressSince": NOW,
            "hold": {"reason": "AwaitingVerdict", "message": "errors: 3/51.", "since": NOW},
            "checks": [
                {
                    "name": "errors",
                    "kind": "errorRate",
                    "verdict": "Inconclusive",
                    "message": "Candidate errors 3/51 (5.9%).",
                    "state": {"candidate": {"requests": 51}, "stable": {"requests": 970}},
                }
            ],
        },
        "decisions": [
            {"at": NOW, "reason": "WeightRaised", "revision": "awktgxhs", "message": "0% -> 5%."}
        ],
    },
}


def written(tmp_path: Path, *documents: dict[str, Any]) -> str:
    path = tmp_path / "mdep.json"
    path.write_text(json.dumps({"kind": "List", "items": documents}))
    return str(path)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 0
    return capsys.readouterr().out


def test_one_is_shown_with_arms_steps_checks_and_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "get", "-f", written(tmp_path, LOAN))
    assert text.startswith("shop/loan: Progressing\nRevision awktgxhs: step 1 of 3, weight 5%.")
    blocks = text.split("\n\n")
    assert [block.split("\n")[0].split()[0] for block in blocks[1:]] == [
        *("ROLE", "STEPS", "WAITING", "CHECK", "DECIDED"),
    ]
    assert "0% of 5%" in text and "→ 5%" in text and "  pause at 5% for 1h" in text
    assert "errors   Inconclusive   51" in text and "Candidate errors 3/51" in text
    assert "AwaitingVerdict" in text and "WeightRaised" in text


def test_a_job_that_a_command_skipped_has_no_check_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passed_by = json.loads(json.dumps(LOAN))
    passed_by["spec"]["rollout"]["steps"].insert(
        0, {"job": {"template": {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}}}
    )
    passed_by["status"]["candidate"] |= {"step": 1, "skipped": [0]}
    text = printed(capsys, "get", "-f", written(tmp_path, passed_by))
    assert "  - job at 0%: skipped\n" in text and "step 1 of 3" in text


def test_several_are_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**LOAN, "metadata": {"name": "fraud"}, "status": {}}
    text = printed(capsys, "list", "-f", written(tmp_path, LOAN, other))
    heads, loan, fraud = (line.split() for line in text.splitlines())
    assert heads == ["NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "MESSAGE"]
    assert loan[:6] == ["loan", "Progressing", "a7k2m9qx", "v2", "0->5%", "1/3"]
    assert " ".join(fraud).startswith("fraud Progressing - - - - No operator has acted on it yet")
    named = printed(capsys, "list", "-f", written(tmp_path, LOAN, other), "-o", "name")
    assert named.split() == [f"modeldeployment.serinus.dev/{name}" for name in ("loan", "fraud")]


def test_scripts_read_the_same_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, LOAN)
    found = json.loads(printed(capsys, "get", "loan", "-f", path, "-o", "json"))
    assert (found["namespace"], found["name"], found["wanted"]) == ("shop", "loan", 5)
    assert found["candidate"]["weight"] == 0
    assert [step["state"] for step in found["steps"]] == ["current", "pending", "pending"]
    assert found["checks"][0]["candidate"] == 51
    assert found["decisions"][0]["at"] == NOW
    listed = yaml.safe_load(printed(capsys, "list", "-f", path, "-o", "yaml"))
    assert [each["name"] for each in listed] == ["loan"]


def test_what_this_version_cannot_read_does_not_hide_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = json.loads(json.dumps(LOAN))
    newer["spec"]["rollout"]["steps"] = "by the moon"
    newer["status"]["candidate"]["checks"][0]["verdict"] = "Perhaps"
    text = printed(capsys, "get", "-f", written(tmp_path, newer))
    assert "awktgxhs" in text and "Perhaps" not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["get", "fraud"], "contains no ModelDeployment fraud"),
        (["get", "loan", "--watch"], "--watch: requires NAME, and cannot be used with -f"),
        (["list", "-n", "shop"], "-f: cannot be used with --namespace"),
        (["get", "loan", "--context", "shop"], "-f: cannot be used with --namespace or --context"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_refused(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "-f", written(tmp_path, LOAN)]) == 2
    assert told in capsys.readouterr().err


def test_only_a_terminal_gets_colours_and_wrapped_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LOAN)
    plain = printed(capsys, "list", "-f", path)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(capsys, "list", "-f", path)
    assert "\033[36mProgressing\033[0m" in coloured and "\033" not in plain
    assert len(coloured.splitlines()) > len(plain.splitlines()) == 2
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in printed(capsys, "list", "-f", path)


def test_a_rollback_is_explained_by_its_counts_bounds_and_weight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = json.loads(
        gzip.decompress((ROOT / "examples/recordings/loan.json.gz").read_bytes())
    )
    text = printed(capsys, "explain", "-f", written(tmp_path, recording["modelDeployment"]))
    assert "Revision b6cmwhrtwnw9f2sz against stable bzq4bbpv64djv2jt" in text
    assert "ended after 19s" in text
    first, last = (line.split() for line in text.splitlines() if re.match(r"\d+s ", line))
    assert first[:3] == ["0s", "0%", "RolloutStarted"]
    assert last[:3] == ["19s", "20%", "CheckFailed"]
    assert {"22/168", "426/679", "(1.25"} <= set(last)


def test_a_rollback_is_explained_to_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, state = replayed()
    state["metadata"]["generation"] = state["status"]["observedGeneration"]
    path = written(tmp_path, state)
    found = json.loads(printed(capsys, "explain", "-f", path, "-o", "json"))
    rejected = state["status"]["rejected"]["revision"]
    assert (found["outcome"], found["rollout"]["revision"]) == ("RolledBack", rejected)
    assert [each["reason"] for each in found["rollout"]["moments"]][-1] == "CheckFailed"
    assert [each["command"].split()[:3] for each in found["remedies"]] == [
        ["serinus", "retry", "loan"]
    ]
    before = json.loads(
        printed(capsys, "explain", "-f", written(tmp_path, {**LOAN, "status": {}}), "-o", "json")
    )
    assert (before["rollout"], before["checks"], before["remedies"]) == (None, [], [])


@pytest.mark.parametrize(
    ("reason", "verbs"),
    [
        ("AwaitingCommand", ["advance", "promote", "abort"]),
        ("PausedBySpec", ["resume", "promote", "abort"]),
        ("AwaitingApproval", ["approve", "abort"]),
    ],
)
def test_a_paused_rollout_is_explained_with_the_verbs_that_end_the_pause(
    reason: str, verbs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paused = json.loads(json.dumps(LOAN))
    paused["status"]["phase"] = "Paused"
    paused["status"]["candidate"]["hold"]["reason"] = reason
    text = printed(capsys, "explain", "-f", written(tmp_path, paused))
    assert re.findall(r"serinus (.*)", text) == [f"{verb} loan --namespace=shop" for verb in verbs]


@pytest.mark.parametrize("verb", ["get", "explain"])
def test_that_pods_of_one_revision_run_different_images_is_shown_with_what_to_type(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = json.loads(json.dumps(LOAN))
    found = {"type": "ImagesDiffer", "status": "True", "reason": "ImagesDiffer"}
    told = {"message": "Pods of revision a7k2m9qx run different images.", "lastTransitionTime": NOW}
    mixed["status"].setdefault("conditions", []).append({**found, **told})
    text = printed(capsys, verb, "-f", written(tmp_path, mixed))
    assert "ImagesDiffer=True: Pods of revision a7k2m9qx run different images." in text
    which = "See which pod runs which image: kubectl describe pods --namespace=shop"
    assert (which in text) is (verb == "explain")


def test_a_candidate_whose_traffic_is_withdrawn_is_explained_with_what_ends_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = json.loads(json.dumps(LOAN))
    silent["status"]["phase"] = "Degraded"
    silent["status"]["candidate"]["hold"]["reason"] = "CandidateSilent"
    silent["status"]["candidate"]["withdrawn"] = {"since": NOW, "weight": 5, "policy": "x"}
    text = printed(capsys, "explain", "-f", written(tmp_path, silent))
    verbs = ("advance", "abort")
    assert re.findall(r"serinus (.*)", text) == [f"{verb} loan --namespace=shop" for verb in verbs]


@pytest.mark.parametrize("verb", ["list", "get", "explain"])
def test_control_characters_of_a_status_do_not_reach_the_terminal(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "Class \033]0;owned\007 is new.\r\x9b2J"
    evil = {**LOAN, "status": {**LOAN["status"], "message": told}}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    text = printed(capsys, verb, "-f", written(tmp_path, evil))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert r"\x1b]0;owned\x07" in text


@pytest.mark.parametrize(
    "odd",
    [{"metadata": []}, {"metadata": {"name": 5, "generation": "a"}}, {"spec": [1]}, {"status": 5}],
    ids=str,
)
def test_an_object_of_other_types_is_shown_as_far_as_it_can_be_read(
    odd: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, "get", "-f", written(tmp_path, {**LOAN, **odd}))


def test_a_check_in_audit_mode_is_marked_and_says_what_it_would_have_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audited = json.loads(json.dumps(LOAN))
    [check] = audited["status"]["candidate"]["checks"]
    check |= {"mode": "Audit", "verdict": "Fail", "firstFail": {"at": NOW, "weight": 5}}
    path = written(tmp_path, audited)
    would = "Would have rolled back at 5%, after "
    text = printed(capsys, "get", "-f", path)
    assert "errors (audit)   Fail" in text and would in text
    assert f"errors (audit): Fail. {would}" in printed(capsys, "explain", "-f", path)
    [found] = json.loads(printed(capsys, "get", "-f", path, "-o", "json"))["checks"]
    assert (found["mode"], found["wouldHave"][:22]) == ("Audit", "would have rolled back")


def test_explain_calls_the_revisions_of_a_guard_as_get_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guarded = json.loads(json.dumps(LOAN))
    guarding = {"since": NOW, "until": "2026-11-26T14:09:22.500Z"}
    guarded["status"]["candidate"] |= {"stage": "Guarded", "guarding": guarding}
    guarded["status"]["timeline"] = {"revision": "awktgxhs", "stable": "a7k2m9qx", "since": NOW}
    text = printed(capsys, "explain", "-f", written(tmp_path, guarded))
    assert "Revision awktgxhs against the previous revision a7k2m9qx, from " in text
    assert "the candidate is the promoted revision, and stable the previous one." in text
    del guarded["status"]["candidate"]["guarding"]
    guarded["status"]["candidate"]["stage"] = "Stepping"
    text = printed(capsys, "explain", "-f", written(tmp_path, guarded))
    assert "Revision awktgxhs against stable a7k2m9qx, from " in text
    assert "previous" not in text


def test_an_empty_list_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho '{\"items\": []}'\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert main(["list"]) == 0
    assert "in this namespace; -A lists all namespaces" in capsys.readouterr().err
    assert main(["list", "-A"]) == 0
    assert capsys.readouterr().err == "No ModelDeployments found.\n"


def test_a_list_begins_with_what_needs_a_person_and_scripts_get_the_order_of_kubectl(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = []
    for name, phase in (("a", "Progressing"), ("b", "Degraded"), ("c", "Progressing")):
        item = json.loads(json.dumps(LOAN))
        item["metadata"]["name"], item["status"]["phase"] = name, phase
        items.append(item)
    path = written(tmp_path, *items)
    lines = printed(capsys, "list", "-f", path).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["b", "a", "c"]
    found = json.loads(printed(capsys, "list", "-f", path, "-o", "json"))
    assert [each["name"] for each in found] == ["a", "b", "c"]


def test_yaml_that_is_nested_too_deep_is_told_with_its_line_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text(f"kind: ModelDeployment\nspec: {'[' * 150}{']' * 150}\n")
    assert main(["get", "-f", str(path)]) == 2
    told = f"serinus: {path}:2: is not valid YAML: it is nested more than 100 levels deep\n"
    assert capsys.readouterr().err == told
