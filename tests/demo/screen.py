"""Tells the story: on a terminal by one line that moves, elsewhere by a line for each change."""

import sys
import time
from typing import Final, TextIO

from serinus.cli.text import as_line
from serinus.views.rollout import RolloutView
from tests.demo.story import Act
from tests.stage.deployed import Status
from tests.stage.load import Clients

_QUIET_FOR: Final = 5.0
"""Seconds after which a log without news is told all the same."""


class Screen:
    """A narrator."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._moves = out.isatty()
        self._last = ""
        self._told_at = 0.0

    def act(self, title: str) -> None:
        self._print(f"\n{self._bold(title)}")

    def moment(self, status: Status, view: RolloutView, clients: Clients) -> None:
        where, seen = as_line(view), _clients(clients)
        if self._moves:
            self._out.write(f"\r\033[K  {where}  {seen}"[:200])
            self._out.flush()
        elif where != self._last or time.monotonic() > self._told_at + _QUIET_FOR:
            self._last, self._told_at = where, time.monotonic()
            self._print(f"  {where}  {seen}")

    def ended(self, act: Act) -> None:
        self._print("")
        for decision in act.decisions:
            self._print(f"  {decision.after:6.1f} s  {decision.reason}: {decision.message}")
        self._print(f"  => {self._bold(verdict(act))}")

    def say(self, text: str) -> None:
        """Plain lines."""
        self._print(text)

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def _bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._moves else text


def verdict(act: Act) -> str:
    """How an act ended, in a line."""
    seen = f"; clients had {act.requests} answers from it" if act.requests else ""
    failed = f", {act.failures} of them failed" if act.requests else ""
    return f"{act.version} {act.outcome} after {act.seconds:.1f} s{seen}{failed}"


def _clients(clients: Clients) -> str:
    if not clients.sent:
        return ""
    shares = " ".join(f"{name} {seen.requests}/s" for name, seen in clients.versions.items())
    failed = clients.model_failures.total() + clients.other_failures.total()
    return f"| clients: {shares}, {failed} failed"
