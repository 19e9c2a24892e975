"""The command as a whole: what it needs, and what it imports."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from serinus.cli.__main__ import VERBS, fill, main

ROOT = Path(__file__).parents[3]
BLOCKED = """
import sys
for name in ("aiohttp", "kopf", "kubernetes"):
    sys.modules[name] = None
from serinus.cli.__main__ import VERBS, main
for verb in VERBS:
    try:
        main([verb, "--help"])
    except SystemExit:
        pass
sys.exit(main(["simulate", "-f", "examples/03-gateway.yaml", "--runs", "1"]))
"""
WITHOUT_THE_PAGE = """
import sys
sys.modules["jinja2"] = None
from serinus.cli.__main__ import main
sys.exit(main(["dashboard"]))
"""
HELP = """
import sys
from serinus.cli.__main__ import main
try:
    main(["--help"])
finally:
    slow = {"pydantic", "yaml", "serinus.api", "requests"} & set(sys.modules)
    assert not slow, slow
"""
WITHOUT_LIMITS = """
import sys
from serinus.cli.__main__ import main
code = main(["lint", "examples/03-gateway.yaml"])
assert "cel" not in sys.modules
sys.exit(code)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    there = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    return subprocess.run(command, cwd=ROOT, env=there, text=True, capture_output=True, check=False)


def test_no_verb_needs_what_only_the_operator_needs() -> None:
    done = run(BLOCKED)
    assert done.returncode == 0, done.stderr
    assert "RolloutStarted" in done.stdout


def test_the_page_says_how_it_is_installed() -> None:
    done = run(WITHOUT_THE_PAGE)
    assert (done.returncode, "pip install 'serinus[dashboard]'" in done.stderr) == (2, True)
    assert "jinja2 is not installed" in done.stderr


def test_help_is_printed_before_anything_slow_is_imported() -> None:
    done = run(HELP)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^    ([\w-]+)", done.stdout, re.MULTILINE)) == set(VERBS)


def test_what_evaluates_limits_is_imported_for_those_who_have_some() -> None:
    done = run(WITHOUT_LIMITS)
    assert done.returncode == 0, done.stderr


def choices_of_output(verb: str) -> tuple[str, ...] | None:
    """None: the verb prints nothing for scripts."""
    command = argparse.ArgumentParser()
    fill(command, verb)
    options = {name: each for each in command._actions for name in each.option_strings}
    return tuple(options["-o"].choices or ()) if "-o" in options else None


def test_verbs_print_the_same_forms_for_scripts_and_names_of_what_has_names() -> None:
    found = {verb: choices for verb in VERBS if (choices := choices_of_output(verb)) is not None}
    data = ("check-metrics", "explain", "history", "replay", "simulate", "status")
    assert found == {
        **dict.fromkeys(("get", "list"), ("json", "yaml", "name")),
        **dict.fromkeys(data, ("json", "yaml")),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "-f", "examples/03-gateway.yaml", "--runs", "2"],
        ["replay", "--recording", "examples/recordings/loan.json.gz"],
        ["check-metrics", "tests/unit/views/scrapes/fastapi-instrumentator.txt"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_yaml_is_the_same_data_as_json(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = main([*arguments, "-o", "json"])
    as_json = json.loads(capsys.readouterr().out)
    assert main([*arguments, "-o", "yaml"]) == code
    assert yaml.safe_load(capsys.readouterr().out) == as_json


def test_without_kubectl_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for arguments in (["get", "loan"], ["status", "loan", "--wait"], ["get", "loan", "--watch"]):
        assert main(arguments) == 2
        assert "kubectl cannot be run (No such file or directory): install it" in (
            capsys.readouterr().err
        )


KUBECTL_WITHOUT_A_CLUSTER = """\
#!/bin/sh
echo 'E1127 11:35:15.188320   17724 memcache.go:265] "Unhandled Error" err="dial tcp"' >&2
echo 'The connection to the server localhost:8080 was refused' >&2
exit 1
"""


def test_what_kubectl_logs_is_left_out_of_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "kubectl").write_text(KUBECTL_WITHOUT_A_CLUSTER)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert main(["get", "loan"]) == 2
    said = capsys.readouterr().err
    assert said == "serinus: kubectl: The connection to the server localhost:8080 was refused\n"


def test_without_a_verb_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: serinus ")


def test_the_version_is_printed_as_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    version = capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, version)


def test_a_misspelt_verb_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, said in (
        ("lnit", "'lnit' is not a command; did you mean list or lint?"),
        ("xyzzy", "'xyzzy'"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([verb])
        assert (ended.value.code, said in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize("port", ["99999999", "-1", "http"])
def test_a_port_that_does_not_exist_is_refused(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dashboard", f"--port={port}"])
    told = f"argument --port: '{port}' is not a number from 0 to 65535"
    assert (ended.value.code, told in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize("option", ["--until=paused", "--timeout=5m"])
def test_options_of_the_wait_are_refused_without_it(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "loan", option]) == 2
    assert "requires --wait" in capsys.readouterr().err
