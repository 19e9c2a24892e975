"""Builds the site with Zensical."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]


def build(project: Path) -> Path:
    """Build the site of a folder that has zensical.toml and docs/; where it is. Warnings fail."""
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    folder: str = _project(project)["site_dir"]
    return project / folder


def repository(project: Path) -> str:
    """The address at which files outside of docs/ are shown."""
    extension = _project(project)["markdown_extensions"]["tests.site.links"]
    address: str = extension["repository"]
    return address


def _project(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((project / "zensical.toml").read_text("utf-8"))["project"]
    return found
