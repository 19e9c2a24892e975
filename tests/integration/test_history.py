"""Revisions on a real API server: lost, come back, and unable to share one Service."""

import asyncio
from typing import Any

from serinus.cluster import Cluster
from tests.integration.conftest import kubectl
from tests.integration.inprocess import Manifest, Operator
from tests.integration.test_rollouts import (
    healthy,
    in_mid_rollout,
    rolls_out,
    serves_only,
    spec,
)


def _forget(operator: Operator, revision: str) -> None:
    name = f"controllerrevision/fraud-{revision}"
    kubectl("delete", name, f"--namespace={operator.namespace}", "--wait")


async def _until_written(operator: Operator, revision: str) -> None:
    """The status is written first, and the revision right after it: by the operator in this
    process, which goes on meanwhile."""
    name = f"controllerrevision/fraud-{revision}"
    there = ("--for=create", "--timeout=30s", f"--namespace={operator.namespace}")
    await asyncio.to_thread(kubectl, "wait", name, *there)


def _degraded_by(reason: str) -> Any:
    def holds(status: Manifest) -> bool:
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        return bool(ready["reason"] == reason)

    return holds


async def _pods(cluster: Cluster, namespace: str, revision: str) -> Any:
    deployment = await cluster.get("Deployment", namespace, f"fraud-{revision}")
    return deployment["spec"]["template"]


async def test_a_bad_candidate_is_rolled_back_though_stables_history_is_gone(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    runs = await _pods(operator.cluster, operator.namespace, stable)
    _forget(operator, stable)
    gone = f"ControllerRevision fraud-{stable} is missing"
    await operator.until("fraud", lambda s: gone in s["message"], moving=5)
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    await operator.until("fraud", lambda s: s["rejected"], moving=5)
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    kubectl("scale", "mdep/fraud", "--replicas=5", f"--namespace={operator.namespace}")
    await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 5, moving=5)
    assert await _pods(operator.cluster, operator.namespace, stable) == runs
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: healthy("v1")(s) and gone not in s["message"], moving=5)
    await _until_written(operator, stable)


async def test_the_history_of_what_the_spec_asks_for_is_written_again(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    _forget(operator, stable)
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"], moving=1)
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: healthy("v1")(s) and not s["retiring"], moving=5)
    await _until_written(operator, stable)


async def test_a_retiring_revision_without_history_keeps_nothing_from_being_written(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    operator.gateway_answers = False
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: len(s["retiring"]) == 1)
    _forget(operator, status["candidate"]["revision"])
    await operator.apply("fraud", **spec("v1", replicas=3))
    await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 3)
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: healthy("v1")(s) and not s["retiring"], moving=5)


async def test_undo_finds_the_last_good_revision_after_many_bad_ones(operator: Operator) -> None:
    kept = {"revisionHistoryLimit": 2, "rollout": {"steps": [], "analysis": {"checks": []}}}
    await operator.apply("fraud", **spec("v1", **kept))
    good = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", **kept))
    await operator.until("fraud", healthy("v2"), moving=5)
    held = {**kept, "rollout": {"steps": [{"setWeight": 20}, {"pause": {}}]}}
    for number in range(4):
        version = f"bad-{number}"
        await operator.apply("fraud", **spec(version, **held))
        status = await operator.until("fraud", rolls_out(version))
        await operator.command("fraud", f"abort/{status['candidate']['revision']}")
        await operator.until("fraud", lambda s: s["rejected"])
    await operator.until("fraud", lambda s: not s["retiring"], moving=10)
    await operator.command("fraud", f"undo/{good}")
    await operator.until("fraud", lambda s: s["stable"]["revision"] == good, moving=5)


async def test_a_port_that_one_service_cannot_lead_to_is_told_before_anything_starts(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", traffic={}))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 9090}]}
    moved = {"traffic": {}, "template": {"spec": {"containers": [container]}}}
    await operator.apply("fraud", **spec("v2", **moved))
    status = await operator.until("fraud", _degraded_by("InvalidSpec"), moving=5)
    assert "listens on port 8080 and the candidate on 9090" in status["message"]
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons == ["Promoted", "FirstDeployment"], "nothing was started"
    before = (await operator.get("fraud"))["metadata"]["resourceVersion"]
    for _ in range(10):
        operator.move(30)
        await operator.until("fraud", _degraded_by("InvalidSpec"))
    live = await operator.get("fraud")
    assert live["metadata"]["resourceVersion"] == before
    await serves_only(operator, stable)
    await operator.apply("fraud", **spec("v2", **moved, rollout={"steps": []}))
    await operator.until("fraud", healthy("v2"), moving=5)
