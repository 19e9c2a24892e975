"""An environment for each server, made once a machine."""

import sys
from pathlib import Path
from typing import Final

from tests.cluster import cache
from tests.cluster.progress import run

REQUIREMENTS: Final = {
    "MLServer": ("mlserver==1.7.1", "uvloop<0.22"),
    "KServe": ("kserve==0.21.0",),
    "RayServe": ("ray[serve]==2.60.0",),
    "BentoML": ("bentoml==1.4.40",),
}
"""By preset. MLServer asks uvloop for what 0.22 has removed."""


INITIALIZER: Final = ("--requirement", "examples/storage-initializer/requirements.txt")
STORES: Final = ("moto[server]==5.2.5", "mlflow==3.17.2")
"""What models are downloaded from."""


def python(preset: str) -> Path:
    """The interpreter of the server's environment, installed now if it was not before."""
    return interpreter_with(preset, REQUIREMENTS[preset])


def interpreter_with(what: str, requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment with these, installed now if it was not before."""
    name = f"server-{what.lower()}"
    log = cache.logs() / f"{name}.log"

    def build(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        interpreter = str(folder / "bin" / "python")
        run(f"making an environment for {what}", [*uv, "venv", "--clear", str(folder)], log)
        install = [*uv, "pip", "install", "--python", interpreter, *requirements]
        run(f"installing {' '.join(requirements)}", install, log)

    return cache.part(name, [sys.version_info[:2], requirements], build) / "bin" / "python"
