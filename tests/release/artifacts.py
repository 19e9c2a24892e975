"""The files of a release, and how each is built."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import yaml

from tests.cluster import cache, parts
from tests.cluster.progress import run, step
from tests.release import images
from tests.release.commits import Commit
from tests.stage.images import Source

CHECKSUMS = "SHA256SUMS"


def build(source: Path, commit: Commit, output: Path) -> None:
    """Build the release of a commit from its files in `source`."""
    output.mkdir(parents=True, exist_ok=True)
    version = yaml.safe_load((source / "charts/serinus/Chart.yaml").read_text())["version"]
    packages(source, commit, output)
    for image, folder in (
        ("serinus", source),
        ("serinus-model-server", source / "examples" / "model-server"),
    ):
        images.write(Source(f"localhost/{image}", folder), version, commit, output)
    write_checksums(output)


def packages(source: Path, commit: Commit, output: Path) -> None:
    """Build the wheel, the source distribution and the chart; copy the CRD."""
    log = cache.logs() / "release.log"
    env = os.environ | {"SOURCE_DATE_EPOCH": str(commit.seconds)}
    hatchling = [sys.executable, "-m", "hatchling", "build", "--directory", str(output)]
    run("building the wheel", hatchling, log, cwd=source, env=env)
    helm = [str(parts.clients() / "helm" / "helm"), "package", f"--destination={output}"]
    run("packaging the chart", [*helm, str(source / "charts" / "serinus")], log)
    for crd in (source / "crds").iterdir():
        shutil.copyfile(crd, output / crd.name)


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files in the folder, as sha256sum does."""
    with step("writing the checksums"):
        lines = [f"{_sha256(file)}  {file.name}\n" for file in sorted(folder.iterdir())]
        (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
