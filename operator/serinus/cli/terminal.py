"""Output: tables as wide as the terminal, and colours on a terminal only."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Final

_GAP: Final = "   "
_NARROWEST: Final = 30
_COLOURS: Final = {
    "32": ("Healthy", "Pass", "Promoted", "Ready"),
    "31": (
        "RolledBack",
        "Degraded",
        "Unavailable",
        "Fail",
        "CheckFailed",
        "Aborted",
        "CrashLoopBackOff",
    ),
    "33": ("Paused", "Inconclusive", "NoData", "Error", "WeightLowered"),
    "36": ("Progressing", "WeightRaised", "RolloutStarted", "Promoting"),
}
"""Codes of ANSI, and the words of phases, verdicts and reasons."""
_CLEAR: Final = "\033[2J\033[H"
_CLEAR_LINE: Final = "\r\033[K"
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""All but the end of a line. A terminal would execute them, and a message or a label may come from
a model's own metrics."""


def show(text: str, *, in_place: bool = False) -> None:
    """Print; in colour on a terminal, unless NO_COLOR is set. In place: on an empty screen."""
    text = _printable(text)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        for code, words in _COLOURS.items():
            text = re.sub(rf"\b({'|'.join(words)})\b", f"\033[{code}m\\1\033[0m", text)
    print(f"{_CLEAR}{text}" if in_place else text, flush=True)


def complain(text: str) -> None:
    """Print on standard error."""
    print(_printable(text), file=sys.stderr)


def progress(text: str) -> None:
    """Show how far long work is, in place of what was shown before; empty when it is done. On
    standard error, and only if that is a terminal."""
    if sys.stderr.isatty():
        print(f"{_CLEAR_LINE}{_printable(text)}", end="", file=sys.stderr, flush=True)


def _printable(text: str) -> str:
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; on a terminal the last one is wrapped."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    before = sum(widths[:-1]) + len(_GAP) * (len(heads) - 1)
    if sys.stdout.isatty():
        widths[-1] = max(shutil.get_terminal_size().columns - before, _NARROWEST)
    lines = []
    for *cells, last in (heads, *rows):
        first, *more = textwrap.wrap(last, widths[-1]) or [""]
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        lines.append(_GAP.join([*padded, first]).rstrip())
        lines += [" " * before + line for line in more]
    return "\n".join(lines)
