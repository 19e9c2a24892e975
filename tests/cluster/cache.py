"""What is built once a machine: a folder a part, named by what it is made from."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def root() -> Path:
    """The cache's folder: $SERINUS_CACHE, or ~/.cache/serinus."""
    chosen = os.environ.get("SERINUS_CACHE")
    return Path(chosen).resolve() if chosen else Path.home() / ".cache" / "serinus"


def logs() -> Path:
    """The folder that build logs go to."""
    folder = root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(made_from: Any) -> str:
    """Twelve hex digits that differ when the JSON value differs."""
    text = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-wide lock of that name; wait for whoever holds it."""
    folder = root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def part(name: str, made_from: Any, build: Callable[[Path], None]) -> Path:
    """The folder of a part; `build` fills an empty one first where the cache has none.

    A build that fails or is killed leaves nothing that looks built: the folder gets its name
    when it is whole.
    """
    key = f"{name}-{digest(made_from)}"
    folder = root() / "parts" / key
    if folder.exists():
        return folder
    with locked(key):
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in folder.parent.glob(f".{key}-*"):
            shutil.rmtree(abandoned)
        draft = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=folder.parent))
        draft.chmod(0o755)
        try:
            build(draft)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder
