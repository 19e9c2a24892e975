"""A server of uvicorn's with two workers behind one port."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import serinus_metrics
from tests.support.ports import free_port

SOURCE = Path(serinus_metrics.__file__).parent.parent
"""The folder to import serinus_metrics from."""


def get(port: int, path: str) -> str:
    """The body of an answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


@contextlib.contextmanager
def two_workers(folder: Path, app: str) -> Iterator[int]:
    """Serves the variable `app` of this source, until the block ends; yields its port."""
    (folder / "app.py").write_text(app)
    port = free_port()
    command = ("uvicorn", "app:app", "--workers", "2", "--lifespan", "off", "--port", str(port))
    server = subprocess.Popen(
        [sys.executable, "-m", *command, "--log-level", "warning"],
        env={
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "PYTHONPATH": os.pathsep.join((str(folder), str(SOURCE))),
        },
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert time.monotonic() < deadline, "it did not start"
            assert server.poll() is None
            time.sleep(0.1)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _answers(port: int) -> bool:
    try:
        get(port, "/metrics")
    except OSError:
        return False
    return True
