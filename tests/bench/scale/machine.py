"""The machine that is measured on: how idle it is, and which part of the bench uses its CPU."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_IDLE: Final = 3
"""Of the first line of /proc/stat; the time waited for disks, beside it, may go down."""

API_SERVER: Final = "API server"
ETCD: Final = "etcd"
CONTROL_PLANE: Final = "rest of the control plane"
OPERATOR: Final = "operator"
BENCH: Final = "bench itself"
COMPONENTS: Final = (API_SERVER, ETCD, CONTROL_PLANE, OPERATOR, BENCH)
_BY_COMMAND: Final = {"kube-apiserver": API_SERVER, "etcd": ETCD}


async def idle_share(seconds: float) -> float:
    """The share of all cores' time that nobody used, from now on for so long."""
    before = _times()
    await asyncio.sleep(seconds)
    passed = [after - at for after, at in zip(_times(), before, strict=True)]
    return passed[_IDLE] / sum(passed)


def cpu_seconds(control_plane: int | None, operator: int) -> dict[str, float]:
    """What each component that runs has used until now.

    `control_plane` is the process below which the control plane runs; None if that is not known,
    and then its parts are missing. What is below this process is the bench, but for the operator.
    """
    below = defaultdict[int, list[_Process]](list)
    for process in _processes():
        below[process.parent].append(process)

    def tree(root: int) -> Iterator[_Process]:
        for child in below[root]:
            yield child
            yield from tree(child.pid)

    found = defaultdict[str, float](float, {BENCH: time.process_time()})
    for process in tree(os.getpid()):
        found[OPERATOR if process.pid == operator else BENCH] += process.cpu
    for process in tree(control_plane) if control_plane is not None else ():
        found[_BY_COMMAND.get(process.command, CONTROL_PLANE)] += process.cpu
    return found


def _times() -> list[int]:
    line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    return [int(word) for word in line.split()[1:9]]


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    command: str
    cpu: float
    """Seconds that it has used."""


def _processes() -> Iterator[_Process]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        # the command is in brackets, and may hold any character
        command, _, rest = text.partition("(")[2].rpartition(")")
        words = rest.split()
        cpu = (int(words[11]) + int(words[12])) / _TICKS
        yield _Process(int(entry.name), int(words[1]), command, cpu)
