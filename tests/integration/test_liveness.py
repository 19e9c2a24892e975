"""What the kubelet is told: a leader that is stuck is started anew, and no other."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from serinus.cluster import Cluster, connect
from serinus.controller.app import App
from serinus.controller.lease import Lease
from tests.integration.proxy import Proxy, Request, forever
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Operator, Traffic
from tests.support.rollouts import spec

PORT_BASE = "127.0.0.1"


@contextlib.asynccontextmanager
async def serving(app: App, port: int) -> AsyncIterator[str]:
    running = asyncio.create_task(app.run((PORT_BASE, port)))
    try:
        yield f"http://{PORT_BASE}:{port}"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def probe(url: str, path: str = "healthz") -> tuple[int, str]:
    async with aiohttp.request("GET", f"{url}/{path}") as answer:
        return answer.status, await answer.text()


async def until_told(url: str, words: str, path: str = "healthz", within: float = 20) -> None:
    deadline, told = time.monotonic() + within, ""
    while words not in told:
        assert time.monotonic() < deadline, f"/{path} tells {told!r}"
        await asyncio.sleep(0.1)
        with contextlib.suppress(aiohttp.ClientConnectionError):
            told = (await probe(url, path))[1]


def app_of(cluster: Cluster, namespace: str, lease: Lease | None = None) -> App:
    traffic = Traffic(time.time, time.time())
    return App(cluster, traffic, namespaces=(namespace,), lease=lease)


async def test_a_leader_whose_reconcile_never_ends_is_told(
    cluster: Cluster, namespace: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.controller.app.STUCK_AFTER", 1.0)
    app = app_of(cluster, namespace)

    async def hang(*_: object, **__: object) -> None:
        await forever()

    async with serving(app, unused_tcp_port) as url:
        await until_told(url, "ok")
        monkeypatch.setattr(app._reconciler, "_observe", hang)
        await Operator(cluster, namespace).apply("fraud", **spec("v1"))
        await until_told(url, f"the reconcile of {namespace}/fraud has been running")
        assert (await probe(url))[0] == 503


async def test_a_leader_whose_sampler_hangs_is_told(
    cluster: Cluster, namespace: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.controller.app.STUCK_AFTER", 1.0)
    app = app_of(cluster, namespace)

    async def hang() -> None:
        await forever()

    monkeypatch.setattr(app.sampler, "run", hang)
    async with serving(app, unused_tcp_port) as url:
        await until_told(url, "no measurement was made for")


async def test_a_leader_with_nothing_to_do_a_standby_and_one_without_an_api_server_are_well(
    kubeconfig: Path,
    cluster: Cluster,
    namespace: str,
    unused_tcp_port_factory: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert callable(unused_tcp_port_factory)
    # sixteen times the longest request; in production it is forty times
    monkeypatch.setattr("serinus.controller.app.STUCK_AFTER", 8.0)
    monkeypatch.setattr("serinus.controller.informer.RESYNC", 1.0)
    monkeypatch.setattr("serinus.controller.informer.RETRY", 1.0)
    monkeypatch.setattr("serinus.controller.queue.LONGEST_SLEEP", 1.0)
    monkeypatch.setattr("serinus.controller.sampling.LONGEST_SLEEP", 1.0)
    down = asyncio.Event()

    async def hang(_: Request) -> web.Response | None:
        if down.is_set():
            await forever()
        return None

    idle = app_of(cluster, namespace, Lease(cluster, namespace, "serinus", "one"))
    standby = app_of(cluster, namespace, Lease(cluster, namespace, "serinus", "other"))
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(kubeconfig, before=hang))
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))
        through = await stack.enter_async_context(connect(timeout=0.5))
        lost = app_of(through, namespace)
        urls = []
        for app in (idle, standby, lost):
            port = unused_tcp_port_factory()
            urls.append(await stack.enter_async_context(serving(app, port)))
            await until_told(urls[-1], "ok", "readyz")
        await Operator(cluster, namespace).apply("fraud", **spec("v1"))
        down.set()
        proxy.cut()
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            for url in urls:
                assert await probe(url) == (200, "ok")
            await asyncio.sleep(0.3)


async def test_a_status_that_cannot_be_written_is_told_by_readiness_and_metrics(
    kubeconfig: Path, namespace: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.controller.unwritten.PATIENCE", 1.0)

    async def refuse(request: Request) -> web.Response | None:
        if "/modeldeployments/fraud/status" not in request.path:
            return None
        body = {"kind": "Status", "code": 422, "reason": "Invalid", "message": "injected"}
        return web.json_response(body, status=422)

    async with breakable(kubeconfig, before=refuse) as (proxy, through):
        app = app_of(through, namespace)
        async with serving(app, unused_tcp_port) as url:
            await until_told(url, "ok", "readyz")
            await Operator(through, namespace).apply("fraud", **spec("v1"))
            await until_told(url, f"the status of {namespace}/fraud could not be written", "readyz")
            assert "422 Invalid: injected" in (await probe(url, "readyz"))[1]
            assert (await probe(url))[0] == 200, "a restart would not help"
            metrics = app.metrics.exposition().decode()
            errors = f'serinus_reconcile_errors_total{{name="fraud",namespace="{namespace}"}}'
            assert errors in metrics
            assert 'serinus_refused_writes_total{kind="ModelDeployment"}' in metrics
            proxy.before = None
            await until_told(url, "ok", "readyz", within=60)
