"""A real HA pair of Prometheus that writes to one store, without deduplication."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from serinus.metrics.labelling import Labelling
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import PATIENCE, Pods, Server, pod, serving

FRAUD = Arm("team", "fraud-1")
ASKED = ArmQuery(FRAUD, CounterQuery("model_requests_total"), 60)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that two others write to."""
    pods = Pods()
    pods.set(FRAUD.namespace, pod(FRAUD), model_requests_total=100.0)
    with ExitStack() as stack:
        stack.enter_context(serving(pods))
        receiver = ("--web.enable-remote-write-receiver",)
        servers = [Server(tmp_path_factory.mktemp("store"), flags=receiver)]
        for name in "ab":
            folder = tmp_path_factory.mktemp(name)
            servers.append(Server(folder, pods, replica=name, store=servers[0].url))
        for server in servers:
            stack.callback(server.stop)
            server.start()
        yield servers[0].url


async def until(prometheus: Prometheus, holds: Callable[[QueryResult], bool]) -> QueryResult:
    """The first such answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = (await prometheus.read([ASKED]))[ASKED]
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.5)


async def test_what_both_replicas_wrote_is_an_error_that_names_their_label(store: str) -> None:
    async with Prometheus(Config(store)) as prometheus:
        answer = await until(prometheus, lambda answer: isinstance(answer, QueryError))
    assert isinstance(answer, QueryError)
    assert "--prometheus-replica-labels=replica" in answer.message


async def test_with_their_label_declared_each_pod_is_read_of_one_replica(store: str) -> None:
    labelling = Labelling(replicas=("replica",))
    async with Prometheus(Config(store, labelling=labelling)) as prometheus:
        answer = await until(
            prometheus, lambda answer: isinstance(answer, tuple) and has(answer, 5)
        )
    assert isinstance(answer, tuple)
    (series,) = answer
    assert "replica" not in series.labels
    times = [at for at, _ in series.samples]
    assert all(later - sooner > 0.5 for sooner, later in pairwise(times))


def has(answer: tuple[Series, ...], samples: int) -> bool:
    return bool(answer) and all(len(one.samples) >= samples for one in answer)
