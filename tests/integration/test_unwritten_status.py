"""A status that cannot be written: told otherwise, and traffic goes back to stable without it."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.proxy import Fault, Request, refused
from tests.integration.test_failing_children import in_mid_canary
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, only, spec


def writes_status(request: Request) -> bool:
    return request.method in ("PUT", "PATCH") and "/modeldeployments/fraud/status" in request.path


def refusing(status: int) -> Fault:
    """The API server takes no status of a ModelDeployment any more."""

    async def before(request: Request) -> web.Response | None:
        return refused(status, "Injected") if writes_status(request) else None

    return before


async def until_unmarked(operator: Operator) -> None:
    """The route is written after the status."""
    deadline = time.monotonic() + 10
    while True:
        route = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
        if "serinus.dev/withdrawn" not in (route["metadata"].get("annotations") or {}):
            return
        assert time.monotonic() < deadline, "the mark stays"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("code", [422, 403, 503])
async def test_a_rollback_reaches_the_route_though_the_status_cannot_be_written(
    code: int, kubeconfig: Path, namespace: str
) -> None:
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, bad = await in_mid_canary(operator)
        proxy.before = refusing(code)
        operator.traffic.errors = {f"fraud-{bad}": 0.3}
        moving = asyncio.create_task(go_on(operator))
        try:
            await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=20)
        finally:
            moving.cancel()
        live = await operator.get("fraud")
        assert live["status"]["candidate"]["revision"] == bad, "the status is the old one"
        told = await operator.until_announced("WeightLowered")
        assert f"The traffic of revision {bad} was withdrawn without a status" in told["note"]
        if code != 503:
            told = await operator.until_announced("StatusNotWritten")
            assert told["type"] == "Warning"
            assert f"{code} Injected" in told["note"]
        # killed: what was found is lost, and the old status asks for the candidate's weight
        await operator.stop()
        operator.traffic.silent = True
        async with operator:
            proxy.before = None
            await operator.until("fraud", withdrawn, moving=1)
            for _ in range(20):
                operator.move(30)
                await asyncio.sleep(0.05)
                assert await operator.split("fraud") == {f"fraud-{stable}": 100}
            operator.traffic.silent = False
            status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
            assert status["rejected"]["reason"] == "CheckFailed"
            await operator.until_split("fraud", {f"fraud-{stable}": 100})
            await until_unmarked(operator)
            await operator.until("fraud", lambda s: not s.get("retiring"), moving=20)
            await only(operator, "Deployment", {f"fraud-{stable}"})


async def go_on(operator: Operator) -> None:
    while True:
        operator.move(5)
        await asyncio.sleep(0.05)


def withdrawn(status: Manifest) -> bool:
    return "was withdrawn while the status" in status["message"]


async def test_what_is_aborted_loses_its_traffic_though_the_status_cannot_be_written(
    kubeconfig: Path, namespace: str
) -> None:
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, candidate = await in_mid_canary(operator)
        proxy.before = refusing(422)
        await operator.command("fraud", f"abort/{candidate}")
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
        proxy.before = None
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "Aborted"
        await until_unmarked(operator)


async def test_a_good_candidate_gets_its_traffic_back_after_a_look(
    kubeconfig: Path, namespace: str
) -> None:
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, candidate = await in_mid_canary(operator)
        proxy.before = refusing(422)
        await operator.command("fraud", f"abort/{candidate}")
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
        # the abort is taken back before it could be noted
        await operator.command("fraud", "")
        proxy.before = None
        await operator.until("fraud", healthy("v2"), moving=5, within=60)
        await until_unmarked(operator)


async def test_a_candidate_of_which_nothing_would_be_measured_loses_its_traffic(
    kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.controller.unwritten.PATIENCE", 1.0)

    async def begins_to_measure(request: Request) -> web.Response | None:
        if not writes_status(request):
            return None
        found = json.loads(request.body).get("status", {}).get("candidate") or {}
        return refused(422, "Invalid") if "analysisSince" in found else None

    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1"))
        stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
        proxy.before = begins_to_measure
        await operator.apply("fraud", **spec("v2"))
        deadline = time.monotonic() + 20
        while len(await operator.split("fraud")) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.03)
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=20)
        for _ in range(40):
            operator.move(1)
            await asyncio.sleep(0.05)
            assert await operator.split("fraud") == {f"fraud-{stable}": 100}
        proxy.before = None
        await operator.until("fraud", healthy("v2"), moving=5, within=60)
