"""A restart over rollouts at rest: everything is looked at, and nothing is written."""

import asyncio
import time
from pathlib import Path

from serinus.cluster import Cluster
from serinus.manifests.kinds import CHILDREN, WATCHED
from tests.integration.process import OperatorProcess
from tests.integration.test_leadership import NOWHERE, until_leads
from tests.support.inprocess import Operator
from tests.support.rollouts import GATEWAY, spec

COUNT = 20


async def test_a_restart_over_rollouts_at_rest_writes_nothing(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    bystander = Operator(cluster, namespace)
    gateway = asyncio.create_task(bystander.accept_routes())
    arguments = (kubeconfig, NOWHERE, namespace, "--lease-namespace", namespace)
    async with OperatorProcess(*arguments) as replica:
        names = [f"model-{number}" for number in range(COUNT)]
        for number, name in enumerate(names):
            traffic = GATEWAY if number % 2 else {}
            await bystander.apply(name, **spec("v1", replicas=1, traffic=traffic))
        for name in names:
            await bystander.until(name, lambda s: s["phase"] == "Healthy", within=90)
        gateway.cancel()
        assert await replica.terminate() == 0
        before = await versions(cluster, namespace)

        await replica.start()
        await until_leads(replica, 30)
        await until_reconciled(replica, COUNT)
        asked = await requests(replica)
        assert await versions(cluster, namespace) == before
    assert asked.pop(("get", "ModelDeployment")) == 1, "the definition is compared once"
    assert {verb for verb, _ in asked} == {"list"}
    assert {kind for _, kind in asked} == set(WATCHED)
    assert max(asked.values()) <= 2, "all is listed at the start, and once more when it is watched"


async def versions(cluster: Cluster, namespace: str) -> dict[tuple[str, str], str]:
    """resourceVersions of everything that Serinus made or serves, by kind and name."""
    return {
        (kind, live["metadata"]["name"]): live["metadata"]["resourceVersion"]
        for kind in ("ModelDeployment", *CHILDREN)
        for live in await cluster.list(kind, namespace)
    }


async def counted(replica: OperatorProcess, name: str, **labels: str) -> float:
    """Sum of the samples of a metric that have these labels."""
    return sum(
        sample.value
        for sample in await replica.metrics()
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def requests(replica: OperatorProcess) -> dict[tuple[str, str], float]:
    """Requests since the start by verb and kind, those of the election left out."""
    return {
        (sample.labels["verb"], sample.labels["kind"]): sample.value
        for sample in await replica.metrics()
        if sample.name == "serinus_api_requests_total" and sample.labels["kind"] != "Lease"
    }


async def until_reconciled(replica: OperatorProcess, passes: int) -> None:
    """Until so many passes have ended well and none waits."""
    deadline = time.monotonic() + 30
    metric = "serinus_reconcile_duration_seconds_count"
    while True:
        done = await counted(replica, metric, result="done")
        if done >= passes and await counted(replica, "serinus_queue_depth") == 0:
            return
        assert time.monotonic() < deadline, f"{done:g} passes have ended"
        await asyncio.sleep(0.1)
