"""What the README tells a reader to type or to write is right."""

import re
from pathlib import Path

import pytest
import yaml

from serinus.api.spec import Spec
from serinus.plan.commands import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_manifest_is_the_first_example() -> None:
    (manifest,) = blocks("yaml")
    assert manifest == (ROOT / "examples" / "01-first.yaml").read_text()
    Spec.model_validate(yaml.safe_load(manifest)["spec"])


def test_every_make_target_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)\s*(?:#|`)", README))
    assert {"demo", "test", "help"} <= named
    assert named <= TARGETS


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_into_the_repository_leads_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()


def test_every_file_that_a_command_names_exists() -> None:
    shell = "\n".join([*blocks("sh"), *re.findall(r"`(kubectl [^`]+)`", README)])
    files = re.findall(r"(?:-f|install serinus) (\S+)", shell)
    assert len(files) >= 3
    for name in files:
        assert name == "-" or (ROOT / name).exists(), name


def test_no_image_is_run_that_the_reader_has_not_built_before() -> None:
    (ours,) = [block for block in blocks("sh") if "helm install" in block]
    manifest = (ROOT / "examples" / "01-first.yaml").read_text()
    (image,) = re.findall(r"image: (\S+)", manifest)
    (replacement,) = re.findall(rf'sed "s\|{image}\|(\S+)\|" examples/01-first.yaml', ours)
    built, pushed = (
        re.findall(pattern, ours) for pattern in (r"docker build -t (\S+)", r"docker push (\S+)")
    )
    assert replacement in built
    assert "--set image.repository=$registry/serinus --set image.tag=0.1.0" in ours
    assert "$registry/serinus:0.1.0" in built
    assert built == pushed
    assert ours.index(f"docker push {replacement}") < ours.index("kubectl apply")


def test_every_command_by_annotation_is_one_and_all_are_told() -> None:
    table = set(re.findall(r"^\| `([a-z]+)/<", README, re.MULTILINE))
    typed = set(re.findall(r"serinus\.dev/command=([a-z]+)/", README))
    assert typed <= table == set(COMMANDS)


def test_the_helm_values_exist() -> None:
    values = yaml.safe_load((ROOT / "charts" / "serinus" / "values.yaml").read_text())
    for path in re.findall(r"--set ([a-zA-Z.]+)=", README):
        found = values
        for key in path.split("."):
            assert key in found, path
            found = found[key]
