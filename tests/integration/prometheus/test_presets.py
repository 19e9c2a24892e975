"""What servers export, scraped by a real Prometheus and read as their presets say."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from serinus.api.analysis import Analysis
from serinus.api.presets import PRESETS
from serinus.judge import queries_of
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError, QueryResult
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import PATIENCE, Pods, Server, pod, serving
from tests.unit.presets.exposition import BACKEND, ERRORS, SLOWER, sample


def arm(preset: str) -> Arm:
    """Whose pod exports the sample, be it that of a gateway."""
    return Arm("team", f"{preset.lower()}-1")


def counted(preset: str) -> Arm:
    """Of which the sample tells."""
    return Arm(*BACKEND) if PRESETS[preset].error_rate.requests.backend else arm(preset)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pods = Pods()
    for preset in PRESETS:
        pods.set_text("team", pod(arm(preset)), sample(preset))
    with serving(pods):
        server = Server(tmp_path_factory.mktemp("prometheus"), pods)
        server.start()
        yield server
        server.stop()


async def counts(server: Server, preset: str, **check: object) -> list[float]:
    """What each counter of a check reads, all its series together, once all are scraped."""
    spec = {"preset": preset, "checks": [{"name": "x", **check}]}
    queries = [q for q in queries_of(Analysis.model_validate(spec)) if isinstance(q, CounterQuery)]
    asked = [ArmQuery(counted(preset), q, 60) for q in queries if not q.native]
    deadline = time.monotonic() + PATIENCE
    while True:
        async with Prometheus(Config(server.url)) as prometheus:
            answers = await prometheus.read(asked)
        if all(answers.values()) or time.monotonic() > deadline:
            return [total(answers[one]) for one in asked]
        await asyncio.sleep(0.2)


def total(answer: QueryResult) -> float:
    """Of a histogram, all observations."""
    assert not isinstance(answer, QueryError), answer
    series = [one for one in answer if one.labels.get("le", "+Inf") == "+Inf"]
    return sum(one.samples[-1][1] for one in series)


@pytest.mark.parametrize("preset", ERRORS)
async def test_requests_and_errors_are_found(server: Server, preset: str) -> None:
    requests, outcome = await counts(server, preset, errorRate={})
    errors = requests - outcome if PRESETS[preset].error_rate.successes else outcome
    assert (requests, errors) == ERRORS[preset]


@pytest.mark.parametrize(("preset", "of"), SLOWER)
async def test_all_requests_of_a_latency_are_found(server: Server, preset: str, of: str) -> None:
    _, _, requests = SLOWER[preset, of]
    assert await counts(server, preset, latency={"of": of}) == [requests]
