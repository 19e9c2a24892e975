"""The product's images, built from this checkout, tagged by what they are built from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """What an image is built from: a Dockerfile's folder, and which of its files matter."""

    repository: str
    context: Path
    files: tuple[str, ...]

    @property
    def tag(self) -> str:
        """Twelve hex digits of what the files hold."""
        digest = hashlib.sha256()
        for file in sorted(each for pattern in self.files for each in self.context.glob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(self.context)}\0".encode())
                digest.update(file.read_bytes())
        return digest.hexdigest()[:12]

    @property
    def image(self) -> str:
        """Its full name."""
        return f"{self.repository}:{self.tag}"


OPERATOR: Final = Source(
    "localhost/serinus", ROOT, ("Dockerfile", "requirements/operator.txt", "operator/serinus/**/*")
)
MODEL: Final = Source(
    "localhost/serinus-model-server",
    ROOT / "examples" / "model-server",
    ("*", "serinus_metrics/**/*"),
)
