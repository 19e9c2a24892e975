"""Several processes behind one port: their counters are kept in files that all of them can read.

Each scrape is answered by one of them. Without this it reads the counters of that one, and values
fall and rise with whoever answers. prometheus-client decides when it is imported, so this is
imported first.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_REMEDY = (
    f"set {FOLDER} to an empty folder that can be written, or run one process in each pod: "
    "else each scrape reads another process's counters"
)


def is_worker() -> bool:
    """Whether this process was started beside others that answer on the same port, as uvicorn and
    hypercorn do by multiprocessing, and gunicorn by itself."""
    if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return True
    started = sys.modules.get("multiprocessing.process")  # whoever was started so has imported it
    return started is not None and started.parent_process() is not None


def share_counters() -> None:
    """Switch prometheus-client's multiprocess mode on, in a folder that the workers of one parent
    share, where it is not on and still can be."""
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
            raise PermissionError(f"{folder} is another user's")
    except OSError as error:
        warnings.warn(f"counters cannot be shared ({error}): {_REMEDY}", stacklevel=3)
        return
    os.environ[FOLDER] = str(folder)


share_counters()
