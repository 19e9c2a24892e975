"""The product's images, built from this checkout and tagged by what they are built from."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import context
from tests.cluster.images import build_image

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """What an image is built from: a folder with a Dockerfile."""

    repository: str
    folder: Path

    @property
    def name(self) -> str:
        """Repository and tag, the same for the same content."""
        recipe = self.dockerfile.read_bytes() + context.digest(self.folder).encode()
        return f"{self.repository}:{hashlib.sha256(recipe).hexdigest()[:12]}"

    @property
    def dockerfile(self) -> Path:
        """How it is built."""
        return self.folder / "Dockerfile"

    def build(self) -> Path:
        """Build it; returns its docker-archive."""
        return build_image(self.folder, self.dockerfile, self.name)

    def put(self, cluster: str) -> str:
        """Build it and load it into the cluster of that name; returns the image's name."""
        load = [sys.executable, "-m", "tests.cluster", "load-image", str(self.build())]
        subprocess.run([*load, f"--name={cluster}"], cwd=ROOT, check=True)
        return self.name


def variant(archive: Path, tag: str, label: str, folder: Path) -> Path:
    """A docker-archive of another image by this tag: it has the same files, and a label."""
    made = folder / f"{label}.tar"
    with tarfile.open(archive) as source, tarfile.open(made, "w") as target:
        [described] = json.loads(_read(source, "manifest.json"))
        config = json.loads(_read(source, described["Config"]))
        config.setdefault("config", {})["Labels"] = {"variant": label}
        content = json.dumps(config).encode()
        described["Config"] = f"{hashlib.sha256(content).hexdigest()}.json"
        described["RepoTags"] = [tag]
        for name in dict.fromkeys(described["Layers"]):
            layer = _read(source, name)
            _add(target, name, layer)
        _add(target, described["Config"], content)
        _add(target, "manifest.json", json.dumps([described]).encode())
    return made


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)  # follows links
    assert content is not None, name
    return content.read()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    described = tarfile.TarInfo(name)
    described.size = len(content)
    archive.addfile(described, io.BytesIO(content))


OPERATOR: Final = Source("localhost/serinus", ROOT)
MODEL: Final = Source("localhost/serinus-model-server", ROOT / "examples" / "model-server")
