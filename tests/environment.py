"""`python -m tests.environment`: have .venv lead to an environment with the locked dependencies.

It is made once for each lock and Python, beside the other parts of the cache, and all checkouts of
this machine share it.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from tests.cluster import cache
from tests.cluster.progress import step

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements" / "dev.txt"
LINK: Final = ROOT / ".venv"
_INSTALL: Final = ("--quiet", "--no-compile", "--require-hashes", "--requirement")


def made() -> Path:
    """The environment; one whose making was killed is made anew."""
    key = cache.digest([LOCK.read_text("utf-8"), sys.version, sys.base_prefix])
    folder = cache.root() / "environments" / key
    with cache.locked(f"environment-{key}"):
        if not (folder / ".ready").exists():
            with step("installing the locked dependencies"):
                venv.create(folder, clear=True, symlinks=True, with_pip=True)
                subprocess.run([folder / "bin" / "pip", "install", *_INSTALL, LOCK], check=True)
            (folder / ".ready").touch()
    return folder


def link(folder: Path) -> None:
    """Have .venv lead there, and newer than the lock, as make wants it."""
    if LINK.exists() and not LINK.is_symlink():
        sys.exit("remove .venv: it is no link to the environment that the checkouts share")
    draft = ROOT / f".venv.{os.getpid()}"
    draft.symlink_to(folder)
    draft.replace(LINK)
    os.utime(LINK / ".ready")


if __name__ == "__main__":
    link(made())
