"""What the documents tell a reader to type does what they say."""

import json
import re
import shlex
import shutil
from glob import glob
from pathlib import Path

import pytest
import yaml

from serinus.cli.__main__ import VERBS, main
from serinus.cli.exit_codes import ExitCode
from tests.support.exhaustive import short
from tests.support.replayed import replayed

ROOT = Path(__file__).parents[3]
DOCUMENTS = tuple(
    ROOT / name
    for name in (
        "README.md",
        "docs/cli.md",
        "docs/first-rollout.md",
        "docs/guard.md",
        "docs/simulate.md",
    )
)
BLOCKS = [
    block
    for document in DOCUMENTS
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(), re.DOTALL)
]
COMMANDS = [
    shlex.split(line.partition(" > ")[0], comments=True)[1:]
    for line in "".join(BLOCKS).splitlines()
    if re.match(r"serinus (simulate|replay|lint|schema)", line) and "--prometheus" not in line
]
QUICK = [each for each in COMMANDS if "--compare" not in each]
"""Those that take seconds; `test_comparing.py` compares policies in a short form."""


@pytest.mark.parametrize("arguments", short(COMMANDS, QUICK), ids=" ".join)
def test_a_command_of_the_documents_runs_from_a_checkout(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples/recordings/loan.json.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    few = ["--runs", "1"] if arguments[0] == "simulate" else []
    expanded = [name for word in arguments for name in sorted(glob(word)) or [word]]
    assert main([*expanded, *few]) == 0
    told = capsys.readouterr()
    said = told.out + told.err
    known = ("No problems found", "RolloutStarted", '"$schema"', "as in the manifest")
    assert any(words in said for words in known)


def test_each_verb_is_told_of() -> None:
    assert {arguments[0] for arguments in COMMANDS} == {"lint", "schema", "simulate", "replay"}
    verbs = (ROOT / "docs/cli.md").read_text().partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", verbs, re.MULTILINE)
    assert {verb for row in rows for verb in re.findall(r"`([\w-]+)`", row)} == set(VERBS)


def test_the_exit_codes_of_the_documents_are_those_of_the_command() -> None:
    codes = re.findall(r"^\| (\d) \|", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    assert set(map(int, codes)) == set(ExitCode) - {ExitCode.INTERRUPTED}


def _names_in(data: object) -> set[str]:
    """The keys of objects, also within."""
    if isinstance(data, dict):
        return set(data) | {name for each in data.values() for name in _names_in(each)}
    return {name for each in data for name in _names_in(each)} if isinstance(data, list) else set()


def test_the_fields_for_scripts_are_those_of_the_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = (ROOT / "docs/cli.md").read_text().partition("\n## For scripts\n")[2]
    section = section.partition("\n## ")[0]
    documented = set(re.findall(r"`([\w]+)`", section))
    first = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    columns = {name for row in first for name in re.findall(r"`(\w+)`", row)}
    printed: dict[str, set[str]] = {}
    for state in list(replayed())[1:]:  # in progress, and rolled back
        (tmp_path / "mdep.json").write_text(json.dumps(state))
        for verb in ("get", "explain"):
            assert main([verb, "-f", str(tmp_path / "mdep.json"), "-o", "json"]) == 0
            found = json.loads(capsys.readouterr().out)
            found.pop("conditions", None)  # these are Kubernetes' own
            printed[verb] = printed.get(verb, set()) | set(found)
            assert _names_in(found) <= documented
    assert printed["get"] | printed["explain"] | {"conditions"} == columns


def test_the_hook_of_pre_commit_is_a_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert f"id: {hook['id']}" in (ROOT / "docs/cli.md").read_text()
    assert main([*shlex.split(hook["entry"])[1:], str(ROOT / "examples/01-first.yaml")]) == 0
