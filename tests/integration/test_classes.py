"""Several operators in one cluster: one acts on an object, and the others say why not."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from serinus.cluster import Cluster
from serinus.controller.app import App
from serinus.controller.scope import CLASS_LABEL, Scope
from tests.integration.conftest import kubectl
from tests.integration.process import OperatorProcess
from tests.integration.test_leadership import NOWHERE, never_both, until_leads
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import healthy, spec


@pytest.fixture
def own_class(namespace: str) -> str:
    """A class that nobody else in the cluster has, since these operators act everywhere."""
    return namespace


def of_class(name: str, **more: Any) -> dict[str, Any]:
    return {"class": name, **spec("v1", traffic={}, **more)}


@contextlib.asynccontextmanager
async def everywhere(cluster: Cluster, class_name: str) -> AsyncIterator[App]:
    """An operator for the whole cluster, in this process."""
    traffic = Traffic(time.time, time.time())
    app = App(cluster, traffic, scope=Scope(class_name, look=0.3))
    running = asyncio.create_task(app.run())
    try:
        yield app
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def never_touched(operator: Operator, name: str, seconds: float = 3.0) -> Manifest:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        live = await operator.get(name)
        assert "status" not in live, live["status"]
        await asyncio.sleep(0.1)
    return live


async def test_of_two_releases_over_the_cluster_one_acts_and_the_other_says_why_not(
    kubeconfig: Path, cluster: Cluster, namespace: str, own_class: str
) -> None:
    lease = ("--lease-namespace", namespace, "--lease-name", f"serinus-{own_class}")
    shared = (kubeconfig, NOWHERE, "", "--class", own_class, *lease)
    one = OperatorProcess(*shared, "--release", "ops/canary")
    other = OperatorProcess(*shared, "--release", "lab/canary")
    async with one, never_both(one, other):
        await until_leads(one, 30)
        async with other:
            said = await until_unready(other)
            assert "release ops/canary acts on the same ModelDeployments" in said
            assert "set another class for this release" in said
            assert (await readiness(one))[0] == 200
            bystander = Operator(cluster, namespace)
            await bystander.apply("fraud", **of_class(own_class))
            await bystander.until("fraud", healthy("v1"))
            assert await one.terminate() == 0
            await until_leads(other, 10)
            assert (await readiness(other))[0] == 200


async def readiness(replica: OperatorProcess) -> tuple[int, str]:
    async with aiohttp.request("GET", f"http://{replica.address}/readyz") as answer:
        return answer.status, await answer.text()


async def until_unready(replica: OperatorProcess) -> str:
    """What it says once it has seen who acts."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            status, said = await readiness(replica)
            if status == 503 and "release" in said:
                return said
        await asyncio.sleep(0.1)
    raise AssertionError("it never said that another release acts")


async def test_an_operator_acts_on_its_class_alone_and_a_rollout_changes_hands_with_it(
    cluster: Cluster, namespace: str, own_class: str
) -> None:
    bystander = Operator(cluster, namespace)
    await bystander.apply("fraud", **of_class(f"{own_class}-2"))
    async with everywhere(cluster, own_class):
        await never_touched(bystander, "fraud")
    async with everywhere(cluster, f"{own_class}-2"):
        status = await bystander.until("fraud", healthy("v1"))
    async with everywhere(cluster, own_class):
        await bystander.edit("fraud", lambda live: live["spec"].update({"class": own_class}))
        generation = (await bystander.get("fraud"))["metadata"]["generation"]
        taken = await bystander.until("fraud", lambda s: s["observedGeneration"] == generation)
    assert taken["stable"]["since"] == status["stable"]["since"]


async def test_a_namespace_that_has_an_operator_of_its_own_is_left_out_until_that_goes(
    cluster: Cluster, namespace: str, own_class: str
) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "serinus",
            "namespace": namespace,
            "labels": {CLASS_LABEL: own_class},
        },
    }
    bystander = Operator(cluster, namespace)
    await cluster.create(lease)
    async with everywhere(cluster, own_class):
        await bystander.apply("fraud", **of_class(own_class))
        await never_touched(bystander, "fraud")
        kubectl("delete", "lease", "serinus", f"--namespace={namespace}")
        await bystander.until("fraud", healthy("v1"))
