"""Edits and accidents during a guard after promotion."""

import asyncio
from typing import Any

import pytest

from tests.support.guards import ROLLOUT, guarded, promoted, replicas
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec


def rollout(**changes: Any) -> dict[str, Any]:
    return {**ROLLOUT, **changes}


def reasons(status: Manifest) -> list[str]:
    return [each["reason"] for each in reversed(status["decisions"])]


def counted(status: Manifest) -> dict[str, float]:
    found: dict[str, float] = status["candidate"]["checks"][0]["state"]["candidate"]
    return found


def more_than(known: dict[str, float]) -> Any:
    return lambda status: counted(status) != known


def says(sentence: str) -> Any:
    return lambda status: sentence in status["message"]


def serves(pods: int) -> Any:
    """The promoted revision has as many ready pods, and all is well."""

    def holds(status: Manifest) -> bool:
        ready = status["candidate"]["readyReplicas"] == pods
        return bool(ready and status["phase"] == "Healthy")

    return holds


async def test_a_spec_that_goes_back_and_forth_ends_in_a_guard_again(operator: Operator) -> None:
    before, after = await promoted(operator)
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT))
    status = await operator.until("fraud", healthy("v1"))
    assert not status.get("rejected"), "the user's own revert rejects nothing"
    await operator.until_split("fraud", {f"fraud-{before}": 100})
    await operator.apply("fraud", **spec("v2", rollout=ROLLOUT))
    status = await operator.until("fraud", guarded("v2"), moving=5)
    assert status["stable"]["revision"] == before
    once = ["RolloutStarted", "Promoting", "Promoted"]
    assert reasons(status)[-7:] == [*once, "Reverted", *once]
    await operator.until_split("fraud", {f"fraud-{before}": 5, f"fraud-{after}": 95})


async def test_an_edited_guard_keeps_its_evidence_and_ends_by_its_new_duration(
    operator: Operator,
) -> None:
    before, after = await promoted(operator)
    operator.move(1200)
    known = counted(await operator.until("fraud", guarded("v2"), moving=1))
    guard = {"duration": "2h", "holdback": "20%"}
    await operator.apply("fraud", **spec("v2", rollout=rollout(guard=guard, paused=True)))
    await operator.until_split("fraud", {f"fraud-{before}": 20, f"fraud-{after}": 80})
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"], moving=1)
    assert all(counted(status)[key] >= requests for key, requests in known.items())
    await operator.until("fraud", lambda s: "20% of the traffic" in s["message"], moving=1)
    shorter = rollout(guard={"duration": "10m"}, scaleDownDelay="1h")
    await operator.apply("fraud", **spec("v2", rollout=shorter))
    status = await operator.until("fraud", healthy("v2"), moving=1)
    assert "nothing was shown against it in 2" in status["decisions"][0]["message"], "20 minutes"
    assert await replicas(operator) == {f"fraud-{before}": 4, f"fraud-{after}": 4}
    operator.move(3700)
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)


async def test_both_revisions_are_scaled(operator: Operator) -> None:
    before, after = await promoted(operator)
    for pods in (8, 2):
        await operator.apply("fraud", **spec("v2", rollout=ROLLOUT, replicas=pods))
        await operator.until("fraud", serves(pods))
        await operator.until_split("fraud", {f"fraud-{before}": 5, f"fraud-{after}": 95})
        assert await replicas(operator) == {f"fraud-{before}": pods, f"fraud-{after}": pods}
    await operator.apply("fraud", **spec("v2", rollout=ROLLOUT, replicas=0))
    await operator.until("fraud", lambda s: "0 of 0 pods" in s["message"])
    await operator.apply("fraud", **spec("v2", rollout=ROLLOUT, replicas=4))
    await operator.until("fraud", guarded("v2"), moving=1)
    await operator.until_split("fraud", {f"fraud-{before}": 5, f"fraud-{after}": 95})


async def test_without_a_gateway_the_share_is_told_as_it_is_at_each_size(
    operator: Operator,
) -> None:
    before, after = await promoted(operator, traffic={})
    for pods, held_back, share in ((2, 1, 33), (1, 1, 50), (4, 1, 20)):
        more = {"replicas": pods, "traffic": {}}
        await operator.apply("fraud", **spec("v2", rollout=ROLLOUT, **more))
        told = f"{share}% instead of 5% of the traffic stays with revision {before}"
        await operator.until("fraud", says(told))
        assert await replicas(operator) == {f"fraud-{before}": held_back, f"fraud-{after}": pods}


@pytest.mark.parametrize("whose", ["previous", "promoted"])
async def test_a_deleted_deployment_comes_back_and_gets_no_traffic_until_then(
    operator: Operator, whose: str
) -> None:
    before, after = await promoted(operator)
    both = {f"fraud-{before}": 5, f"fraud-{after}": 95}
    await operator.until_split("fraud", both)
    gone, serving = (before, after) if whose == "previous" else (after, before)
    await operator.delete("Deployment", f"fraud-{gone}")
    await operator.until_split("fraud", {f"fraud-{serving}": 100})
    await operator.until("fraud", guarded("v2"), moving=1)
    await operator.until_split("fraud", both)


async def test_two_restarts_of_the_operator_lose_no_count(operator: Operator) -> None:
    _, after = await promoted(operator)
    known = counted(await operator.until("fraud", lambda s: any(counted(s).values()), moving=1))
    for _ in range(2):
        await operator.stop()
        operator.move(300)
        await operator.__aenter__()
        more = await operator.until("fraud", more_than(known), moving=1)
        # a thousand requests a second, of which 95% are its own
        gained = max(counted(more).values()) - max(known.values())
        assert gained > 0.9 * 300 * 950
        known = counted(more)
    operator.traffic.errors = {f"fraud-{after}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert reasons(status).count("GuardFailed") == 1


async def test_a_deleted_object_leaves_no_pods_of_either_revision(operator: Operator) -> None:
    await promoted(operator)
    await operator.delete("ModelDeployment", "fraud")
    async with asyncio.timeout(60):
        while await replicas(operator):
            await asyncio.sleep(0.1)
