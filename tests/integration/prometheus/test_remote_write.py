"""The judge on what a real Prometheus was sent by remote write, in shards of which one lags."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serinus.api.analysis import Analysis
from serinus.judge import EffectiveWeight, Progress, judge, queries_of
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, ArmQuery, Measurement, Query, QueryResult
from serinus.prometheus import Config, Prometheus
from tests.integration.prometheus.remote_write import write
from tests.support.real_prometheus import Server, pod

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
SCRAPES, INTERVAL, LAG = 24, 15.0, 40.0
BEFORE = 10
"""Scrapes of stable before the candidate came."""
LATE = {(CANDIDATE, "200"), (STABLE, "500")}
"""What the shard that lags has."""
SERVED = {CANDIDATE: {"200": 90, "500": 10}, STABLE: {"200": 900, "500": 100}}
"""Requests between two scrapes: a tenth of both fails."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, flags=("--web.enable-remote-write-receiver",))
    server.start()
    yield server
    server.stop()


class Sender:
    """What has been scraped, sent on series by series as late as its shard is."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sent: dict[tuple[Arm, str], int] = {}

    def send(self, arm: Arm, code: str, scrapes: list[tuple[float, float]], until: float) -> None:
        sent = self._sent.get((arm, code), 0)
        due = [sample for sample in scrapes[sent:] if sample[0] <= until]
        if due:
            labels = {"namespace": arm.namespace, "pod": pod(arm), "instance": f"{arm.workload}:80"}
            write(self._url, {"__name__": "model_requests_total", "code": code, **labels}, due)
            self._sent[arm, code] = sent + len(due)


async def test_an_identical_model_behind_sharded_remote_write_is_not_rolled_back(
    server: Server,
) -> None:
    begin = time.time() - (SCRAPES + BEFORE + 1) * INTERVAL
    since = begin + BEFORE * INTERVAL - 1
    analysis = Analysis.model_validate({"checks": [{"name": "errors", "errorRate": {}}]})
    queries, progress, sender = queries_of(analysis), Progress(), Sender(server.url)
    scrapes: dict[tuple[Arm, str], list[tuple[float, float]]] = {}
    for number in range(BEFORE + SCRAPES):
        at = begin + number * INTERVAL
        for arm, counts in SERVED.items():
            came = BEFORE if arm == CANDIDATE else 0
            for code, count in counts.items():
                taken = scrapes.setdefault((arm, code), [])
                if number >= came:
                    taken.append((at, float(count * (number - came + 1))))
                late = LAG if (arm, code) in LATE else 0.0
                sender.send(arm, code, taken, at + 1 - late)
        if at < since:
            continue
        window = time.time() - covered_until(progress.counted, since) + 60
        asked = [ArmQuery(arm, one, window) for one in queries for arm in SERVED]
        async with Prometheus(Config(server.url)) as prometheus:
            answers = await prometheus.read(asked)
        arms: dict[Arm, dict[Query, QueryResult]] = {CANDIDATE: {}, STABLE: {}}
        for one in asked:
            arms[one.arm][one.query] = answers[one]
        measured = Measurement(at + 1, arms[CANDIDATE], arms[STABLE])
        progress = judge(analysis, progress, measured, since, EffectiveWeight(0.1, since))
        assert progress.checks[0].verdict not in ("Fail", "Error"), progress.checks[0].message
    state = progress.checks[0].state
    assert state.candidate["requests"] >= 100 * (SCRAPES - LAG // INTERVAL - 2)
    assert state.comparisons[0].candidate == state.candidate["requests"] / 10
