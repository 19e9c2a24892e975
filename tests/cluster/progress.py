"""Steps that take long: a line a person can follow, and a log for when one fails."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LINE_EVERY_SECONDS = 10.0


class StepError(Exception):
    """A step ended with an error; the message names the step and the log to read."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say on stderr what is being done and for how long, until the block ends.

    A terminal sees one line that counts; anything else a line every ten seconds.
    """
    started = time.monotonic()
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(title, started, ended), daemon=True)
    ticker.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        ended.set()
        ticker.join()
        _say(f"{title} … {outcome} {_duration(time.monotonic() - started)}", last=True)


def run(
    title: str,
    argv: list[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command as a step, its output appended to `log`; raise StepError if it fails."""
    with step(title), log.open("ab") as output:
        output.write(f"\n$ {' '.join(argv)}\n".encode())
        output.flush()
        ended = subprocess.run(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    if ended.returncode != 0:
        raise StepError(f"{title}: exit code {ended.returncode}; the full log is {log}")


def _tick(title: str, started: float, ended: threading.Event) -> None:
    every = 1.0 if sys.stderr.isatty() else LINE_EVERY_SECONDS
    while not ended.wait(every):
        _say(f"{title} … {_duration(time.monotonic() - started)}", last=False)


def _say(line: str, *, last: bool) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{seconds:.1f}s"
