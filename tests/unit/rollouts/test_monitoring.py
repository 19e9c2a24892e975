"""Stable's inputs, predictions, errors and feedback, watched in moved time."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from serinus.cluster import Cluster
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import healthy, spec

INTERVAL = 60.0
WATCH = {
    "monitoring": {
        "featureDrift": {
            "reference": {
                "given": [{"feature": "income", "buckets": [{"upTo": 2000, "share": "10%"}]}]
            }
        }
    }
}


class Incomes(Traffic):
    """Traffic whose requests have an income."""

    low: list[tuple[float, float]]
    """From when on, Unix seconds, which share is up to 2000."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if not isinstance(query, CounterQuery) or not query.metric.startswith("model_feature"):
            return super()._answer(asked)
        if query.metric != "model_feature_value_bucket":
            return ()
        end = self.clock()
        moments = [end - age for age in range(int(asked.window), -1, -10)]
        pod = {"pod": f"{asked.arm.workload}-x-yyyyy", "instance": "10.0.0.1:80"}
        return tuple(
            Series(
                {**pod, "feature": "income", "le": bound},
                tuple((at, round(self.rate * self._seconds(at, bound))) for at in moments),
            )
            for bound in ("2000", "+Inf")
        )

    def _seconds(self, at: float, bound: str) -> float:
        if bound == "+Inf":
            return at - self.started
        spans = pairwise([*self.low, (inf, 0.0)])
        return sum(share * max(min(at, end) - start, 0) for (start, share), (end, _) in spans)


def drifted(status: Manifest) -> Mapping[str, Any]:
    """The condition Drifted."""
    return next(each for each in status["conditions"] if each["type"] == "Drifted")


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, whose Prometheus knows incomes too."""
    running = Operator(cluster, namespace)
    running.traffic = Incomes(lambda: running.now, running.now - 120)
    async with running:
        yield running


async def test_a_drift_is_told_when_it_begins_and_ends_and_at_rest_nothing_is_written(
    operator: Operator,
) -> None:
    traffic = operator.traffic
    assert isinstance(traffic, Incomes)
    traffic.low = [(traffic.started, 0.1)]
    await operator.apply("fraud", **spec("v1", **WATCH))
    await operator.until("fraud", healthy("v1"))
    await operator.until("fraud", lambda s: drifted(s)["status"] == "False", moving=INTERVAL)
    version = (await operator.get("fraud"))["metadata"]["resourceVersion"]
    reads = traffic.reads
    while traffic.reads < reads + 20:
        operator.move(INTERVAL)
        await asyncio.sleep(0.03)
    assert (await operator.get("fraud"))["metadata"]["resourceVersion"] == version

    traffic.low.append((operator.now, 0.6))
    status = await operator.until(
        "fraud", lambda s: drifted(s)["status"] == "True", moving=INTERVAL
    )
    # both ranges differ by as much
    assert re.match("income: (up to|above) 2000 ", drifted(status)["message"])
    assert status["phase"] == "Healthy"
    traffic.low.append((operator.now, 0.1))
    status = await operator.until(
        "fraud", lambda s: drifted(s)["status"] == "False", moving=INTERVAL
    )
    told = [decision["reason"] for decision in status["decisions"]]
    assert told[:2] == ["WithinReference", "FeaturesDrifted"]
    assert (await operator.until_announced("FeaturesDrifted"))["type"] == "Warning"
    assert (await operator.until_announced("WithinReference"))["type"] == "Normal"


ALL = ("PredictionsDrifted", "ErrorsAboveLimit", "FeedbackAboveLimit")
"""Conditions, and the reasons for which they are True."""


class World(Traffic):
    """Traffic of which a share fails, is disliked and is fraud."""

    bad: list[tuple[float, float]]
    """From when on, Unix seconds, which share."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if not isinstance(query, CounterQuery) or query.buckets:
            return ()
        end = self.clock()
        moments = [end - age for age in range(int(asked.window), -1, -10)]
        pod = {"pod": f"{asked.arm.workload}-x-yyyyy", "instance": "10.0.0.1:80"}
        bad = tuple((at, round(self.rate * self._bad_until(at))) for at in moments)
        if query.part:
            return (Series({**pod, "code": "500"}, bad),)
        good = tuple((at, round(self.rate * (at - self.started)) - n) for at, n in bad)
        return Series({**pod, "class": "fraud"}, bad), Series({**pod, "class": "fine"}, good)

    def _bad_until(self, at: float) -> float:
        spans = pairwise([*self.bad, (inf, 0.0)])
        return sum(share * max(min(at, end) - start, 0) for (start, share), (end, _) in spans)


def states(status: Manifest) -> set[str]:
    """Those of the three conditions."""
    return {each["status"] for each in status["conditions"] if each["type"] in ALL}


async def test_worse_predictions_errors_and_feedback_are_told_and_outlast_a_restart(
    cluster: Cluster, namespace: str
) -> None:
    operator = Operator(cluster, namespace)
    operator.traffic = world = World(lambda: operator.now, operator.now - 120)
    world.bad = [(world.started, 0.005)]
    monitoring = {
        "predictionDrift": {"reference": {"recordFor": "5m"}},
        "errorRate": {"limit": "1%"},
        "feedback": {"limit": "2%"},
    }
    async with operator:
        await operator.apply("fraud", **spec("v1", monitoring=monitoring))
        await operator.until("fraud", healthy("v1"))
        await operator.until("fraud", lambda s: states(s) == {"False"}, moving=INTERVAL)
        version = (await operator.get("fraud"))["metadata"]["resourceVersion"]
        reads = world.reads
        while world.reads < reads + 20:
            operator.move(INTERVAL)
            await asyncio.sleep(0.03)
        assert (await operator.get("fraud"))["metadata"]["resourceVersion"] == version

        world.bad.append((operator.now, 0.1))
        status = await operator.until("fraud", lambda s: states(s) == {"True"}, moving=INTERVAL)
        assert status["phase"] == "Healthy"
        assert {each["reason"] for each in status["decisions"]} > set(ALL)
        for reason in ALL:
            assert (await operator.until_announced(reason))["type"] == "Warning"
        await operator.stop()
        await operator.start()
        world.bad.append((operator.now, 0.005))
        status = await operator.until("fraud", lambda s: states(s) == {"False"}, moving=INTERVAL)
        assert [each["reason"] for each in status["decisions"][:3]].count("WithinLimit") == 2


async def test_hours_of_the_week_are_kept_as_they_are_recorded(
    cluster: Cluster, namespace: str
) -> None:
    operator = Operator(cluster, namespace)
    operator.traffic = world = World(lambda: operator.now, operator.now - 120)
    world.bad = [(world.started, 0.1)]
    monitoring = {
        "interval": "10m",
        "predictionDrift": {"reference": {"recordFor": "168h"}},
    }

    def hours(status: Manifest) -> Mapping[str, list[float]]:
        reference = status["monitoring"]["predictions"].get("reference") or [{}]
        recorded: Mapping[str, list[float]] = reference[0].get("hours", {})
        return recorded

    async with operator:
        await operator.apply("fraud", **spec("v1", monitoring=monitoring))
        await operator.until("fraud", healthy("v1"))
        before = await operator.until("fraud", lambda s: len(hours(s)) >= 2, moving=300.0)
        told = next(e for e in before["conditions"] if e["type"] == "PredictionsDrifted")
        assert told["message"] == (
            f"Recording the reference: {len(hours(before))} of the 168 hours of a week so far, "
            "each with at least 1000 values."
        )
        await operator.stop()
        await operator.start()
        after = await operator.until(
            "fraud", lambda s: len(hours(s)) >= len(hours(before)) + 2, moving=300.0
        )
    assert hours(before).items() <= hours(after).items()
    assert all(each == [0.9, 0.1, 0.0] for each in hours(after).values())
