"""The operator when its store is behind: nobody told it what happened meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from serinus.cluster import Cluster, connect
from serinus.manifests.kinds import KINDS, WATCHED
from tests.integration.proxy import Proxy, Request, forever
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

PLURALS = {KINDS[name].plural for name in WATCHED}


@pytest.fixture
async def deaf(
    kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Operator, Proxy]]:
    """An operator, and the proxy through which it watches."""
    async with Proxy(kubeconfig) as proxy:
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))
        async with connect() as through, Operator(through, namespace) as operator:
            yield operator, proxy


async def hold(request: Request) -> web.Response | None:
    """Neither watches nor lists tell anything any more; single objects may be read."""
    collection = request.path.partition("?")[0].rpartition("/")[2]
    if request.method == "GET" and collection in PLURALS:
        await forever()
    return None


async def in_mid_canary(operator: Operator, proxy: Proxy) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    proxy.before = hold
    proxy.cut()


async def test_a_deletion_that_it_missed_ends_its_work_at_the_next_write(
    deaf: tuple[Operator, Proxy], cluster: Cluster, namespace: str
) -> None:
    operator, proxy = deaf
    assert operator.app
    await in_mid_canary(operator, proxy)
    await cluster.delete(await cluster.get("ModelDeployment", namespace, "fraud"))
    deadline = time.monotonic() + 20
    while operator.app.store.get("ModelDeployment", namespace, "fraud") is not None:
        assert time.monotonic() < deadline, "it still works on what is gone"
        operator.move(5)
        await asyncio.sleep(0.05)


async def test_a_new_spec_that_it_missed_is_what_its_next_write_is_about(
    deaf: tuple[Operator, Proxy], cluster: Cluster, namespace: str
) -> None:
    operator, proxy = deaf
    await in_mid_canary(operator, proxy)
    back = await operator.edit("fraud", lambda live: live["spec"]["model"].update(version="v1"))
    status = await operator.until(
        "fraud", lambda s: s["observedGeneration"] == back["metadata"]["generation"], moving=5
    )
    assert status["stable"]["version"] == "v1"
    assert "candidate" not in status
