"""Containers that restart, by what their pods say."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.support.inprocess import Manifest, Operator
from tests.support.kubelet import killed, pods_of
from tests.support.rollouts import ERRORS, healthy, spec

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
    await operator.delete("Pod", pod["metadata"]["name"])
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
