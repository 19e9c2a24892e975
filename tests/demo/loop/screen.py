"""Tells the story: a line for each event, with the seconds since the start."""

import sys
import time
from textwrap import wrap
from typing import Final, TextIO

from tests.stage.load import Clients

WIDTH: Final = 112
_INDENT: Final = " " * 11
_QUIET_FOR: Final = 15.0
"""Seconds after which it is told what clients see."""
LONGEST: Final = 230
"""Characters of an event; the status has all of it."""


class Screen:
    """A narrator."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self.started = time.time()
        """Unix seconds."""
        self._told_at = 0.0
        self.lines: list[str] = []
        """What was told so far."""

    def act(self, title: str) -> None:
        self.say("")
        self.say(title)

    def event(self, at: float, what: str) -> None:
        text = what if len(what) <= LONGEST else f"{what[:LONGEST]}…"
        self.say(f"{at - self.started:7.1f} s  {text}")

    def moment(self, clients: Clients) -> None:
        if clients.sent and time.monotonic() > self._told_at + _QUIET_FOR:
            self._told_at = time.monotonic()
            self.event(time.time(), _seen(clients))

    def say(self, text: str) -> None:
        """A line, or several of one that is long."""
        for line in wrap(text, WIDTH, subsequent_indent=_INDENT) or [""]:
            self.lines.append(line)
            print(line, file=self._out, flush=True)


def _seen(clients: Clients) -> str:
    parts = []
    for name, seen in clients.versions.items():
        wrong = clients.wrong(name)
        told = "" if wrong is None else f", {wrong:.0%} wrong"
        parts.append(f"version {name} {seen.requests}/s{told}")
    failed = clients.model_failures.total() + clients.unexplained.total()
    return f"clients: {'; '.join(parts)}; {failed} failed"
