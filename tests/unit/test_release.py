"""How a release is built, and what the documents say about it. The images: tests/integration."""

import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus import __version__
from tests.release import artifacts, commits, images, sbom
from tests.release.__main__ import main
from tests.release.commits import Commit
from tests.support.repositories import repository_of_this_checkout

ROOT = Path(__file__).parents[2]
COMMIT = Commit("0" * 40, 1_700_000_000)
RELEASING = (ROOT / "docs" / "releasing.md").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The packages of a commit, built twice, from two copies of its files."""
    repository = repository_of_this_checkout(tmp_path_factory.mktemp("repository"))
    commit = commits.head(repository)
    folders = []
    for name in ("first", "second"):
        source, output = (tmp_path_factory.mktemp(f"{name}-{of}") for of in ("source", "output"))
        commits.export(repository, commit, source)
        artifacts.packages(source, commit, output)
        artifacts.write_checksums(output)
        folders.append(output)
    return folders


def layer(seconds: int, user: str, format: int = tarfile.GNU_FORMAT) -> bytes:
    """A layer with a folder, a file with an attribute, a link and a hard link."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=format) as tar:
        for name, kind in (
            ("app", tarfile.DIRTYPE),
            ("app/a.py", tarfile.REGTYPE),
            ("app/b.py", tarfile.SYMTYPE),
            ("app/c.py", tarfile.LNKTYPE),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mtime, entry.uname, entry.mode = kind, seconds, user, 0o755
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry.linkname = "app/a.py"
            content = b"print()\n" if kind == tarfile.REGTYPE else b""
            entry.size = len(content)
            if format == tarfile.PAX_FORMAT:
                entry.pax_headers = {"mtime": f"{seconds}.5", "SCHILY.xattr.user.a": "b"}
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def rewritten(written: bytes) -> bytes:
    target = io.BytesIO()
    images.rewrite(io.BytesIO(written), target, COMMIT.seconds)
    return target.getvalue()


def saved(archive: Path, layers: list[bytes], *, compressed: bool = False) -> Path:
    """A docker-archive of an image with these layers."""
    digests = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers]
    config = {"Labels": {"builder": "1"}, "User": "1", "Entrypoint": None, "Env": ["A=b"]}
    members: Files = {
        f"{number}.tar": gzip.compress(each) if compressed else each
        for number, each in enumerate(layers)
    }
    manifest = [{"Config": "config.json", "Layers": list(members)}]
    content = {"config": config, "rootfs": {"diff_ids": digests}}
    members |= {
        "manifest.json": json.dumps(manifest).encode(),
        "config.json": json.dumps(content).encode(),
    }
    return tar_of(members, archive)


def tar_of(members: Files, archive: Path) -> Path:
    with tarfile.open(archive, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive


def test_two_builds_of_the_packages_are_equal(builds: list[Path]) -> None:
    first, second = (folder / artifacts.CHECKSUMS for folder in builds)
    assert first.read_text() == second.read_text()


def test_the_wheel_has_the_package_and_nothing_else(builds: list[Path]) -> None:
    (wheel,) = builds[0].glob("*.whl")
    assert wheel.name == f"serinus-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"serinus", f"serinus-{__version__}.dist-info"}
    assert "serinus/cli/__main__.py" in names
    assert f"serinus-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_source_distribution_has_what_the_wheel_is_built_from(builds: list[Path]) -> None:
    with tarfile.open(builds[0] / f"serinus-{__version__}.tar.gz") as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "operator/serinus/__init__.py"} <= names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)


def test_the_chart_has_its_crd_which_is_also_a_file_of_its_own(builds: list[Path]) -> None:
    crd = "modeldeployments.serinus.dev.yaml"
    with tarfile.open(builds[0] / f"serinus-{__version__}.tgz") as tar:
        names = tar.getnames()
    assert {"serinus/Chart.yaml", "serinus/values.yaml", "serinus/files/crd.yaml"} <= set(names)
    assert (builds[0] / crd).read_bytes() == (ROOT / "crds" / crd).read_bytes()


def test_a_layer_depends_on_neither_the_time_nor_the_name_of_who_built_it() -> None:
    assert rewritten(layer(1, "root")) == rewritten(layer(2, "builder"))


def test_a_layer_keeps_modes_links_contents_and_attributes() -> None:
    with tarfile.open(fileobj=io.BytesIO(rewritten(layer(1, "", tarfile.PAX_FORMAT)))) as tar:
        entries = tar.getmembers()
        assert tar.extractfile("app/a.py").read() == b"print()\n"  # type: ignore[union-attr]
    assert [each.type for each in entries] == [b"5", b"0", b"2", b"1"]
    assert {each.mode for each in entries} == {0o755}
    assert {each.mtime for each in entries} == {COMMIT.seconds}
    assert entries[3].linkname == "app/a.py"
    assert entries[1].pax_headers == {"SCHILY.xattr.user.a": "b"}


@pytest.mark.parametrize("compressed", [False, True])
def test_the_layers_of_the_base_stay_as_they_are(tmp_path: Path, compressed: bool) -> None:
    of_base, ours = layer(1, "debian"), layer(2, "builder")
    base = saved(tmp_path / "base.tar", [of_base], compressed=compressed)
    image = saved(tmp_path / "image.tar", [of_base, ours], compressed=compressed)
    config, layers = images.unpack(image, base, COMMIT, tmp_path)
    assert [each.read_bytes() for each in layers] == [of_base, rewritten(ours)]
    assert config == {"User": "1", "Env": ["A=b"]}


def test_an_sbom_lists_the_packages_of_debian_and_of_python(tmp_path: Path) -> None:
    status = (
        "Package: libc6\nStatus: install ok installed\n"
        "Architecture: amd64\nVersion: 1:2.36-9+deb12\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    )
    base: Files = {
        "./var/lib/dpkg/status": status.encode(),
        "./usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\n',
    }
    ours: Files = {
        "opt/Some_Thing-1.0.dist-info/METADATA": b"Name: Some_Thing\nVersion: 1.0\n"
        b"License-Expression: MIT\n\nLicense: none\n",
        "opt/old-2.dist-info/METADATA": b"Name: old\nVersion: 2\nLicense: BSD\n",
    }
    layers = [tar_of(base, tmp_path / "base"), tar_of(ours, tmp_path / "ours")]
    document: Any = sbom.document("serinus", "0.1.0", COMMIT, layers)
    system, *packages = document["components"]
    assert (system["name"], system["version"]) == ("debian", "12")
    assert [(each["purl"], each.get("licenses")) for each in packages] == [
        ("pkg:deb/debian/libc6@1:2.36-9%2Bdeb12?arch=amd64&distro=debian-12", None),
        ("pkg:pypi/old@2", [{"license": {"name": "BSD"}}]),
        ("pkg:pypi/some-thing@1.0", [{"expression": "MIT"}]),
    ]
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_an_earlier_release_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "serinus.whl").touch()
    assert main(["--output", str(tmp_path)]) == 1
    assert "is not empty: remove it" in capsys.readouterr().err


def test_the_page_names_every_file_that_is_built_without_an_image(builds: list[Path]) -> None:
    built = {file.name for file in builds[0].iterdir()}
    assert built <= set(re.findall(r"`([\w.-]+)`", RELEASING))


def test_the_workflow_builds_as_the_page_says_and_signs_the_checksums() -> None:
    steps = WORKFLOW["jobs"]["release"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert "make release" in commands
    (signing,) = [step for step in steps if step.get("run", "").startswith("cosign sign-blob ")]
    assert signing["run"].endswith(f" {artifacts.CHECKSUMS}")
    assert signing["working-directory"] == "build/release"


def test_the_workflow_has_few_rights_and_runs_only_what_is_pinned() -> None:
    (job,) = WORKFLOW["jobs"].values()
    assert WORKFLOW["permissions"] == {}
    assert job["permissions"] == {"contents": "write", "id-token": "write"}
    for used in (step["uses"] for step in job["steps"] if "uses" in step):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_is_one_that_asks_different_things(form: Path) -> None:
    written = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= set(written)
    asked = [field["attributes"] for field in written["body"] if field["type"] == "textarea"]
    assert len({each["label"] for each in asked}) == len(asked) >= 2
