"""What the README tells a reader to type or to write is right."""

import os
import re
import shlex
import subprocess
from html import unescape
from pathlib import Path

import yaml

from serinus import __version__
from serinus.api.spec import Spec
from serinus.plan.commands import COMMANDS
from tests.demo import film

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
    assert {"demo", "test"} <= named
    assert named <= TARGETS


def test_every_file_that_a_command_names_exists() -> None:
    shell = "\n".join([*blocks("sh"), *re.findall(r"`(kubectl [^`]+)`", README)])
    files = re.findall(r"(?:-f|--recording|install serinus) (\S+)", shell)
    assert len(files) >= 4
    for name in files:
        assert name == "-" or (ROOT / name).exists(), name


def test_the_images_are_built_pushed_and_named_as_the_next_commands_do(tmp_path: Path) -> None:
    (ours,) = [block for block in blocks("sh") if "helm install" in block]
    make, helm, *others = ours.splitlines()
    engine = tmp_path / "docker"
    engine.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/typed\n')
    engine.chmod(0o755)
    command = [*shlex.split(make, comments=True), f"ENGINE={engine}", "--no-print-directory"]
    # as a reader's shell, not one of make
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=ROOT, env=outside, text=True, capture_output=True, check=True
    )
    typed = (tmp_path / "typed").read_text()
    built, pushed = (re.findall(p, typed) for p in (r"build -t (\S+)", r"push (\S+)"))
    assert built == pushed
    assert done.stdout.splitlines()[-1] == helm
    (model,) = set(re.findall(r"registry[\w.:/-]+/serinus-model-server:[\w.]+", "\n".join(others)))
    assert model in built
    (image,) = re.findall(r"image: (\S+)", (ROOT / "examples" / "01-first.yaml").read_text())
    assert f'sed "s|{image}|{model}|" examples/01-first.yaml | kubectl apply -f -' in others
    (operator,) = re.findall(r"image.repository=(\S+)", helm)
    assert f"{operator}:{__version__}" in built
    refused = subprocess.run(
        ["make", "images"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert refused.returncode != 0
    assert "make images REGISTRY=" in refused.stderr


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= 920


def test_the_picture_shows_both_rollbacks_in_words_of_today() -> None:
    picture = unescape((ROOT / "docs" / "rollback.svg").read_text())
    for check in ("errors", "drift"):
        assert f"CheckFailed: Check {check}: " in picture
    assert "False-alarm risk at most 1% per rollout, all looks and checks included." in picture


def test_the_film_of_a_watch_shows_what_is_printed_today() -> None:
    assert film.PICTURE.read_text(encoding="utf-8") == film.text(), "run make generate"
    first, *_, last = film.frames()
    assert "default/loan: Progressing" in first
    assert "default/loan: RolledBack" in last
    assert any("CheckFailed" in line and "Check drift: " in line for line in last)


def test_every_command_by_annotation_is_one_and_all_are_told() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    table = set(re.findall(r"^\| `([a-z]+)/<", runbook, re.MULTILINE))
    typed = set(re.findall(r"serinus\.dev/command=([a-z]+)/", runbook))
    assert typed <= table == set(COMMANDS)


def test_the_helm_values_exist() -> None:
    values = yaml.safe_load((ROOT / "charts" / "serinus" / "values.yaml").read_text())
    for path in re.findall(r"--set ([a-zA-Z.]+)=", README):
        found = values
        for key in path.split("."):
            assert key in found, path
            found = found[key]
