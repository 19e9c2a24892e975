"""The files of a release: the images run, and a second build has the same bytes.

`make test` has its parts in tests/unit/test_release.py, and both images in tests/e2e.
"""

import filecmp
import hashlib
import json
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pytest

from serinus import __version__
from tests.cluster import parts
from tests.integration.conftest import kubectl
from tests.release import artifacts, commits, images
from tests.release.__main__ import FOLDER, main
from tests.stage.images import Source
from tests.support.repositories import repository_of_this_checkout

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "releasing.md").read_text()
CHART = ROOT / "charts" / "serinus"
OPERATOR = f"serinus-{__version__}.oci.tar"
MODEL = f"serinus-model-server-{__version__}.oci.tar"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository_of_this_checkout(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def release(repository: Path) -> Iterator[Path]:
    """The folder of a release, removed afterwards: it is large."""
    with tempfile.TemporaryDirectory() as folder:
        assert main(["--output", folder], repository) == 0
        yield Path(folder)


@contextmanager
def layers(archive: Path) -> Iterator[tuple[dict[str, Any], list[tarfile.TarFile]]]:
    """What the image in an oci-archive runs, and its layers."""
    with ExitStack() as opened:
        tar = opened.enter_context(tarfile.open(archive))
        (image,) = json.load(member(tar, "index.json"))["manifests"]
        manifest = json.load(blob(tar, image))
        config = json.load(blob(tar, manifest["config"]))
        assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
        yield (
            config["config"],
            [
                opened.enter_context(tarfile.open(fileobj=blob(tar, layer)))
                for layer in manifest["layers"]
            ],
        )


def blob(tar: tarfile.TarFile, described: dict[str, Any]) -> IO[bytes]:
    return member(tar, f"blobs/{described['digest'].replace(':', '/')}")


def member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    content = tar.extractfile(name)
    assert content is not None, name
    return content


def run(archive: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the image's entry point in its own root, as the user and with the variables it names."""
    with layers(archive) as (image, opened), tempfile.TemporaryDirectory() as root:
        for layer in opened:
            content = cast(IO[bytes], layer.fileobj)
            content.seek(0)
            unpacking = ["tar", "--extract", f"--directory={root}"]
            subprocess.run(unpacking, input=content.read(), check=True)
        place = ["chroot", f"--userspec={image['User']}", root]
        # as container runtimes do, HOME is / for a user without an entry in /etc/passwd
        clean = ["env", "--ignore-environment", f"--chdir={image['WorkingDir']}", "HOME=/"]
        command = [*place, *clean, *image["Env"], *image["Entrypoint"], *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_checksums_are_those_of_all_files(release: Path) -> None:
    (checking,) = [line for line in commands() if line[0] == "sha256sum"]
    checked = subprocess.run(checking, cwd=release, capture_output=True, text=True, check=True)
    confirmed = {line.removesuffix(": OK") for line in checked.stdout.splitlines()}
    assert confirmed == {file.name for file in release.iterdir()} - {artifacts.CHECKSUMS}


def test_the_page_names_all_files(release: Path) -> None:
    assert {file.name for file in release.iterdir()} <= set(re.findall(r"`([\w.-]+)`", PAGE))


def test_the_wheel_and_the_chart_are_used_as_the_page_says(release: Path, tmp_path: Path) -> None:
    (installing,) = [line for line in commands() if line[0] == "pip"]
    pip = [sys.executable, "-m", *installing, "--no-deps", f"--target={tmp_path}"]
    subprocess.run(pip, cwd=release, capture_output=True, check=True)
    assert (tmp_path / "bin" / "serinus").exists()
    (showing,) = [line for line in commands() if line[0] == "helm"]
    helm = str(parts.clients() / "helm" / "helm")
    shown = subprocess.run([helm, *showing[1:]], cwd=release, capture_output=True, check=True)
    assert shown.stdout.decode().strip() == (CHART / "values.yaml").read_text().strip()


def test_the_crd_is_applied_as_the_page_says(release: Path, kubeconfig: Path) -> None:
    (applying,) = [line for line in commands() if line[0] == "kubectl"]
    crd = [str(release / word) if word.endswith(".yaml") else word for word in applying[1:]]
    kubectl(*crd, "--force-conflicts", "--dry-run=server", f"--kubeconfig={kubeconfig}")


@pytest.mark.parametrize("image", [OPERATOR, MODEL])
def test_what_an_archive_holds_has_the_digest_that_is_its_name(release: Path, image: str) -> None:
    with tarfile.open(release / image) as tar:
        named = [name for name in tar.getnames() if name.startswith("blobs/sha256/")]
        held = [hashlib.sha256(member(tar, name).read()).hexdigest() for name in named]
    assert [f"blobs/sha256/{digest}" for digest in held] == named


def test_the_operator_of_the_image_starts_as_the_user_of_the_image(
    release: Path, repository: Path
) -> None:
    with layers(release / OPERATOR) as (image, _):
        labels = image["Labels"]
    assert image["User"] == "65532:65532"
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.revision"] == commits.head(repository).id
    started = run(release / OPERATOR, "--help")
    assert started.returncode == 0, started.stderr
    assert "--prometheus-url" in started.stdout


def test_the_image_of_the_model_server_has_the_server_and_its_models(release: Path) -> None:
    with layers(release / MODEL) as (image, opened):
        names = {name for layer in opened[1:] for name in layer.getnames()}
    assert f"{image['WorkingDir']}/{image['Cmd'][1]}".lstrip("/") in names
    assert {f"models/v{number}" for number in range(1, 5)} <= names


@pytest.mark.parametrize("image", [OPERATOR, MODEL])
def test_compiled_files_are_valid_whatever_the_time_of_their_source(
    release: Path, image: str
) -> None:
    with layers(release / image) as (_, opened):
        headers = {
            entry.name: layer.extractfile(entry).read(8)  # type: ignore[union-attr]
            for layer in opened[1:]  # the first is the base's
            for entry in layer
            if entry.name.endswith(".pyc")
        }
    assert headers
    # PEP 552: the first bit says that a hash is kept, and the second that it is to be checked
    assert [name for name, header in headers.items() if header[4:] != b"\1\0\0\0"] == []


def test_the_sbom_lists_every_locked_package(release: Path) -> None:
    sbom = json.loads((release / f"serinus-{__version__}.cdx.json").read_text())
    listed = {each.get("purl", "") for each in sbom["components"]}
    lock = (ROOT / "requirements" / "operator.txt").read_text()
    locked = re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.MULTILINE)  # without conditions
    assert len(locked) > 20
    assert {f"pkg:pypi/{name}@{version}" for name, version in locked} <= listed
    assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in listed)


def test_a_second_build_of_the_image_has_the_same_bytes(
    release: Path, repository: Path, tmp_path: Path
) -> None:
    commit = commits.head(repository)
    source = tmp_path / "source"
    commits.export(repository, commit, source)
    dockerfile = source / "Dockerfile"
    steps = dockerfile.read_text().replace("RUN ", "RUN true && ")  # so that no cache has a step
    dockerfile.write_text(steps)
    with tempfile.TemporaryDirectory() as output:
        again = Path(output)
        images.write(Source("localhost/serinus", source), __version__, commit, again)
        names = sorted(file.name for file in again.iterdir())
        assert names == [f"serinus-{__version__}.cdx.json", OPERATOR]
        for name in names:
            assert filecmp.cmp(release / name, again / name, shallow=False), name


def commands() -> list[list[str]]:
    """What the page tells a reader to type in the folder of a release."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_page_has_no_command_that_no_test_types() -> None:
    typed = {"helm", "kubectl", "pip", "sha256sum"}
    others = [line for line in commands() if line[0] not in typed]
    folder = ["cd", str(FOLDER.relative_to(ROOT))]
    assert others == [["make", "release"], folder, folder]
    assert "\t$(BIN)/python -m tests.release\n" in (ROOT / "Makefile").read_text()
