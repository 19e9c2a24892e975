"""Somebody writes a ModelDeployment at the very moment in which its status is written."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from serinus.cluster import Cluster
from tests.integration.proxy import Fault, Request
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec


class Race:
    """Annotates the object just before a status for which `holds` arrives."""

    def __init__(self, cluster: Cluster, namespace: str, holds: Callable[[Any], bool]) -> None:
        self._bystander = Operator(cluster, namespace)
        self._holds = holds
        self.lost = asyncio.Event()
        """The status came too late."""

    def __call__(self, then: Callable[[], None] = lambda: None) -> Fault:
        async def before(request: Request) -> web.Response | None:
            if self.lost.is_set() or "/fraud/status" not in request.path:
                return None
            if self._holds(json.loads(request.body)["status"]):
                self.lost.set()
                await self._bystander.command("fraud", "")
                then()
            return None

        return before


async def test_a_status_that_came_too_late_is_decided_anew(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    race = Race(cluster, namespace, lambda status: "candidate" in status)
    async with (
        breakable(kubeconfig, before=race()) as (_, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1"))
        await operator.until("fraud", healthy("v1"))
        assert race.lost.is_set()
        assert operator.app
        exposed = operator.app.metrics.exposition()
    assert b'serinus_reconcile_duration_seconds_count{result="conflict"} 1.0' in exposed
    assert b'serinus_reconcile_duration_seconds_count{result="error"}' not in exposed


async def test_what_was_measured_outlives_a_status_that_came_too_late(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    race = Race(cluster, namespace, lambda status: "rejected" in status)
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1"))
        await operator.until("fraud", healthy("v1"))
        await operator.apply("fraud", **spec("v3"))
        status = await operator.until("fraud", lambda s: "candidate" in s)
        operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.2}

        def be_silent() -> None:
            operator.traffic.silent = True

        proxy.before = race(be_silent)
        while not race.lost.is_set():
            operator.move(5)
            await asyncio.sleep(0.1)
        status = await operator.until("fraud", lambda s: s["rejected"])
    assert status["rejected"]["reason"] == "CheckFailed"
