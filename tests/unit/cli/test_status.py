"""The exit codes of `serinus status`, with a kubectl that answers from files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from serinus.cli.__main__ import main
from serinus.cli.exit_codes import OF_OUTCOMES
from serinus.views.outcome import Outcome

KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
case "$*" in
*--watch*) read n < turn; echo $((n + 1)) > turn; cat "event$n" ;;
*) cat object ;;
esac
"""
NOW = "2026-11-25T14:09:22.500Z"
OLD = {"revision": "old", "number": 1, "since": NOW}
NEW = {"revision": "new", "number": 2, "stage": "Stepping", "since": NOW, "progressSince": NOW}
REJECTED = {"revision": "new", "reason": "CheckFailed", "message": "Worse.", "at": NOW}
INVALID = {
    "type": "Stalled",
    "status": "True",
    "reason": "InvalidSpec",
    "message": "Bad.",
    "lastTransitionTime": NOW,
}
STATUSES: dict[str, dict[str, Any]] = {
    "healthy": {"stable": OLD, "phase": "Healthy"},
    "promoted": {"stable": OLD, "phase": "Progressing"},
    "going": {"stable": OLD, "candidate": NEW, "phase": "Progressing"},
    "paused": {"stable": OLD, "candidate": NEW, "phase": "Paused"},
    "rolled back": {"stable": OLD, "rejected": REJECTED, "phase": "Degraded"},
    "stalled": {"stable": OLD, "conditions": [INVALID], "phase": "Degraded"},
}
Reports = Callable[..., None]


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reports:
    """Let the cluster report these states, one per connection."""

    def of(*states: str) -> None:
        for turn, state in enumerate(states):
            found = {
                "kind": "ModelDeployment",
                "metadata": {"name": "loan", "namespace": "shop", "generation": 1},
                "spec": {},
                "status": {"observedGeneration": 1, "message": state, **STATUSES[state]},
            }
            event = {"type": "ADDED", "object": found}
            (tmp_path / "object").write_text(json.dumps(found))
            # kubectl prints events in one line or indented
            indent = 4 if turn % 2 else None
            (tmp_path / f"event{turn}").write_text(f"{json.dumps(event, indent=indent)}\n")
        (tmp_path / "turn").write_text("0\n")

    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return of


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("healthy", 0),
        ("promoted", 0),
        ("rolled back", 1),
        ("paused", 3),
        ("going", 4),
        ("stalled", 5),
    ],
)
def test_the_exit_code_is_the_present_state(
    state: str, code: int, reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    reports(state)
    assert main(["status", "loan"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == state


@pytest.mark.parametrize(
    ("states", "until", "code"),
    [
        (["going", "promoted"], "promoted", 0),
        (["promoted", "healthy"], "healthy", 0),
        (["going", "rolled back"], "promoted", 1),
        (["going", "paused"], "promoted", 3),
        (["going", "paused"], "paused", 0),
        (["going", "rolled back"], "paused", 1),
        (["stalled"], "healthy", 5),
    ],
)
def test_a_wait_ends_with_the_rollout_also_over_a_broken_connection(
    states: list[str],
    until: str,
    code: int,
    reports: Reports,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reports(*states)
    assert main(["status", "loan", "--wait", "--until", until]) == code
    assert capsys.readouterr().out.splitlines()[-1] == states[-1]


@pytest.mark.parametrize(
    ("states", "options", "outcome", "code"),
    [
        (["paused"], [], "Paused", 3),
        (["going", "rolled back"], ["--wait"], "RolledBack", 1),
        (["going"], ["--wait", "--timeout=1s"], "Going", 4),
    ],
)
def test_for_scripts_the_last_state_is_printed_once_with_the_same_exit_code(
    states: list[str],
    options: list[str],
    outcome: str,
    code: int,
    reports: Reports,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reports(*states)
    assert main(["status", "loan", "-o", "json", *options]) == code
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["outcome"], found["message"]) == ("loan", outcome, states[-1])


def test_an_error_of_the_api_server_ends_the_connection_and_not_the_wait(
    reports: Reports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports("going", "promoted")
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    with (tmp_path / "event0").open("a") as events:
        events.write(f"{json.dumps(expired)}\n")
    assert main(["status", "loan", "--wait"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["Progressing", "old"]] * 2


def test_a_name_that_begins_with_a_dash_is_no_flag_of_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/typed\nexit 1\n')
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for verb in (["get"], ["get", "--watch"], ["abort"]):
        assert main([*verb, "-n", "shop", "--", "--kubeconfig=other"]) == 2
    for line in (tmp_path / "typed").read_text().splitlines():
        assert line.endswith(" --namespace=shop -- modeldeployments.serinus.dev --kubeconfig=other")


def test_each_outcome_has_an_exit_code() -> None:
    assert set(OF_OUTCOMES) == set(get_args(Outcome))
