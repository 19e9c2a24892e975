"""Images built from Dockerfiles: by the container engine that answers, else by buildah.

Every build is kept by the hash of all that goes into it, so that an unchanged one costs nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import cache, context, machine, system
from tests.cluster.progress import run

_ARCHIVE = "image.tar"
_KEPT = 6  # archives a repository


def build_image(
    folder: Path, dockerfile: Path, tag: str, build_args: Mapping[str, str] | None = None
) -> Path:
    """Build `dockerfile` over the context `folder` and return the image's docker-archive.

    Buildah, which has no registry to pull from, gets BASE: a Debian with Python 3.11. RUN steps
    see this machine's pip settings and certificates; the image does not keep them.

    Raises StepError, naming the log, where a step of the Dockerfile fails.
    """
    engine = machine.engine()
    arguments = dict(build_args or {})
    if engine is None:
        machine.require_root()
        machine.require_tools(cache.logs() / "apt.log")
        arguments = {"BASE": system.BASE} | arguments
    made_from = {
        "builder": engine or str(system.base_image()),
        "context": context.digest(folder),
        "dockerfile": dockerfile.read_text(encoding="utf-8"),
        "arguments": arguments,
        "tag": tag,
    }

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as staged:
            context.copy(folder, Path(staged))
            shutil.copyfile(dockerfile, Path(staged, ".Dockerfile"))
            words = ["-f", f"{staged}/.Dockerfile", "-t", tag, *_build_args(arguments), staged]
            archive = target / _ARCHIVE
            (target / "tag").write_text(tag, encoding="utf-8")
            if engine is None:
                _build_with_buildah(tag, words, archive)
            else:
                _build_with_engine(engine, tag, words, archive)

    archive = cache.part(_slug(tag), made_from, build) / _ARCHIVE
    os.utime(archive)  # the newest of its repository, and so the last to go
    _prune(tag)
    return archive


def archive_of(tag: str) -> Path:
    """The archive of the newest image that was built here under that name."""
    for archive in _archives(tag):
        if archive.with_name("tag").read_text(encoding="utf-8") == tag:
            return archive
    raise FileNotFoundError(f"no image named {tag} was built here; name an archive instead")


def _build_with_engine(engine: str, tag: str, words: list[str], archive: Path) -> None:
    log = _log(tag)
    run(f"building {tag}", [engine, "build", *words], log)
    run(f"saving {tag}", [engine, "save", "--output", str(archive), tag], log)


def _build_with_buildah(tag: str, words: list[str], archive: Path) -> None:
    log = _log(tag)
    store = cache.root() / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    driver = "overlay" if machine.can_overlay(store) else "vfs"
    places = [f"--root={store / driver}", f"--runroot={store / driver}-run"]
    buildah = ["buildah", f"--storage-driver={driver}", *places]
    env = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    with cache.locked("buildah"), tempfile.TemporaryDirectory() as settings:
        base = f"oci-archive:{system.base_image() / 'image.tar'}"
        run("unpacking the base image", [*buildah, "pull", base], log, env=env)
        shown = _machine_settings(Path(settings))
        run(f"building {tag}", [*buildah, "build", "--layers", *shown, *words], log, env=env)
        target = f"docker-archive:{archive}:{tag}"
        run(f"exporting {tag}", [*buildah, "push", tag, target], log, env=env)


def _machine_settings(folder: Path) -> list[str]:
    """Options that let a RUN step see pip's settings and the certificates of this machine."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    settings = {}
    for line in listed.splitlines():  # global.index-url='…', or :env:.index-url='…'
        key, value = line.split("=", 1)
        settings[key.rsplit(".", 1)[1]] = value.strip("'")
    settings.pop("find-links", None)  # a folder of this machine
    lines = ["[global]", *(f"{key} = {value}" for key, value in settings.items())]
    file = folder / "pip.conf"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [f"--volume={file}:/etc/pip.conf:ro", "--volume=/etc/ssl/certs:/etc/ssl/certs:ro"]


def _build_args(arguments: Mapping[str, str]) -> list[str]:
    return [f"--build-arg={key}={value}" for key, value in arguments.items()]


def _archives(tag: str) -> list[Path]:
    """The archives of a tag's repository, newest first."""
    found = (cache.root() / "parts").glob(f"{_slug(tag)}-????????????/{_ARCHIVE}")
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


def _prune(tag: str) -> None:
    for archive in _archives(tag)[_KEPT:]:
        shutil.rmtree(archive.parent, ignore_errors=True)  # another run may be pruning it


def _log(tag: str) -> Path:
    return cache.logs() / f"{_slug(tag)}.log"


def _slug(tag: str) -> str:
    repository = re.sub(r":[^/:]*$", "", tag)
    return "image-" + re.sub(r"[^A-Za-z0-9]", "-", repository)
