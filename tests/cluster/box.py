"""The box that a bare cluster lives in, seen from the machine: start it, enter it, end it.

One process holds a mount, a network and a process namespace; killing it ends every process,
mount, link and rule in them.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import cache, cgroups, link
from tests.cluster.link import Link

_SECONDS = 30.0


@dataclass(frozen=True)
class Box:
    """A box and the folder that keeps its state; the box sees FOLDER/var as its /var."""

    folder: Path

    @property
    def name(self) -> str:
        """What the machine calls it: its control group, and what is written on its cable."""
        return f"serinus-{cache.digest(str(self.folder))}"

    def runs(self) -> bool:
        """Whether its first process is there."""
        return self._first() is not None

    def link(self) -> Link | None:
        """The cable to it, or None where it does not run."""
        return link.of(self.name)

    def start(self, plan: Callable[[Link], dict[str, Any]]) -> Link:
        """Start the box, lay the cable to it, and have it run the plan for that cable."""
        cgroups.make(self.name)
        namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"]
        inside = [sys.executable, "-m", "tests.cluster.node", str(self.folder)]
        with (self.folder / "box.log").open("ab") as log:
            holder = subprocess.Popen(
                ["unshare", *namespaces, "--propagation=private", *inside],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).parents[2],
            )
        cable = link.lay(self._wait_for_first(holder), self.name)
        assert holder.stdin is not None
        with holder.stdin:
            holder.stdin.write(json.dumps(plan(cable)).encode())
        return cable

    def enter(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` in the box's namespaces."""
        first = self._first()
        if first is None:
            raise RuntimeError(f"no box runs for {self.folder}")
        return ["nsenter", f"--target={first}", "--mount", "--net", "--pid", *argv]

    def end(self) -> None:
        """Kill the box, wait until all that was in it is gone, and remove its control groups.

        The box's first process is not gone before every other one in it is.
        """
        ending = []
        for pid in self.processes():
            with suppress(ProcessLookupError):  # the first ends with its holder
                ending.append(os.pidfd_open(pid))
                signal.pidfd_send_signal(ending[-1], signal.SIGKILL)
        for process in ending:
            if not select.select([process], [], [], _SECONDS)[0]:
                raise TimeoutError(f"the box of {self.folder} did not end within {_SECONDS:.0f} s")
            os.close(process)
        link.take_up(self.name)
        cgroups.remove(self.name)

    def processes(self) -> dict[int, bool]:
        """The pids of the holder and of the box's first process; True marks the latter."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if b"tests.cluster.node" in words and words[-1] == str(self.folder).encode():
                found[int(entry.name)] = words[0] != b"unshare"
        return found

    def _first(self) -> int | None:
        return next((pid for pid, is_first in self.processes().items() if is_first), None)

    def _wait_for_first(self, holder: subprocess.Popen[bytes]) -> int:
        def started_or_failed() -> bool:
            return self._first() is not None or holder.poll() is not None

        _wait_until(started_or_failed, "the box to start")
        first = self._first()
        if first is None:
            raise RuntimeError(f"the box did not start; see {self.folder}/box.log")
        return first


def _wait_until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_SECONDS:.0f} s for {what}")
        time.sleep(0.05)
