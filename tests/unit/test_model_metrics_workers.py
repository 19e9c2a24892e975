"""The metric helper in several worker processes behind one port."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workers import SOURCE, get, two_workers

APP = """
from serinus_metrics import ModelMetrics

import os
import prometheus_client

metrics = ModelMetrics(classes=("yes",), features={"age": (20, 40)})

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/metrics":
        body = prometheus_client.generate_latest()
    else:
        with metrics.request():
            metrics.prediction("yes", 0.5)
            metrics.feature("age", 30)
        body = str(os.getpid()).encode()
    headers = [(b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""


def served(exposition: str, metric: str) -> float:
    return sum(float(n) for n in re.findall(rf"^{metric}(?:{{.*}})? (\S+)$", exposition, re.M))


def test_each_scrape_reads_what_both_workers_have_counted(tmp_path: Path) -> None:
    with two_workers(tmp_path, APP) as port:
        answered = [get(port, "/") for _ in range(10)]
        while len(set(answered)) < 2:
            answered.append(get(port, "/"))
            assert len(answered) < 5000, "only one of the workers answers"
        for _ in range(20):
            exposition = get(port, "/metrics")
            for metric in (
                "model_requests_total",
                "model_request_duration_seconds_count",
                "model_predictions_total",
                'model_feature_value_bucket{feature="age",le="40.0"}',
            ):
                found = re.escape(metric) if "{" in metric else metric
                assert served(exposition, found) == len(answered), metric
        assert exposition.count("# TYPE model_requests_total counter") == 1


@pytest.mark.parametrize("first", ["prometheus_client", "serinus_metrics"])
def test_a_worker_that_imports_prometheus_client_first_is_warned(
    first: str, tmp_path: Path
) -> None:
    code = f"import {first}, serinus_metrics, os; print(os.environ.get('PROMETHEUS_MULTIPROC_DIR'))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(SOURCE),
            "SERVER_SOFTWARE": "gunicorn/23.0.0",
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    late = first == "prometheus_client"
    assert ("was imported before serinus_metrics" in ended.stderr) is late
    assert ended.stdout.startswith("None" if late else str(tmp_path))


def test_a_process_that_is_alone_shares_nothing(tmp_path: Path) -> None:
    code = "import serinus_metrics, os; print(os.environ.get('PROMETHEUS_MULTIPROC_DIR'))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "None\n"
    assert list(tmp_path.iterdir()) == []
