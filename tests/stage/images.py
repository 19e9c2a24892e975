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
        recipe = self._dockerfile.read_bytes() + context.digest(self.folder).encode()
        return f"{self.repository}:{hashlib.sha256(recipe).hexdigest()[:12]}"

    def put(self, cluster: str) -> str:
        """Build it and load it into the cluster of that name; returns the image's name."""
        name = self.name
        archive = build_image(self.folder, self._dockerfile, name)
        load = [sys.executable, "-m", "tests.cluster", "load-image", str(archive)]
        subprocess.run([*load, f"--name={cluster}"], cwd=ROOT, check=True)
        return name

    @property
    def _dockerfile(self) -> Path:
        return self.folder / "Dockerfile"


OPERATOR: Final = Source("localhost/serinus", ROOT)
MODEL: Final = Source("localhost/serinus-model-server", ROOT / "examples" / "model-server")
