"""What one object has to judge delays no other: a look of 40,000 series in the real judge."""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator

import pytest

from serinus.api.spec import Spec
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.controller.judging import HEAVY, SWITCH, Judging
from serinus.manifests.owner import Owner
from serinus.metrics.batches import MOST_SERIES
from serinus.metrics.queries import Measurement, Query, QueryResult, Series
from serinus.metrics.requests import Request
from serinus.plan.analysis import judged, requested

NOW = 1030.0
SPEC = Spec.model_validate(
    {
        "template": {"spec": {"containers": [{"name": "m", "image": "m"}]}},
        "rollout": {"steps": [{"setWeight": 20}]},
    }
)
STATUS = Status(
    stable=Stable(revision="old", number=1, ready_replicas=1, since=0.0),
    candidate=Candidate(
        revision="new",
        number=2,
        mode="Steps",
        weight=Weight(wanted=20, actual=20, since=900.0),
        since=900.0,
        progress_since=900.0,
        analysis_since=1000.0,
        effective_since=1000.0,
    ),
)


def heavy() -> Measurement:
    """As many categories of features in each arm as a query may return."""
    asked = requested(Owner("shop", "fraud", "uid"), SPEC, STATUS)
    assert isinstance(asked, Request)
    new, old = (_arm(asked.queries, revision) for revision in ("new", "old"))
    return Measurement(NOW, new, old, read_from=NOW - 60)


def _arm(queries: tuple[Query, ...], revision: str) -> dict[Query, QueryResult]:
    labels = {"pod": f"fraud-{revision}-x", "instance": "a", "namespace": "shop"}
    samples = ((NOW - 30, 5.0), (NOW - 15, 100.0), (NOW, 200.0))
    return {
        query: tuple(
            Series({**labels, "feature": f"f{n % 20}", "category": f"c{n}"}, samples)
            for n in range(MOST_SERIES)
        )
        if getattr(query, "metric", "") == "model_feature_category_total"
        else (Series({**labels, "code": "200"}, samples),)
        if getattr(query, "metric", "") == "model_requests_total"
        else ()
        for query in queries
    }


async def a_pass() -> float:
    """Seconds that something with ten waits, and a little work between them, takes."""
    began = time.perf_counter()
    for _ in range(10):
        await asyncio.sleep(0.001)
        sum(n * n for n in range(3000))
    return time.perf_counter() - began


@pytest.fixture(autouse=True)
def as_in_the_operator() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    yield
    sys.setswitchinterval(before)


async def test_others_are_delayed_by_less_than_100_ms() -> None:
    measurement, judging = heavy(), Judging(lambda _: None)
    assert measurement.series > HEAVY
    delays = []
    for _ in range(5):
        alone = statistics.median([await a_pass() for _ in range(5)])
        looking = asyncio.create_task(
            judging.run(measurement.series, lambda: judged(SPEC, STATUS, measurement))
        )
        await asyncio.sleep(0)
        while not looking.done():
            delays.append(await a_pass() - alone)
        checks = (await looking).candidate
        assert checks and checks.checks[0].state.candidate, "nothing was judged"
    assert len(delays) >= 10, "passes waited for the look"
    assert statistics.median(delays) < 0.1
