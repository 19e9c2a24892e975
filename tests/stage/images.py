"""The product's images, built from this checkout and tagged by what they are built from."""

import hashlib
import subprocess
import sys
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


OPERATOR: Final = Source("localhost/serinus", ROOT)
MODEL: Final = Source("localhost/serinus-model-server", ROOT / "examples" / "model-server")
