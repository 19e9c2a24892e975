"""Image archives written without a container engine.

Source: the OCI image-layout and image specifications, 1.1.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Image:
    """An image to write: its full name, its layers as uncompressed tar files, and what it runs, in
    the words of the specification ("Entrypoint", "Cmd", "Env", …); when it was made, in RFC 3339.
    """

    name: str
    layers: Sequence[Path]
    config: Mapping[str, Any] = field(default_factory=dict)
    created: str | None = None


def layer_of(files: Mapping[str, Path], archive: Path) -> Path:
    """Write a layer that holds these programs at these absolute paths, and return it."""
    with tarfile.open(archive, "w") as tar:
        for target, source in files.items():
            entry = tarfile.TarInfo(target.lstrip("/"))
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)
    return archive


def write_archive(images: Sequence[Image], archive: Path) -> None:
    """Write an oci-archive of several images; a layer that they share is in it once."""
    with tarfile.open(archive, "w") as tar:
        written: set[str] = set()
        manifests = [_write_image(tar, image, written) for image in images]
        _write(tar, "oci-layout", {"imageLayoutVersion": "1.0.0"})
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
        _write(tar, "index.json", index)


def _write_image(tar: tarfile.TarFile, image: Image, written: set[str]) -> dict[str, Any]:
    layers = [_write_layer(tar, layer, written) for layer in image.layers]
    created = {"created": image.created} if image.created else {}
    config = created | {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [f"PATH={PATH}"]} | dict(image.config),
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        # buildah refuses to build on an image whose history does not tell of each layer
        "history": [{"created_by": f"{image.name}: {layer.name}"} for layer in image.layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _write_blob(tar, config, _CONFIG),
        "layers": layers,
    }
    names = {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": image.name,
    }
    return _write_blob(tar, manifest, _MANIFEST) | {"annotations": names}


def _write_layer(tar: tarfile.TarFile, layer: Path, written: set[str]) -> dict[str, Any]:
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest not in written:
        written.add(digest)
        entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
        entry.size = layer.stat().st_size
        with layer.open("rb") as content:
            tar.addfile(entry, content)
    return {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": layer.stat().st_size}


def _write_blob(tar: tarfile.TarFile, content: dict[str, Any], media_type: str) -> dict[str, Any]:
    text = json.dumps(content).encode()
    digest = hashlib.sha256(text).hexdigest()
    _write(tar, f"blobs/sha256/{digest}", content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}


def _write(tar: tarfile.TarFile, name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    tar.addfile(entry, io.BytesIO(text))
