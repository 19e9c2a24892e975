"""Rollouts of the real cluster as recordings, which the unit tests judge again."""

import json
import os
import subprocess
import sys
from typing import Final

from tests.stage.deployed import Deployed
from tests.stage.images import ROOT
from tests.stage.stage import Stage

FOLDER: Final = ROOT / "build" / "recordings"
"""`tests/recordings/` has copies; a test compares what is decided with what was."""


def keep(product: Stage, rollout: Deployed, name: str) -> None:
    """Record the last rollout of a ModelDeployment, as `serinus record` does."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = FOLDER / f"{name}.json"
    manifest.write_text(json.dumps(rollout.live()))
    out = f"--out={FOLDER / name}.json.gz"
    record = ("record", f"--filename={manifest}", f"--prometheus={product.prometheus_url}", out)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    subprocess.run([sys.executable, "-m", "serinus.cli", *record], env=environment, check=True)
    manifest.unlink()
