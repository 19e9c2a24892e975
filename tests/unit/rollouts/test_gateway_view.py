"""Requests as the gateway counts them, beside what the pods count."""

import math
from collections.abc import AsyncIterator, Iterator

import pytest

from serinus.cluster import Cluster
from serinus.metrics.batches import BatchQuery
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.results import split
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
GATEWAY = {"name": "gateway", "preset": "EnvoyGateway", "errorRate": {}}
BY_BOTH = {"checks": [*ERRORS["checks"], GATEWAY]}
RATE = 50.0
"""Requests a second. What a restarted proxy counts until the next scrape is little."""


class Gateway(Traffic):
    """Two proxies of Envoy Gateway with mergeBackends, and the pods behind them."""

    stable = ""
    """The workload whose connections are never cut."""
    cut = 0.0
    """Share of the other's requests that its pods count as answered, and no client gets."""
    bad_pod = False
    """Whether the other's first pod fails all of its requests, which the gateway passes on."""
    late = 0.0
    """Seconds by which the pods are scraped later than the proxies."""
    restarted: float | None = None
    """When one of the proxies began to count anew, Unix seconds."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if isinstance(query, CounterQuery) and query.backend is not None:
            found = list(self._clusters(asked, query)) if not self.down else []
            return split(found, BatchQuery("", (asked,)))[asked]
        answer = super()._answer(asked)
        if isinstance(answer, QueryError) or not (self.bad_pod or self.late):
            return answer
        return tuple(self._of_pod(asked, each) for each in answer)

    def _of_pod(self, asked: ArmQuery, series: Series) -> Series:
        workload, until = asked.arm.workload, self.clock() - self.late
        bad = self.bad_pod and workload != self.stable and series.pod.endswith("yyyy0")
        fails = bad and isinstance(asked.query, CounterQuery) and asked.query.part
        rate = self.rate / self.pods
        return Series(
            series.labels,
            tuple(
                (t, self._served_for(workload, t) * rate if fails else n)
                for t, n in series.samples
                if t <= until
            ),
        )

    def _clusters(self, asked: ArmQuery, query: CounterQuery) -> Iterator[Series]:
        """What both have of all revisions, of which the query picks."""
        age, step = self.clock() - self.started, int(asked.every or 1)
        first = max(0, math.ceil(age - asked.window))
        moments = [self.started + n for n in range(first, int(age) + 1) if n % step == 0]
        known = {each for splits in self.splits.values() for _, of in splits for each in of}
        for workload in sorted(known):
            other = workload != self.stable
            cut, failed = other * self.cut, other * self.bad_pod / self.pods
            for code, share in (("200", 1 - cut - failed), ("500", failed), ("503", cut)):
                for proxy in (0, 1):
                    labels = {
                        "namespace": "envoy-gateway-system",
                        "pod": f"envoy-{proxy}",
                        "instance": f"10.0.1.{proxy}:19001",
                        "envoy_cluster_name": f"service/shop/{workload}/80/http",
                        "envoy_response_code": code,
                    }
                    counted = [(t, self._counted(workload, proxy, t) * share) for t in moments]
                    samples = tuple((t, n) for t, n in counted if n)
                    if samples and all(each.matches(labels) for each in query.matchers):
                        yield Series(labels, samples)

    def _counted(self, workload: str, proxy: int, at: float) -> float:
        before = self.restarted if proxy == 0 and (self.restarted or math.inf) <= at else None
        since = self._served_for(workload, before) if before else 0.0
        return (self._served_for(workload, at) - since) * self.rate / 2


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, whose Prometheus scrapes the gateway too."""
    running = Operator(cluster, namespace)
    running.traffic = Gateway(lambda: running.now, running.now - 120, rate=RATE)
    async with running:
        yield running


async def rolling_out(operator: Operator, analysis: Manifest, cut: float = 0.0) -> Gateway:
    """v2 is a candidate that cuts this share of its connections."""
    gateway, rollout = operator.traffic, {"steps": STEPS, "analysis": analysis, **PATIENT}
    assert isinstance(gateway, Gateway)
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    status = await operator.until("fraud", healthy("v1"))
    gateway.stable, gateway.cut = f"fraud-{status['stable']['revision']}", cut
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    return gateway


def ended(status: Manifest) -> bool:
    return bool(status.get("rejected")) or bool(healthy("v2")(status))


async def test_a_candidate_that_cuts_what_its_pods_count_as_answered_is_rolled_back(
    operator: Operator,
) -> None:
    await rolling_out(operator, BY_BOTH, cut=0.1)
    status = await operator.until("fraud", ended, moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"
    assert "check gateway" in status["rejected"]["message"].lower()


async def test_by_what_its_pods_count_it_is_promoted(operator: Operator) -> None:
    await rolling_out(operator, ERRORS, cut=0.1)
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_a_good_one_is_promoted_by_both(operator: Operator) -> None:
    await rolling_out(operator, BY_BOTH)
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_a_proxy_that_restarts_is_no_evidence(operator: Operator) -> None:
    gateway = await rolling_out(operator, BY_BOTH)
    await operator.until("fraud", lambda s: s["candidate"]["counted"], moving=5)
    gateway.restarted = operator.now
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_a_cluster_that_appears_with_its_first_request_is_no_error(
    operator: Operator,
) -> None:
    await rolling_out(operator, BY_BOTH)
    seen = list[str]()

    def over(status: Manifest) -> bool:
        for each in (status.get("candidate") or {}).get("checks", []):
            seen.append(f"{each['name']} {each['verdict']} {each['message']}")
        return bool(healthy("v2")(status))

    await operator.until("fraud", over, moving=5)
    assert seen
    assert not [each for each in seen if " Error " in each]


@pytest.mark.parametrize("late", short([0.0, 20.0], [20.0]))
async def test_one_bad_pod_of_several_is_left_to_the_check_that_sees_pods(
    operator: Operator, late: float
) -> None:
    gateway = await rolling_out(operator, {**BY_BOTH, "onePodToBlame": "Hold"})
    gateway.bad_pod, gateway.late = True, late

    def by_name(status: Manifest) -> Manifest:
        assert not status.get("rejected"), status["rejected"]["message"]
        return {each["name"]: each for each in status["candidate"]["checks"]}

    def blamed(status: Manifest) -> bool:
        return bool(by_name(status)["errors"]["state"]["podsToBlame"])

    await operator.until("fraud", blamed, moving=5)
    later = operator.now + 300
    status = await operator.until("fraud", lambda s: blamed(s) and operator.now > later, moving=5)
    found = by_name(status)["gateway"]
    assert found["verdict"] == "Inconclusive"
    assert found["message"].startswith("A gateway does not count by pod: this check waits")
