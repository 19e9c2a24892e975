"""Two replicas: one leads, another follows soon, and never do both lead."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from serinus.cluster import Cluster, connect
from serinus.controller.app import App
from serinus.controller.lease import DURATION, RENEW_WITHIN, RETRY, Lease
from tests.integration.process import OperatorProcess
from tests.integration.proxy import Fault, Proxy, Request, forever, refused
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import children, spec

NOWHERE = "http://127.0.0.1:9"
"""A Prometheus that is not there: first deployments ask for none."""


@contextlib.asynccontextmanager
async def breakable(
    kubeconfig: Path, before: Fault | None = None
) -> AsyncIterator[tuple[Proxy, Cluster]]:
    """A proxy at which a test breaks things, and a client that goes through it."""
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(kubeconfig, before))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(proxy.kubeconfig))
            client = await stack.enter_async_context(connect())
        yield proxy, client


async def held_by(cluster: Cluster, namespace: str, name: str = "serinus") -> Manifest:
    live = await cluster.find("Lease", namespace, name)
    return (live or {}).get("spec") or {}


# the Lease alone


async def hang(_: Request) -> web.Response | None:
    await forever()
    return None


async def fail(_: Request) -> web.Response | None:
    return refused(503)


async def lag(request: Request) -> web.Response | None:
    """The API server writes at once, and its answer comes seconds later."""
    if request.method in ("POST", "PUT"):
        await asyncio.sleep(RENEW_WITHIN - 1)
    return None


async def test_a_leader_that_cannot_renew_stops_before_another_leads(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    await asyncio.gather(
        *(_stops_in_time(fault, kubeconfig, cluster, namespace) for fault in (hang, fail, lag))
    )


async def _stops_in_time(fault: Fault, kubeconfig: Path, cluster: Cluster, namespace: str) -> None:
    name = fault.__name__
    async with breakable(kubeconfig) as (proxy, through):
        one = Lease(through, namespace, name, "one")
        other = Lease(cluster, namespace, name, "other")
        if fault is lag:
            proxy.after = fault
        first = asyncio.create_task(one.acquire())
        while not await held_by(cluster, namespace, name):
            await asyncio.sleep(0.02)
        acquiring = asyncio.create_task(other.acquire())
        await first
        proxy.before = hang if fault is lag else fault
        await one.keep()
        assert not acquiring.done(), f"{name}: it leads while the first one may still be at work"
        stopped = time.monotonic()
        await asyncio.wait_for(acquiring, 30)
        assert time.monotonic() - stopped > 1.0, f"{name}: no time for what is on its way"
    assert (await held_by(cluster, namespace, name))["leaseTransitions"] == 1


async def test_a_leader_whose_lease_is_taken_stops(cluster: Cluster, namespace: str) -> None:
    one = Lease(cluster, namespace, "serinus", "one")
    await one.acquire()
    live = await cluster.get("Lease", namespace, "serinus")
    await cluster.update({**live, "spec": {**live["spec"], "holderIdentity": "other"}})
    await asyncio.wait_for(one.keep(), RENEW_WITHIN)
    await one.release()
    assert (await held_by(cluster, namespace))["holderIdentity"] == "other"


async def test_a_released_lease_is_taken_at_the_next_look(cluster: Cluster, namespace: str) -> None:
    one = Lease(cluster, namespace, "serinus", "one")
    other = Lease(cluster, namespace, "serinus", "other")
    await one.acquire()
    acquiring = asyncio.create_task(other.acquire())
    await asyncio.sleep(0)
    await one.release()
    await asyncio.wait_for(acquiring, RETRY + 2)
    assert (await held_by(cluster, namespace))["holderIdentity"] == "other"


async def test_a_lease_is_released_although_a_renewal_that_was_under_way_is_written_meanwhile(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    renewals = ["2026-12-01T12:00:00.000000Z"]

    async def written_before(request: Request) -> web.Response | None:
        if request.method == "PUT" and renewals:
            live = await cluster.get("Lease", namespace, "serinus")
            await cluster.update({**live, "spec": {**live["spec"], "renewTime": renewals.pop()}})
        return None

    async with breakable(kubeconfig) as (proxy, through):
        one = Lease(through, namespace, "serinus", "one")
        await one.acquire()
        proxy.before = written_before
        await one.release()
    assert not renewals
    assert (await held_by(cluster, namespace))["holderIdentity"] == ""


async def test_a_lease_that_nobody_ever_held_is_taken(cluster: Cluster, namespace: str) -> None:
    metadata = {"name": "serinus", "namespace": namespace}
    head = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    await cluster.create(head)
    await asyncio.wait_for(Lease(cluster, namespace, "serinus", "one").acquire(), 5)
    held = await held_by(cluster, namespace)
    assert held["holderIdentity"] == "one"
    assert held["leaseDurationSeconds"] == DURATION


# a replica that loses it in the middle of its work


@pytest.mark.parametrize("ending", [False, True], ids=["in mid-work", "while it ends"])
async def test_a_leader_that_loses_the_lease_drops_its_work_before_another_leads(
    ending: bool, kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    stuck = asyncio.Event()

    async def fault(request: Request) -> web.Response | None:
        if request.method != "PATCH" or "/deployments/" not in request.path:
            return refused(503) if stuck.is_set() and "/leases/" in request.path else None
        stuck.set()
        return await hang(request)

    async with breakable(kubeconfig) as (proxy, through):
        proxy.before = fault
        lease = Lease(through, namespace, "serinus", "one")
        app = App(through, Traffic(time.time, time.time()), namespaces=(namespace,), lease=lease)
        running = asyncio.create_task(app.run())
        await Operator(cluster, namespace).apply("fraud", **spec("v1"))
        await asyncio.wait_for(stuck.wait(), 30)
        if ending:
            running.cancel()
        acquiring = asyncio.create_task(Lease(cluster, namespace, "serinus", "other").acquire())
        while b"serinus_leading 1.0" in app.metrics.exposition():
            assert not acquiring.done(), "it leads while the first one is still at work"
            await asyncio.sleep(0.05)
        await asyncio.wait_for(acquiring, 30)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert await children(cluster, namespace, "Deployment") == set()


# whole processes


async def leads(replica: OperatorProcess) -> bool:
    found = {sample.name: sample.value for sample in await replica.metrics()}
    return found.get("serinus_leading") == 1


async def until_leads(replica: OperatorProcess, within: float) -> float:
    """Seconds until it leads."""
    started = time.monotonic()
    while not await leads(replica):
        assert time.monotonic() < started + within, f"it does not lead within {within:g} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def until_ready(replica: OperatorProcess) -> None:
    """Until it has listed everything, and so may lead."""
    deadline = time.monotonic() + 30
    listed = 0.0
    while not listed:
        assert time.monotonic() < deadline, "it lists nothing"
        await asyncio.sleep(0.05)
        samples = await replica.metrics()
        of_leases = [s for s in samples if s.labels.get("kind") == "Lease"]
        listed = sum(sample.value for sample in of_leases)


@contextlib.asynccontextmanager
async def never_both(*replicas: OperatorProcess) -> AsyncIterator[None]:
    """Watches that no two of them lead."""

    async def watch() -> None:
        while True:
            leading = await asyncio.gather(*(leads(replica) for replica in replicas))
            assert sum(leading) < 2, "two replicas lead"
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_one_of_two_replicas_leads_and_the_other_follows_a_signal_or_a_kill(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    arguments = (kubeconfig, NOWHERE, namespace, "--lease-namespace", namespace)
    one, other = OperatorProcess(*arguments), OperatorProcess(*arguments)
    async with one, never_both(one, other):
        await until_leads(one, 30)
        async with other:
            await until_ready(other)
            assert await one.terminate() == 0
            released = await until_leads(other, 4)
            await one.start()
            await until_ready(one)
            other.kill()
            killed = await until_leads(one, 10)
    print(f"leads {released:.1f} s after the exit of the leader, {killed:.1f} s after its kill")
    assert (await held_by(cluster, namespace))["holderIdentity"].endswith(f"-{one.pid}")


async def test_a_signal_in_the_middle_of_a_pass_lets_it_end(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    told = asyncio.Event()

    async def slow(request: Request) -> web.Response | None:
        if request.method == "PATCH" and "/services/" in request.path and not told.is_set():
            told.set()
            await asyncio.sleep(2)
        return None

    async with Proxy(kubeconfig, before=slow) as proxy:
        arguments = (proxy.kubeconfig, NOWHERE, namespace, "--lease-namespace", namespace)
        async with OperatorProcess(*arguments) as replica:
            await until_leads(replica, 30)
            await Operator(cluster, namespace).apply("fraud", **spec("v1"))
            await asyncio.wait_for(told.wait(), 30)
            assert await replica.terminate() == 0
    assert len(await children(cluster, namespace, "Deployment")) == 1
    assert await children(cluster, namespace, "HTTPRoute") == {"fraud"}
    assert (await held_by(cluster, namespace))["holderIdentity"] == ""
