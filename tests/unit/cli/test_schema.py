"""`serinus schema`, as helm's validator of JSON Schema reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.crd import KIND
from serinus.cli.__main__ import main
from tests.cluster import parts
from tests.support.bad_manifests import BadManifest, bad_manifests

ROOT = Path(__file__).parents[3]
EXAMPLES = [
    document
    for path in (*(ROOT / "examples").glob("*.yaml"), ROOT / "examples/kustomize/loan.yaml")
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    if document["kind"] == KIND
]
BY_SCHEMA = (
    *("bad-duration", "unknown-field", "unknown-check-setting"),
    *("unknown-policy", "unknown-preset", "negative-replicas", "no-template", "weight-101"),
    *("name-too-long", "name-starts-with-a-digit"),
)
"""Bad manifests with a field that is unknown, missing, or of another type or form."""


@pytest.fixture
def chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A chart whose values have to be a ModelDeployment."""
    assert main(["schema"]) == 0
    (tmp_path / "values.schema.json").write_text(capsys.readouterr().out, encoding="utf-8")
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: manifest\nversion: 1.0.0\n")
    return tmp_path


def refusal(chart: Path, manifest: dict[str, Any]) -> str:
    """What is said against the manifest; empty if it is valid."""
    values = chart / "manifest.yaml"
    values.write_text(json.dumps(manifest), encoding="utf-8")
    program = parts.clients() / "helm" / "helm"
    done = subprocess.run(
        [program, "template", str(chart), "--values", str(values)],
        text=True,
        capture_output=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("manifest", EXAMPLES, ids=lambda each: each["metadata"]["name"])
def test_the_examples_are_valid(chart: Path, manifest: dict[str, Any]) -> None:
    assert refusal(chart, manifest) == ""


@pytest.mark.parametrize(
    "bad",
    [bad for bad in bad_manifests("apply") if bad.name in BY_SCHEMA],
    ids=lambda bad: bad.name,
)
def test_what_is_misspelt_or_of_another_form_is_marked(chart: Path, bad: BadManifest) -> None:
    assert "don't meet the specifications of the schema" in refusal(chart, bad.model_deployment())


def test_another_kind_is_marked(chart: Path) -> None:
    assert "kind" in refusal(chart, {**EXAMPLES[0], "kind": "Deployment"})
