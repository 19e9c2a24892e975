"""Shares the counters of several processes behind one port, in files that all of them can read.

One process answers each scrape. Without sharing, the scrape returns its counters only, and values
fall and rise depending on which process answers. prometheus-client chooses its mode when it is
imported, so this module is imported first.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_REMEDY = (
    f"set {FOLDER} to an empty writable folder, or run one process per pod; otherwise "
    "each scrape returns the counters of another process"
)


def is_worker() -> bool:
    """Whether this process is one of several that share a port, started by uvicorn or hypercorn
    (through multiprocessing) or by gunicorn."""
    if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return True
    started = sys.modules.get(
        "multiprocessing.process"
    )  # imported in every process started by multiprocessing
    return started is not None and started.parent_process() is not None


def share_counters() -> None:
    """Enable prometheus-client's multiprocess mode, if it is not enabled and still can be, in a
    folder that the workers of one parent share."""
    if FOLDER in os.environ or not is_worker():
        return
    if "prometheus_client" in sys.modules:
        warnings.warn(
            f"prometheus_client was imported before serinus_metrics: {_REMEDY}", stacklevel=3
        )
        return
    try:
        folder = Path(tempfile.gettempdir()) / f"serinus-metrics-{os.getuid()}-{os.getppid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
    except OSError as error:
        warnings.warn(f"counters cannot be shared ({error}): {_REMEDY}", stacklevel=3)
        return
    os.environ[FOLDER] = str(folder)


share_counters()
