"""The condition Available: what an alert reads."""

from collections.abc import Callable
from typing import Any

from tests.support.inprocess import Manifest, Operator
from tests.support.kubelet import pods_of, report
from tests.support.rollouts import healthy, spec


def condition(status: Manifest, name: str) -> Manifest:
    found: Manifest = next(each for each in status["conditions"] if each["type"] == name)
    return found


def available(value: str) -> Callable[[Manifest], bool]:
    return lambda status: bool(condition(status, "Available")["status"] == value)


async def begun(operator: Operator, version: str) -> Any:
    await operator.apply("fraud", **spec(version))
    return await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])


async def test_a_canary_and_its_rollback_leave_it_true(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    before = condition(await operator.until("fraud", healthy("v1")), "Available")
    assert before["status"] == "True"
    during = await begun(operator, "v2")
    operator.traffic.errors = {f"fraud-{during['candidate']['revision']}": 0.05}
    after = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    for status in (during, after):
        assert condition(status, "Ready")["status"] == "False"
        assert condition(status, "Available")["status"] == "True"
        since = condition(status, "Available")["lastTransitionTime"]
        assert since == before["lastTransitionTime"], "it was false in between"


async def test_it_is_false_while_stable_has_no_ready_pod(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    pods = await pods_of(operator, stable)
    for pod in pods:
        await report(operator, pod, 1, ready=False)
    status = await operator.until("fraud", available("False"))
    told = condition(status, "Available")
    assert told["reason"] == "Unavailable"
    assert f"Stable revision {stable} has 0 of 4 pods ready." in told["message"]
    await report(operator, pods[0], 1, ready=True)
    await operator.until("fraud", available("True"))
