"""The judge on servers of two workers that share no counters, scraped by a real Prometheus."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from serinus.api.analysis import Analysis
from serinus.judge import EffectiveWeight, Progress, judge, queries_of
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, ArmQuery, Measurement, Query, QueryResult
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import Pods, Server, pod
from tests.support.workers import get, two_workers

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
APP = """
import prometheus_client

requests = prometheus_client.Counter("model_requests", "Requests.", ["code"])
count = 0

async def app(scope, receive, send):
    global count
    if scope["path"] == "/metrics":
        body = prometheus_client.generate_latest()
    else:
        count += 1
        requests.labels("500" if count % 10 == 0 else "200").inc()
        body = b"yes"
    # scrapes fifteen seconds apart find no connection of the last one either
    headers = [(b"connection", b"close"), (b"content-type", b"text/plain; version=0.0.4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""


class Targets(Pods):
    """Servers at ports of their own."""

    def __init__(self, ports: dict[Arm, int]) -> None:
        super().__init__()
        self._ports = ports

    def targets(self) -> list[dict[str, object]]:
        return [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {"namespace": arm.namespace, "pod": pod(arm)},
            }
            for arm, port in self._ports.items()
        ]


@contextlib.contextmanager
def asking(port: int, every: float) -> Iterator[None]:
    """Requests, until the block ends."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(every):
            get(port, "/")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def test_two_workers_that_share_no_counters_are_an_error_and_fail_nothing(
    tmp_path: Path,
) -> None:
    """Which worker answers a scrape is the kernel's choice. If it is the same one for long, its
    counters are those of one process, and a candidate like stable may pass before the Error."""
    folders = [tmp_path / name for name in ("candidate", "stable", "prometheus")]
    for folder in folders:
        folder.mkdir()
    analysis = Analysis.model_validate({"checks": [{"name": "errors", "errorRate": {}}]})
    queries, progress = queries_of(analysis), Progress()
    with two_workers(folders[0], APP) as candidate, two_workers(folders[1], APP) as stable:
        for _ in range(500):
            get(stable, "/")  # stable has served for longer
        server = Server(folders[2], Targets({CANDIDATE: candidate, STABLE: stable}))
        server.start()
        try:
            with asking(candidate, 0.05), asking(stable, 0.02):
                since, deadline = time.time(), time.monotonic() + 90
                while not (progress.checks and progress.checks[0].verdict == "Error"):
                    assert time.monotonic() < deadline, progress.checks
                    time.sleep(1)
                    now = time.time()
                    window = now - covered_until(progress.counted, since) + 60
                    asked = [
                        ArmQuery(arm, one, window) for one in queries for arm in (CANDIDATE, STABLE)
                    ]
                    async with Prometheus(Config(server.url)) as prometheus:
                        answers = await prometheus.read(asked)
                    arms: dict[Arm, dict[Query, QueryResult]] = {CANDIDATE: {}, STABLE: {}}
                    for one in asked:
                        arms[one.arm][one.query] = answers[one]
                    measured = Measurement(now, arms[CANDIDATE], arms[STABLE])
                    weight = EffectiveWeight(0.3, since)
                    progress = judge(analysis, progress, measured, since, weight)
                    assert progress.checks[0].verdict != "Fail"
        finally:
            server.stop()
    assert "processes with separate counters" in progress.checks[0].message
