"""A box's control groups: the one thing of it that outlives its processes.

Works with version 1, a tree a controller, and with version 2, one tree.
"""

import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_SECONDS_TO_END = 30.0
_SHARES = 2048
"""Of the processor, for a core: a group weighs as much as one process of the machine otherwise, and
all pods together get no more than it where others are busy."""


def is_version_1() -> bool:
    """Whether the machine's controllers are mounted one by one."""
    return not (_ROOT / "cgroup.controllers").exists()


def make(name: str) -> None:
    """Make the group in every tree that is mounted, with every controller passed down."""
    if is_version_1():
        for tree in trees():
            (tree / name).mkdir(exist_ok=True)
        if (shares := _ROOT / "cpu" / name / "cpu.shares").exists():
            shares.write_text(str(_SHARES * (os.cpu_count() or 1)), encoding="utf-8")
        return
    _pass_down(_ROOT)
    (_ROOT / name).mkdir(exist_ok=True)
    _pass_down(_ROOT / name)


def remove(name: str) -> None:
    """Remove the group and all in it, once the last process in it is gone."""
    deadline = time.monotonic() + _SECONDS_TO_END
    for group in (tree / name for tree in trees()):
        for each in sorted(below(group), reverse=True):
            _remove_when_empty(each, deadline)


def below(group: Path) -> list[Path]:
    """The group and all in it, those left out that go while we look."""
    return [Path(path) for path, _, _ in os.walk(group)]


def trees() -> list[Path]:
    """Where the machine mounts its trees of control groups."""
    if not is_version_1():
        return [_ROOT]
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    mounts = [line.split()[1:3] for line in lines]
    return [Path(path) for path, kind in mounts if kind in ("cgroup", "cgroup2")]


def _pass_down(group: Path) -> None:
    controllers = (group / "cgroup.controllers").read_text(encoding="utf-8").split()
    wanted = " ".join(f"+{controller}" for controller in controllers)
    (group / "cgroup.subtree_control").write_text(wanted, encoding="utf-8")


def _remove_when_empty(group: Path, deadline: float) -> None:
    while True:
        try:
            group.rmdir()
            return
        except FileNotFoundError:
            return  # whoever made it removed it
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
