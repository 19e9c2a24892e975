"""What one tenant's heavy look costs the others: passes beside the real judge of many series.

`python -m tests.campaign.tenants` prints a JSON line for each number of series.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.controller.judging import SWITCH, Judging
from serinus.manifests.owner import Owner
from serinus.metrics.batches import MOST_SERIES
from serinus.metrics.queries import CounterQuery, Measurement, Query, QueryResult, Series
from serinus.metrics.requests import Request
from serinus.plan.analysis import judged, requested

TOLERATED: Final = 0.1
"""Seconds by which a heavy look may delay a pass over another object."""
SIZES: Final = (200, 1_000, 4_000, MOST_SERIES)
"""Series of each arm."""
NOW: Final = 1030.0
SPEC: Final = Spec.model_validate(
    {
        "template": {"spec": {"containers": [{"name": "m", "image": "m"}]}},
        "rollout": {"steps": [{"setWeight": 20}]},
    }
)
STATUS: Final = Status(
    stable=Stable(revision="old", number=1, ready_replicas=1, since=0.0),
    candidate=Candidate(
        revision="new",
        number=2,
        stage=Stage.STEPPING,
        weight=Weight(wanted=20, actual=20, since=900.0),
        since=900.0,
        progress_since=900.0,
        analysis_since=1000.0,
        effective_since=1000.0,
    ),
)


@dataclass(frozen=True, slots=True)
class Delays:
    """How long passes took beside a look."""

    series: int
    """Of both arms."""
    took: float
    """Seconds from the beginning of the look to its end, the median."""
    delays: Sequence[float]
    """By how many seconds each pass beside a look was longer than one alone."""

    @property
    def median(self) -> float:
        """Of the delays."""
        return statistics.median(self.delays)


def look_of(number: int) -> Measurement:
    """As many categories of features in each arm."""
    asked = requested(Owner("shop", "fraud", "uid"), SPEC, STATUS)
    assert isinstance(asked, Request)
    new, old = (_arm(asked.queries, revision, number) for revision in ("new", "old"))
    return Measurement(NOW, new, old, read_from=NOW - 60)


def _arm(queries: tuple[Query, ...], revision: str, number: int) -> dict[Query, QueryResult]:
    labels = {"pod": f"fraud-{revision}-x", "instance": "a", "namespace": "shop"}
    samples = ((NOW - 30, 5.0), (NOW - 15, 100.0), (NOW, 200.0))
    found: dict[Query, QueryResult] = dict.fromkeys(queries, ())
    for query in queries:
        metric = query.metric if isinstance(query, CounterQuery) else ""
        if metric == "model_requests_total":
            found[query] = (Series({**labels, "code": "200"}, samples),)
        elif metric == "model_feature_category_total":
            found[query] = tuple(
                Series({**labels, "feature": f"f{n % 20}", "category": f"c{n}"}, samples)
                for n in range(number)
            )
    return found


async def a_pass() -> float:
    """Seconds that something with ten waits, and a little work between them, takes."""
    began = time.perf_counter()
    for _ in range(10):
        await asyncio.sleep(0.001)
        sum(n * n for n in range(3000))
    return time.perf_counter() - began


@contextmanager
def as_in_the_operator() -> Iterator[None]:
    """Threads switch as often as there."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


async def delays_beside(number: int, looks: int = 5) -> Delays:
    """What looks of so many series an arm cost passes over others."""
    measurement, judging = look_of(number), Judging(lambda _: None)
    delays, took = [], []
    for _ in range(looks):
        alone = statistics.median([await a_pass() for _ in range(5)])
        began = time.perf_counter()
        look = asyncio.create_task(
            judging.run(measurement.series, lambda: judged(SPEC, STATUS, measurement))
        )
        await asyncio.sleep(0)
        delays.append(await a_pass() - alone)
        while not look.done():
            delays.append(await a_pass() - alone)
        candidate = (await look).candidate
        took.append(time.perf_counter() - began)
        assert candidate and candidate.checks[0].state.candidate, "nothing was judged"
    judging.close()
    return Delays(measurement.series, statistics.median(took), delays)


def line(found: Delays) -> dict[str, Any]:
    """A result."""
    return {
        "part": "tenants",
        "series": found.series,
        "look": round(found.took, 3),
        "passes": len(found.delays),
        "median": round(found.median, 3),
        "longest": round(max(found.delays), 3),
        "ok": found.median < TOLERATED,
    }


def main() -> int:
    """Run; 1 if something was wrong."""
    with as_in_the_operator():
        found = [line(asyncio.run(delays_beside(number))) for number in SIZES]
    for each in found:
        print(json.dumps(each))
    return 0 if all(each["ok"] for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
