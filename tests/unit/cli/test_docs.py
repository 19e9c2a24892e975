"""What the documents tell a reader to type does what they say."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from serinus.cli.__main__ import main

ROOT = Path(__file__).parents[3]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs/simulate.md")
BLOCKS = [
    block
    for document in DOCUMENTS
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(), re.DOTALL)
]
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for line in "".join(BLOCKS).splitlines()
    if re.match(r"serinus (simulate|replay)", line) and "--prometheus" not in line
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_of_the_documents_runs_from_a_checkout(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples/recordings/loan.json.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    few = ["--runs", "3"] if arguments[0] == "simulate" else []
    assert main([*arguments, *few]) == 0
    assert "RolloutStarted" in capsys.readouterr().out


def test_both_commands_are_told_of() -> None:
    assert {arguments[0] for arguments in COMMANDS} == {"simulate", "replay"}
