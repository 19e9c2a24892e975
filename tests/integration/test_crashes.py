"""The operator killed with SIGKILL at the worst moments: the end is the same as undisturbed."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.cluster import Cluster
from tests.integration.process import OperatorProcess, PaperPrometheus, real_traffic
from tests.integration.proxy import Proxy, Request
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import children, only, spec

QUICK = {
    "steps": [{"setWeight": 20}, {"setWeight": 50}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
    "scaleDownDelay": "1s",
}


def _status_write(holds: Callable[[Any], bool]) -> Callable[[Request], bool]:
    def matches(request: Request) -> bool:
        if request.method != "PUT" or "/status" not in request.path:
            return False
        return holds(json.loads(request.body)["status"])

    return matches


def _writes(kind: str, method: str = "PATCH") -> Callable[[Request], bool]:
    return lambda request: request.method == method and f"/{kind}/" in request.path


def _route_weight(candidate: int) -> Callable[[Request], bool]:
    def matches(request: Request) -> bool:
        if not _writes("httproutes")(request) or "/status" in request.path:
            return False
        backends = json.loads(request.body)["spec"]["rules"][0]["backendRefs"]
        return bool(backends[-1]["weight"] == candidate)

    return matches


def _in_step(status: Any) -> bool:
    return bool(status.get("candidate", {}).get("effectiveSince"))


PROMOTED = {
    "new revision seen, its status not yet written": (
        "before",
        _status_write(lambda s: "candidate" in s and s["candidate"]["number"] == 2),
    ),
    "new revision in status, its pods not yet made": (
        "after",
        _status_write(lambda s: "candidate" in s and s["candidate"]["number"] == 2),
    ),
    "in the middle of a step": ("after", _status_write(_in_step)),
    "weight in status, the route not yet written": ("before", _route_weight(50)),
    "promotion in status, the route not yet written": (
        "after",
        _status_write(lambda s: s.get("stable", {}).get("number") == 2),
    ),
    "promoted, the old pods about to go": ("before", _writes("deployments", "DELETE")),
}
WRITTEN_BY_HALF = ("promotion in status, the route not yet written",)
"""Where `make test` kills it; tests/e2e does so in a step and in a promotion, and the campaign in
memory in each of its states."""


@pytest.fixture
async def kubelets(cluster: Cluster, namespace: str) -> Any:
    """A gateway that takes up routes; the operator itself runs elsewhere."""
    bystander = Operator(cluster, namespace)
    gateway = asyncio.create_task(bystander.accept_routes())
    yield bystander
    gateway.cancel()


@pytest.mark.parametrize("place", short(PROMOTED, WRITTEN_BY_HALF))
async def test_a_kill_leads_to_the_same_promotion(
    place: str, kubelets: Operator, kubeconfig: Path
) -> None:
    when, matches = PROMOTED[place]
    status = await _rollout(kubelets, kubeconfig, when, matches, errors=0.0)
    assert status["stable"]["number"] == 2
    reasons = [each["reason"] for each in reversed(status["decisions"])]
    assert reasons == [
        *("FirstDeployment", "Promoted", "RolloutStarted"),
        *("WeightRaised", "Promoting", "Promoted"),
    ], "nothing is decided twice"


@pytest.mark.parametrize("when", short(["before", "after"], ["after"]))
async def test_a_kill_between_verdict_and_route_leads_to_the_same_rollback(
    when: str, kubelets: Operator, kubeconfig: Path
) -> None:
    rejected = _status_write(lambda s: "rejected" in s)
    status = await _rollout(kubelets, kubeconfig, when, rejected, errors=0.6)
    assert status["rejected"]["reason"] == "CheckFailed"
    assert [each["reason"] for each in status["decisions"]].count("CheckFailed") == 1


async def test_a_kill_during_deletion_leaves_no_orphan(
    kubelets: Operator, kubeconfig: Path
) -> None:
    traffic = kubelets.traffic = real_traffic()
    async with PaperPrometheus(traffic) as prometheus, Proxy(kubeconfig) as proxy:
        arguments = (proxy.kubeconfig, prometheus.url, kubelets.namespace)
        async with OperatorProcess(*arguments) as operator:
            await kubelets.apply("fraud", **spec("v1", rollout=QUICK))
            await kubelets.until("fraud", lambda s: s["phase"] == "Healthy", within=40)
            await kubelets.apply("fraud", **spec("v2", rollout=QUICK))
            await kubelets.until("fraud", lambda s: "candidate" in s, within=40)
            await kubelets.cluster.delete(await kubelets.get("fraud"))
            operator.kill()
            await operator.died()
            await operator.start()
            for kind in ("Deployment", "Service", "HTTPRoute", "ControllerRevision"):
                await only(kubelets, kind, set())


async def _rollout(
    kubelets: Operator,
    kubeconfig: Path,
    when: str,
    matches: Callable[[Request], bool],
    errors: float,
) -> Manifest:
    """Roll v2 out with a kill at the given place, start the operator anew, wait for the end."""
    traffic = kubelets.traffic = real_traffic()
    async with PaperPrometheus(traffic) as prometheus, Proxy(kubeconfig) as proxy:
        operator = OperatorProcess(proxy.kubeconfig, prometheus.url, kubelets.namespace)
        killed = asyncio.Event()

        async def kill(request: Request) -> web.Response | None:
            if not killed.is_set() and matches(request):
                operator.kill()
                await operator.died()
                killed.set()
                return web.Response(status=502)
            return None

        async with operator:
            first = await kubelets.apply("fraud", **spec("v1", rollout=QUICK))
            await kubelets.until("fraud", lambda s: s["phase"] == "Healthy", within=40)
            setattr(proxy, when, kill)
            await kubelets.apply("fraud", **spec("v2", rollout=QUICK))
            if errors:
                status = await kubelets.until("fraud", lambda s: "candidate" in s, within=40)
                traffic.errors = {f"fraud-{status['candidate']['revision']}": errors}
            await asyncio.wait_for(killed.wait(), 60)
            await operator.start()
            status = await kubelets.until("fraud", _ended(first), within=90)
            # the status is written first; its children follow while the operator lives
            await _only(kubelets, {f"fraud-{status['stable']['revision']}"})
            return status


def _ended(first: Manifest) -> Callable[[Manifest], bool]:
    def holds(status: Manifest) -> bool:
        moved = status["observedGeneration"] > first["metadata"]["generation"]
        at_rest = status["phase"] in ("Healthy", "RolledBack") and "candidate" not in status
        return moved and at_rest and not status.get("retiring")

    return holds


async def _only(kubelets: Operator, names: set[str]) -> None:
    """Nothing runs and nothing takes traffic but these, at the latest soon."""
    cluster, namespace = kubelets.cluster, kubelets.namespace
    expected = {"Deployment": names, "Service": {*names, "fraud"}, "HTTPRoute backends": names}
    found: dict[str, set[str]] = {}
    deadline = time.monotonic() + 20
    while found != expected:
        assert time.monotonic() < deadline, f"{found} instead of {expected}"
        found = {
            "Deployment": await children(cluster, namespace, "Deployment"),
            "Service": await children(cluster, namespace, "Service"),
            "HTTPRoute backends": set(await kubelets.split("fraud")),
        }
        await asyncio.sleep(0.2)
