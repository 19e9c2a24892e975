"""What kubectl and shells complete."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serinus.cli.__main__ import VERBS
from serinus.cli.completion import candidates, main

ROOT = Path(__file__).parents[3]
KUBECTL = """#!/bin/sh
case "$*" in
"get "*" -n shop -- modeldeployments.serinus.dev") ;;
"get "*" --namespace=shop -- modeldeployments.serinus.dev") ;;
*) exit 1 ;;
esac
echo '{"items": [{"metadata": {"name": "loan"}}, {"metadata": {"name": "fraud"}}]}'
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with two ModelDeployments in the namespace shop."""
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], list(VERBS)),
        (["a"], ["advance", "approve", "abort"]),
        (
            ["status", "--"],
            ["--help", "--namespace", "--context", "--wait", "--until", "--timeout", "--output"],
        ),
        (["status", "--until", "p"], ["paused", "promoted"]),
        (["get", "-o", ""], ["json", "yaml", "name"]),
        (["version", ""], []),
        (["nonsense", ""], []),
        (["lint", "exa"], None),
        (["get", "-f", ""], None),
    ],
    ids=str,
)
def test_verbs_options_and_values_are_completed(words: list[str], found: list[str] | None) -> None:
    assert candidates(words) == found


@pytest.mark.usefixtures("kubectl")
def test_names_are_those_of_the_namespace() -> None:
    assert candidates(["abort", "-n", "shop", ""]) == ["loan", "fraud"]
    assert candidates(["abort", "-n", "shop", "l"]) == ["loan"]
    assert candidates(["abort", "--namespace=shop", "f"]) == ["fraud"]
    assert candidates(["abort", ""]) == []


def test_a_cluster_that_cannot_be_reached_completes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["kubectl_complete-serinus", "abort", ""])
    assert main() == 0
    assert capsys.readouterr().out == ":4\n"


def test_bash_completes_by_the_lines_of_the_documents(tmp_path: Path) -> None:
    [lines] = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/cli.md").read_text(), re.DOTALL)
    program = tmp_path / "kubectl_complete-serinus"
    run = "import sys; from serinus.cli.completion import main; sys.exit(main())"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c {json.dumps(run)} "$@"\n')
    program.chmod(0o755)
    typed = 'COMP_WORDS=(serinus pro) COMP_CWORD=1; _serinus; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{lines}\n{typed}"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT / "operator")},
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == "promote\n"
