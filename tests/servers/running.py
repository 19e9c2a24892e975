"""A server that runs: good and misbehaving, its clients, and a Prometheus that scrapes both."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serinus.metrics.queries import Arm
from tests.servers.environments import python
from tests.support.ports import free_port
from tests.support.real_prometheus import Server, pod

MODELS = Path(__file__).parent / "models"
STABLE, CANDIDATE = Arm("team", "good-1"), Arm("team", "bad-1")
STARTS_WITHIN = 300.0
FEATURES = {"income": 1.0, "debt": 0.5, "age": 30.0}


@dataclass(frozen=True)
class Serving:
    """Where one arm of a server is asked and scraped."""

    port: int
    path: str
    body: dict[str, Any]
    metrics: int
    """The port that it exports them at."""
    only: str = ""
    """Of applications that share a server, the one that is this arm."""


@contextmanager
def both(preset: str, misbehaviour: str, folder: Path) -> Iterator[dict[Arm, Serving]]:
    """A good server and one that misbehaves, both ready, until the block ends."""
    with ExitStack() as stack:
        if preset == "RayServe":
            yield stack.enter_context(_ray(misbehaviour, folder))
            return
        arms = {}
        for arm, does in ((STABLE, ""), (CANDIDATE, misbehaviour)):
            own = folder / arm.workload
            own.mkdir()
            arms[arm] = stack.enter_context(_STARTED[preset](does, own))
        for serving in arms.values():
            _until_it_answers(serving, folder)
        yield arms


@contextmanager
def asked(arms: dict[Arm, Serving], a_second: float) -> Iterator[None]:
    """Each arm is asked so often by clients, which take an error for an answer."""
    over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(serving, 2 / a_second, over), daemon=True)
        for serving in arms.values()
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def scraped(arms: dict[Arm, Serving], folder: Path) -> Server:
    """A Prometheus, not yet started, for which each arm is a pod."""
    jobs: list[dict[str, object]] = []
    for arm, serving in arms.items():
        labels = {"namespace": arm.namespace, "pod": pod(arm)}
        targets = [{"targets": [f"127.0.0.1:{serving.metrics}"], "labels": labels}]
        job: dict[str, object] = {
            "job_name": arm.workload,
            "static_configs": targets,
            "scrape_interval": "5s",
            "scrape_timeout": "5s",  # Ray renders its metrics for a second and more
        }
        if serving.only:
            # what no application is named in is of the server itself
            keep = {"source_labels": ["application"], "regex": f"({serving.only})?"}
            job["metric_relabel_configs"] = [{**keep, "action": "keep"}]
        jobs.append(job)
    return Server(folder, jobs=jobs)


def _ask(serving: Serving, every: float, over: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
    body = json.dumps(serving.body)
    while not over.wait(every):
        try:
            connection.request("POST", serving.path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()


@contextmanager
def _process(
    preset: str, command: list[str], folder: Path, misbehaviour: str = "", **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The command in the server's environment, and all that it starts, until the block ends."""
    own = {"PYTHONPATH": str(MODELS), "MISBEHAVIOUR": misbehaviour, "HOME": str(folder), **more}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(python(preset)), *command],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _mlserver(misbehaviour: str, folder: Path) -> Iterator[Serving]:
    port, grpc, metrics = free_port(), free_port(), free_port()
    model = {"name": "scorecard", "implementation": "serve_mlserver.Scorecard"}
    ports = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics}
    settings = {**ports, "host": "127.0.0.1", "parallel_workers": 0}
    (folder / "model-settings.json").write_text(json.dumps(model))
    (folder / "settings.json").write_text(json.dumps(settings))
    start = ["-c", "from mlserver.cli import main; main()", "start", "."]
    inputs = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
        for name, value in FEATURES.items()
    ]
    with _process("MLServer", start, folder, misbehaviour):
        yield Serving(port, "/v2/models/scorecard/infer", {"inputs": inputs}, metrics)


@contextmanager
def _kserve(misbehaviour: str, folder: Path) -> Iterator[Serving]:
    port = free_port()
    start = [str(MODELS / "serve_kserve.py"), str(port)]
    with _process("KServe", start, folder, misbehaviour):
        yield Serving(port, "/v1/models/scorecard:predict", {"instances": [FEATURES]}, port)


@contextmanager
def _bentoml(misbehaviour: str, folder: Path) -> Iterator[Serving]:
    port = free_port()
    start = [
        *("-m", "bentoml", "serve", "serve_bentoml:Scorecard", "--working-dir", str(MODELS)),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    quiet = {"BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "True"}
    with _process("BentoML", start, folder, misbehaviour, **quiet):
        yield Serving(port, "/predict", dict(FEATURES), port)


_STARTED = {"MLServer": _mlserver, "KServe": _kserve, "BentoML": _bentoml}


@contextmanager
def _ray(misbehaviour: str, folder: Path) -> Iterator[dict[Arm, Serving]]:
    """Both arms are applications of one Ray."""
    port, metrics = free_port(), free_port()
    start = [str(MODELS / "serve_ray.py"), str(port), str(metrics)]
    own = {
        "RAY_AUTH_MODE": "disabled",
        "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_metrics_report_interval_ms": "1000",
    }
    with _process("RayServe", start, folder, **own):
        arms = {
            arm: Serving(port, f"/{does}", dict(FEATURES), metrics, only=does)
            for arm, does in ((STABLE, "good"), (CANDIDATE, misbehaviour))
        }
        for serving in arms.values():
            _until_it_answers(serving, folder)
        yield arms


def _until_it_answers(serving: Serving, folder: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    request = urllib.request.Request(
        f"http://127.0.0.1:{serving.port}{serving.path}",
        json.dumps(serving.body).encode(),
        {"Content-Type": "application/json"},
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                print(*(log.read_text()[-3000:] for log in folder.rglob("log")), file=sys.stderr)
                raise TimeoutError(f"{serving.path} does not answer: {error}") from error
        time.sleep(0.5)
