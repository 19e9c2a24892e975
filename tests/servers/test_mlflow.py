"""The example's client of MLflow on a real one: it tells what the one of the unit tests tells."""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.cluster import cache
from tests.cluster.progress import run
from tests.stage.images import ROOT
from tests.support.fake_mlflow import EXCHANGED, exchanged
from tests.support.ports import free_port

REQUIREMENTS = ROOT / "tests/demo/mlflow/requirements.txt"


def mlflow() -> Path:
    """The command, in an environment that is made once a machine."""
    log = cache.logs() / "server-mlflow.log"

    def build(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        run("making an environment for MLflow", [*uv, "venv", "--clear", str(folder)], log)
        place = f"--python={folder / 'bin' / 'python'}"
        run("installing MLflow", [*uv, "pip", "install", place, f"-r{REQUIREMENTS}"], log)

    made_from = [sys.version_info[:2], REQUIREMENTS.read_text(encoding="utf-8")]
    return cache.part("server-mlflow", made_from, build) / "bin" / "python"


def test_a_real_mlflow_tells_what_the_one_of_the_unit_tests_does(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    place = ["--host=127.0.0.1", f"--port={port}", "--workers=1"]
    store = [f"--backend-store-uri=sqlite:///{tmp_path}/mlflow.db"]
    kept = [f"--artifacts-destination={tmp_path}/artifacts"]
    settings = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [str(mlflow()), "-m", "mlflow", "server", *place, *store, *kept]
    server = subprocess.Popen(command, env=settings, cwd=tmp_path)
    try:
        until_it_answers(f"{url}/health")
        assert exchanged(url) == EXCHANGED
    finally:
        server.terminate()
        server.wait()


def until_it_answers(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
