"""docs/migrating: what `serinus convert` makes of the shapes that the tools document."""

from pathlib import Path

import pytest
import yaml

from serinus.cli.__main__ import main
from tests.support.documents import ROOT, fenced, typed

TOOLS = ("argo-rollouts", "flagger", "kserve")


def page(tool: str) -> str:
    return (ROOT / "docs" / "migrating" / f"{tool}.md").read_text("utf-8")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_command_prints_what_the_page_shows(
    tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    command = typed(page(tool))[0].split()
    assert command == ["serinus", "convert", f"examples/migrating/{tool}.yaml"]
    assert main(command[1:]) == 0
    told = capsys.readouterr()
    assert fenced(page(tool), "console") == [told.out + told.err]


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_converted_can_be_applied_once_it_has_an_image(tool: str, tmp_path: Path) -> None:
    shown = fenced(page(tool), "console")[0].replace("IMAGE-OF-THE-MODEL-SERVER", "m:1")
    remarks = ("Rollout loan: ", "Canary loan: ", "InferenceService loan: ")
    lines = shown.splitlines(keepends=True)
    manifest = "".join(line for line in lines if not line.startswith(remarks))
    (tmp_path / "loan.yaml").write_text(manifest)
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0


def test_every_tool_and_every_example_has_its_page() -> None:
    of_examples = {path.stem for path in (ROOT / "examples" / "migrating").iterdir()}
    of_pages = {path.stem for path in (ROOT / "docs" / "migrating").iterdir()} - {"index"}
    assert of_examples == of_pages == set(TOOLS)
    for tool in TOOLS:
        text = (ROOT / "examples" / "migrating" / f"{tool}.yaml").read_text("utf-8")
        assert f"docs/migrating/{tool}.md" in text.splitlines()[0]
        assert all(each["kind"] for each in yaml.safe_load_all(text))
