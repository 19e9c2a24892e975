"""The numbered manifests that people start from."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.validation import problems
from serinus.manifests.revision import Revision
from serinus.manifests.routers.replicas import ReplicaRouter

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
IMAGE = "localhost/serinus-model-server:dev"


def manifest(path: Path) -> dict[str, Any]:
    (one,) = yaml.safe_load_all(path.read_text())
    assert (one["apiVersion"], one["kind"]) == ("serinus.dev/v1alpha1", "ModelDeployment")
    return one  # type: ignore[no-any-return]


def test_they_are_numbered_from_one_without_a_gap() -> None:
    numbers = [int(path.name[:2]) for path in EXAMPLES]
    assert numbers == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_is_valid(path: Path) -> None:
    one = manifest(path)
    assert problems("default", one["metadata"]["name"], one["spec"]) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_runs_the_one_image_that_the_example_model_server_is_built_as(path: Path) -> None:
    containers = manifest(path)["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == [IMAGE]


@pytest.mark.parametrize("path", EXAMPLES[1:], ids=lambda path: path.stem)
def test_each_says_in_its_first_line_what_it_is_about(path: Path) -> None:
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize(
    ("before", "after"), [*combinations(EXAMPLES, 2)], ids=lambda path: path.stem
)
def test_each_can_be_applied_over_any_before_it(before: Path, after: Path) -> None:
    stable, candidate = manifest(before), manifest(after)
    assert stable["metadata"] == candidate["metadata"]
    revisions = (Revision.of(stable["spec"], 1), Revision.of(candidate["spec"], 2))
    assert ReplicaRouter().incompatibility(*revisions) is None
