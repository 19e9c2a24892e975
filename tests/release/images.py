"""The images of a release: those that the tests build, without what differs between two builds.

The layers of the base image stay as they are. In all others every file has the time of the commit;
compiled Python files are valid by a hash, which the Dockerfiles see to, so that they stay valid.
Layers are not compressed: the bytes would depend on the version of a compressor.
"""

import gzip
import json
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from tests.cluster import oci
from tests.cluster.images import build_image
from tests.cluster.progress import step
from tests.release import sbom
from tests.release.commits import Commit
from tests.stage.images import Source

_KEPT = ("Cmd", "Entrypoint", "Env", "ExposedPorts", "StopSignal", "User", "Volumes", "WorkingDir")


@dataclass(frozen=True)
class Saved:
    """An opened docker-archive: the configuration of its image, and its layers by their digests."""

    config: dict[str, Any]
    layers: dict[str, IO[bytes]]


def write(source: Source, version: str, commit: Commit, output: Path) -> None:
    """Write the oci-archive of an image and its SBOM into the folder `output`."""
    name = source.repository.rsplit("/", 1)[1]
    built, base = source.build(), base_of(source)
    with step(f"packing {name}"), tempfile.TemporaryDirectory() as place:
        config, layers = unpack(built, base, commit, Path(place))
        labels = {
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.revision": commit.id,
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
        }
        image = oci.Image(
            f"{source.repository}:{version}", layers, config | {"Labels": labels}, commit.time
        )
        oci.write_archive([image], output / f"{name}-{version}.oci.tar")
        contents = sbom.document(name, version, commit, layers)
        file = output / f"{name}-{version}.cdx.json"
        file.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def base_of(source: Source) -> Path:
    """The docker-archive of the image that a Dockerfile starts from: ARG BASE=…, FROM ${BASE}."""
    (argument,) = re.findall(r"^ARG BASE=\S+$", source.dockerfile.read_text(), re.MULTILINE)
    with tempfile.TemporaryDirectory() as place:
        (context := Path(place, "context")).mkdir()
        (dockerfile := Path(place, "Dockerfile")).write_text(f"{argument}\nFROM ${{BASE}}\n")
        return build_image(context, dockerfile, "localhost/serinus-base:release")


def unpack(
    archive: Path, base: Path, commit: Commit, folder: Path
) -> tuple[dict[str, Any], list[Path]]:
    """What an image runs, and its layers as files in `folder`."""
    with tarfile.open(base) as tar:
        of_base = set(_read(tar).layers)
    layers = []
    with tarfile.open(archive) as tar:
        saved = _read(tar)
        for number, (digest, content) in enumerate(saved.layers.items()):
            layers.append(folder / f"layer-{number}.tar")
            with layers[-1].open("wb") as target:
                if digest in of_base:
                    shutil.copyfileobj(content, target)
                else:
                    rewrite(content, target, commit.seconds)
    return {key: saved.config[key] for key in _KEPT if saved.config.get(key)}, layers


def rewrite(layer: IO[bytes], target: IO[bytes], seconds: int) -> None:
    """Copy a layer; of each entry keep path, type, mode, numeric owner, content and attributes."""
    with (
        tarfile.open(fileobj=layer, mode="r:") as read,
        tarfile.open(fileobj=target, mode="w:", format=tarfile.PAX_FORMAT) as written,
    ):
        for entry in read:
            entry.mtime, entry.uname, entry.gname = seconds, "", ""
            entry.pax_headers = {
                key: value
                for key, value in entry.pax_headers.items()
                if key.startswith("SCHILY.xattr.")
            }
            written.addfile(entry, read.extractfile(entry) if entry.isreg() else None)


def _read(archive: tarfile.TarFile) -> Saved:
    (image,) = json.load(_member(archive, "manifest.json"))
    config = json.load(_member(archive, image["Config"]))
    contents = [_plain(_member(archive, name)) for name in image["Layers"]]
    return Saved(config["config"], dict(zip(config["rootfs"]["diff_ids"], contents, strict=True)))


def _plain(layer: IO[bytes]) -> IO[bytes]:
    """A layer without the compression that docker applies if it uses the store of containerd."""
    is_compressed = layer.read(2) == b"\x1f\x8b"
    layer.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=layer)) if is_compressed else layer


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    content = archive.extractfile(name)
    if content is None:
        raise ValueError(f"an image archive without a file {name}")
    return content
