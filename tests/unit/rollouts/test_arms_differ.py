"""Revisions that are asked differently."""

import math
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise

import pytest

from serinus.cluster import Cluster
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import PATIENT, STEPS, healthy, rolls_out, spec

LOW, HIGH = 0.1, 0.6
"""Shares of incomes up to 2000."""
TOLERATED = "9%"
"""Errors, of which so many less than LOW take many looks to be shown."""


class Incomes(Traffic):
    """Traffic whose requests have an income."""

    stable = ""
    """The workload that is asked by the usual clients alone."""
    low: list[tuple[float, float]]
    """From when on, Unix seconds, which share of the others' incomes is up to 2000."""
    uncounted = 0.0
    """Which share of the others' requests has such an income that is not counted, as they fail."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if not isinstance(query, CounterQuery) or not query.metric.startswith("model_feature"):
            return super()._answer(asked)
        if query.metric != "model_feature_value_bucket":
            return ()
        usual = asked.arm.workload == self.stable
        spans = [(self.started, LOW)] if usual else self.low
        counted = 1.0 if usual else 1 - self.uncounted
        age = self.clock() - self.started
        ages = range(max(0, math.ceil(age - asked.window)), int(age) + 1)
        pod = {"pod": f"{asked.arm.workload}-x-yyyy0", "instance": "10.0.0.0:80"}
        return tuple(
            Series(
                {**pod, "feature": "income", "le": bound},
                tuple(
                    (self.started + n, round(self.rate * self._asked(asked, self.started + n, of)))
                    for n in ages
                ),
            )
            for bound, of in (("2000", spans), ("+Inf", [(self.started, counted)]))
        )

    def _asked(self, asked: ArmQuery, at: float, spans: list[tuple[float, float]]) -> float:
        """In how many seconds the route has as many requests as these of the workload by then."""
        until = partial(self._served_for, asked.arm.workload)
        return sum(
            share * (until(min(at, end)) - until(min(at, start)))
            for (start, share), (end, _) in pairwise([*spans, (math.inf, 0.0)])
        )


def held(reason: str, status: Manifest) -> bool:
    """Whether the candidate is held for the reason."""
    return bool(status["candidate"]["hold"]["reason"] == reason)


def decided(status: Manifest) -> bool:
    """Whether the candidate was rolled back, or is held."""
    return "candidate" not in status or held("ArmsDiffer", status)


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, whose Prometheus knows incomes too."""
    running = Operator(cluster, namespace)
    running.traffic = Incomes(lambda: running.now, running.now - 120)
    async with running:
        yield running


async def asked_differently(operator: Operator) -> tuple[Incomes, Manifest]:
    """v2 is held because of what it is asked; the traffic, and the status then."""
    traffic = operator.traffic
    assert isinstance(traffic, Incomes)
    traffic.low = [(traffic.started, HIGH)]
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", healthy("v1"))
    traffic.stable = f"fraud-{status['stable']['revision']}"
    await operator.apply("fraud", **spec("v2"))
    return traffic, await operator.until("fraud", lambda s: held("ArmsDiffer", s), moving=5.0)


async def test_a_candidate_that_is_asked_differently_is_held_until_it_is_asked_alike(
    operator: Operator,
) -> None:
    traffic, status = await asked_differently(operator)
    assert status["phase"] == "Degraded"
    assert "Feature income, " in status["candidate"]["hold"]["message"]

    traffic.errors = {f"fraud-{status['candidate']['revision']}": 1.0}
    reads = traffic.reads
    await operator.until("fraud", lambda _: traffic.reads > reads + 10, moving=5.0)
    assert held("ArmsDiffer", await operator.until("fraud", lambda s: "candidate" in s))
    traffic.errors = {}
    traffic.low.append((operator.now, LOW))
    status = await operator.until("fraud", healthy("v2"), moving=5.0)
    assert "rejected" not in status


async def test_one_that_is_asked_differently_for_long_gets_no_traffic_until_it_is_told_to_advance(
    operator: Operator,
) -> None:
    traffic, _ = await asked_differently(operator)
    begun = operator.now
    status = await operator.until("fraud", lambda s: held("ArmsStillDiffer", s), moving=5.0)
    assert 595 < operator.now - begun < 640
    assert status["candidate"]["weight"]["wanted"] == 0
    assert "rejected" not in status
    await operator.until_split("fraud", {traffic.stable: 100})
    await operator.command("fraud", f"advance/{status['candidate']['revision']}")
    await operator.until("fraud", lambda s: held("ArmsDiffer", s), moving=5.0)
    traffic.low.append((operator.now, LOW))
    status = await operator.until("fraud", healthy("v2"), moving=5.0)
    assert "rejected" not in status


async def test_inputs_that_are_not_counted_because_requests_fail_hold_no_rollback(
    operator: Operator,
) -> None:
    """The failures are within the tolerance for longer than it takes to show that inputs differ."""
    traffic = operator.traffic
    assert isinstance(traffic, Incomes)
    traffic.low, traffic.uncounted = [(traffic.started, 0.0)], LOW
    errors = {"absoluteTolerance": TOLERATED, "warmUp": "0s"}
    checks = [{"name": "errors", "errorRate": {**errors, "absoluteMargin": TOLERATED}}]
    rollout = {"steps": STEPS, "analysis": {"checks": checks}, **PATIENT}
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", healthy("v1"))
    traffic.stable = f"fraud-{status['stable']['revision']}"
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    status = await operator.until("fraud", rolls_out("v2"))
    traffic.errors = {f"fraud-{status['candidate']['revision']}": LOW}
    status = await operator.until("fraud", decided, moving=5.0)
    assert status["rejected"]["reason"] == "CheckFailed", status["message"]
