"""Containers that restart, by what their pods say; these are real objects on nodes that are not."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.integration.conftest import kubectl
from tests.integration.inprocess import Manifest, Operator
from tests.integration.proxy import Request, refused
from tests.integration.test_leadership import breakable
from tests.integration.test_rollouts import ERRORS, healthy, spec

LIMITED = {
    "spec": {
        "containers": [
            {
                "name": "model",
                "image": "m:1",
                "ports": [{"containerPort": 8080}],
                "resources": {"limits": {"memory": "512Mi"}},
            }
        ]
    }
}
STEPS = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}


async def pods_of(operator: Operator, revision: str) -> list[Manifest]:
    return await operator.cluster.list(
        "Pod", operator.namespace, f"serinus.dev/revision={revision}"
    )


async def killed(operator: Operator, revision: str, restarts: int) -> None:
    """Each pod's container is killed for memory; it is not ready, and a moment later it is."""
    for ready in (False, True):
        for pod in await pods_of(operator, revision):
            report(operator, pod, restarts, ready=ready)
        await asyncio.sleep(1.0)


def report(operator: Operator, pod: Manifest, restarts: int, *, ready: bool) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": now}}
    container = {
        "name": "model",
        "image": "m:1",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts if ready else restarts - 1,
        "state": {"running": {"startedAt": now}} if ready else ended,
        **({"lastState": ended} if ready else {}),
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    patch = {"status": {"containerStatuses": [container], "conditions": [condition]}}
    words = ("patch", "pod", pod["metadata"]["name"], "-n", operator.namespace)
    kubectl(*words, "--subresource=status", "--type=strategic", "-p", json.dumps(patch))


def counted(restarts: int) -> Callable[[Manifest], bool]:
    return lambda status: bool(status["candidate"]["restarts"]["candidate"] == restarts)


async def begun(operator: Operator) -> dict[str, Any]:
    """A candidate that takes its traffic, and what is stable."""
    await operator.apply("fraud", **spec("v1", template=LIMITED, rollout=STEPS))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", template=LIMITED, rollout=STEPS))
    return await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])


async def test_a_crash_loop_is_rolled_back_though_each_container_comes_back(
    operator: Operator,
) -> None:
    status = await begun(operator)
    bad = status["candidate"]["revision"]
    for restarts in (1, 2, 3):
        await killed(operator, bad, restarts)
        operator.move(20)
        await operator.until("fraud", counted(restarts), moving=10)
    # the pod is deleted: what was counted of it stands
    [pod] = await pods_of(operator, bad)
    kubectl("delete", "pod", pod["metadata"]["name"], "-n", operator.namespace, "--wait=false")
    await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"], moving=1)
    while [each["metadata"]["name"] for each in await pods_of(operator, bad)] == [
        pod["metadata"]["name"]
    ]:
        await asyncio.sleep(0.1)
    await operator.until("fraud", lambda s: s["candidate"]["readyReplicas"] == 1, moving=1)
    await killed(operator, bad, 1)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=10)
    assert status["rejected"]["reason"] == "TooManyRestarts"
    assert "OOMKilled at its limit of 512Mi: container model of pod fraud-" in status["message"]
    assert "4 restarts in " in status["message"]
    await operator.until_split("fraud", {f"fraud-{status['stable']['revision']}": 100})


async def test_restarts_that_stables_pods_have_as_well_roll_nothing_back(
    operator: Operator,
) -> None:
    status = await begun(operator)
    for restarts in range(1, 6):
        await killed(operator, status["stable"]["revision"], restarts)
        await killed(operator, status["candidate"]["revision"], restarts)
        operator.move(30)
        await operator.until("fraud", counted(restarts), moving=10)
    found = (await operator.get("fraud"))["status"]["candidate"]["restarts"]
    assert found["expected"] == 5


async def test_pods_that_cannot_be_listed_hold_up_no_rollback(
    kubeconfig: Path, namespace: str
) -> None:
    asked = 0

    async def refuse(request: Request) -> web.Response | None:
        nonlocal asked
        if request.method != "GET" or "/pods?" not in request.path:
            return None
        asked += 1
        return refused(500)

    async with (
        breakable(kubeconfig, before=refuse) as (_, through),
        Operator(through, namespace) as operator,
    ):
        status = await begun(operator)
        operator.move(130)
        await operator.until("fraud", lambda _: asked > 0)
        bad = status["candidate"]["revision"]
        operator.traffic.errors = {f"fraud-{bad}": 0.05}
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "CheckFailed"


async def test_a_rollout_whose_pods_stay_ready_lists_them_every_two_minutes(
    operator: Operator,
) -> None:
    await begun(operator)
    before = operator.cluster.requests[("list", "Pod")]
    operator.move(60)
    await asyncio.sleep(0.5)
    assert operator.cluster.requests[("list", "Pod")] == before
    operator.move(70)
    deadline = time.monotonic() + 10
    while operator.cluster.requests[("list", "Pod")] == before:
        assert time.monotonic() < deadline, "they were not listed in two minutes"
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    assert operator.cluster.requests[("list", "Pod")] == before + 1


async def test_restarts_are_counted_although_the_clock_was_set_back(operator: Operator) -> None:
    status = await begun(operator)
    operator.move(130)  # the pods are listed
    await operator.until("fraud", counted(0))
    operator.move(-3600)
    await killed(operator, status["candidate"]["revision"], 1)
    for _ in range(20):  # minutes, not the hour
        operator.move(10)
        await asyncio.sleep(0.1)
    await operator.until("fraud", counted(1))
