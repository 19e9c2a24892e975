"""What is said of metrics before a candidate gets traffic."""

from collections.abc import AsyncIterator

import pytest

from serinus.cluster import Cluster
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from tests.support.inprocess import Operator, Traffic
from tests.support.rollouts import PATIENT, STEPS, healthy, spec

CHECKS = [{"name": "errors", "errorRate": {}}, {"name": "slow", "latency": {}}]


class Probed(Traffic):
    """Traffic that is counted together with probes, and without durations."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if isinstance(query, CounterQuery) and "duration" in query.metric:
            return ()
        found = super()._answer(asked)
        if isinstance(found, QueryError):
            return found
        return tuple(Series({**each.labels, "path": "/healthz"}, each.samples) for each in found)


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, whose Prometheus has what pods of a plain server export."""
    running = Operator(cluster, namespace)
    running.traffic = Probed(lambda: running.now, running.now - 120)
    async with running:
        yield running


async def test_checks_that_lack_a_metric_and_probes_are_named_before_the_first_traffic(
    operator: Operator,
) -> None:
    rollout = {"steps": STEPS, "analysis": {"checks": CHECKS}, **PATIENT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))
    operator.move(150)  # before that its first scrape may not have come
    operator.gateway_answers = False  # so that no time passes at a weight
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    status = await operator.until("fraud", lambda s: s["candidate"]["analysisSince"])
    baseline = status["candidate"]["baseline"]
    assert baseline["measuredAt"] <= status["candidate"]["analysisSince"]
    said = baseline["message"]
    assert said.startswith(
        "Check errors: model_requests_total counts probes and scrapes (/healthz) as requests. Add "
        "the matcher {label: path, operator: \"!~\", value: '/healthz'}. "
        "Check slow: Prometheus has no model_request_duration_seconds_bucket from the stable pods: "
    )
    assert said in status["message"]
    operator.gateway_answers = True
    status = await operator.until("fraud", lambda s: "measuredAt" in s["candidate"], moving=5.0)
    assert said not in status["message"]
    assert status["candidate"]["baseline"]["message"] == said
