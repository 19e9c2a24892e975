"""What happens to monitoring if its settings or stable change."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from serinus.cluster import Cluster
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec
from tests.unit.rollouts.test_monitoring import INTERVAL, World

DRIFT = {"predictionDrift": {"reference": {"recordFor": "5m"}}}


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, of whose traffic a hundredth is fraud."""
    running = Operator(cluster, namespace)
    running.traffic = world = World(lambda: running.now, running.now - 120)
    world.bad = [(world.started, 0.01)]
    async with running:
        yield running


def told(status: Manifest) -> tuple[str, str] | None:
    """Status and reason of PredictionsDrifted; None: there is no such condition."""
    found = (each for each in status["conditions"] if each["type"] == "PredictionsDrifted")
    return next(((each["status"], each["reason"]) for each in found), None)


def becomes(*wanted: str) -> Any:
    return lambda status: told(status) == wanted


async def drifted(operator: Operator) -> None:
    world = operator.traffic
    assert isinstance(world, World)
    await operator.apply("fraud", **spec("v1", monitoring=DRIFT))
    await operator.until("fraud", healthy("v1"))
    await operator.until("fraud", becomes("False", "WithinReference"), moving=INTERVAL)
    world.bad.append((operator.now, 0.2))
    await operator.until("fraud", becomes("True", "PredictionsDrifted"), moving=INTERVAL)


async def test_an_edited_reference_ends_the_alarm_and_is_recorded_anew(operator: Operator) -> None:
    await drifted(operator)
    edited = {"predictionDrift": {"reference": {"recordFor": "6m"}}}
    await operator.apply("fraud", **spec("v1", monitoring=edited))
    await operator.until("fraud", becomes("Unknown", "RecordingReference"))
    status = await operator.until("fraud", becomes("False", "WithinReference"), moving=INTERVAL)
    [reference] = status["monitoring"]["predictions"]["reference"]
    assert reference["categories"]["fraud"] > 0.1, "what is usual now"


async def test_monitoring_that_is_removed_leaves_nothing_and_starts_over(
    operator: Operator,
) -> None:
    await drifted(operator)
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", lambda s: told(s) is None)
    assert not status.get("monitoring")
    await operator.apply("fraud", **spec("v1", monitoring=DRIFT))
    await operator.until("fraud", becomes("Unknown", "RecordingReference"))
    await operator.until("fraud", becomes("False", "WithinReference"), moving=INTERVAL)


async def test_another_stable_revision_is_recorded_from_its_first_minute(
    operator: Operator,
) -> None:
    long = {"predictionDrift": {"reference": {"recordFor": "1h"}}}
    more = {"monitoring": long, "rollout": {"steps": [], "progressDeadline": "2h"}}
    await operator.apply("fraud", **spec("v1", **more))
    await operator.until("fraud", healthy("v1"))
    reads = operator.traffic.reads
    await operator.until("fraud", lambda _: operator.traffic.reads > reads + 20, moving=INTERVAL)
    await operator.apply("fraud", **spec("v2", **more))
    await operator.until("fraud", healthy("v2"))
    begun = operator.now
    status = await operator.until("fraud", becomes("False", "WithinReference"), moving=INTERVAL)
    assert operator.now - begun > 3600, "nothing of v1 is in the reference of v2"
    assert status["stable"]["revision"] in status["monitoring"]["predictions"]["basis"]
