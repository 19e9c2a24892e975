"""Manifests that are wrong, each with when a user is told and what: in its first two lines.

`apply`: the API server refuses it. `stalled`: it is found when the spec is read. `running`: it
shows only in a cluster. NAMESPACE stands for the namespace that it is applied to.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class BadManifest:
    """One of them."""

    name: str
    when: str
    says: str
    text: str

    def objects(self) -> list[dict[str, Any]]:
        """The objects in it; all but the last belong to someone else."""
        return list(yaml.safe_load_all(self.text))

    def model_deployment(self) -> dict[str, Any]:
        """The ModelDeployment that is wrong."""
        return self.objects()[-1]


def bad_manifests(*when: str) -> list[BadManifest]:
    """Those told of at one of these moments, all if none is named, by name."""
    found = [_read(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]
    return [each for each in found if not when or each.when in when]


def _read(path: Path) -> BadManifest:
    text = path.read_text("utf-8")
    when, says = (line.split(": ", 1)[1] for line in text.splitlines()[:2])
    return BadManifest(path.stem, when, says, text)
