"""A guard after promotion on a cluster in memory."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.guards import ROLLOUT, guarded, promoted, replicas
from tests.support.inprocess import Manifest, Operator
from tests.support.kubelet import pods_of, report, says
from tests.support.rollouts import healthy, only, spec


async def test_the_rollout_is_done_and_the_previous_revision_holds_its_part(
    operator: Operator,
) -> None:
    before, after = await promoted(operator)
    await operator.until_split("fraud", {f"fraud-{before}": 5, f"fraud-{after}": 95})
    status = (await operator.get("fraud"))["status"]
    truths = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
    assert truths["Ready"] == ("True", "Guarded")
    assert truths["Reconciling"][0] == "False"
    assert await replicas(operator) == {f"fraud-{before}": 4, f"fraud-{after}": 4}
    status = await operator.until("fraud", healthy("v2"), moving=60)
    assert status["decisions"][0]["reason"] == "GuardEnded"
    await operator.until_split("fraud", {f"fraud-{after}": 100})
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
    await only(operator, "Deployment", {f"fraud-{after}"})


async def test_a_model_that_goes_bad_after_its_promotion_is_taken_back_from(
    operator: Operator,
) -> None:
    before, after = await promoted(operator)
    operator.move(1800)
    await operator.until("fraud", guarded("v2"), moving=1)
    operator.traffic.errors = {f"fraud-{after}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert (status["rejected"]["reason"], status["rejected"]["revision"]) == ("GuardFailed", after)
    assert "Candidate errors" in status["message"]
    await operator.until_split("fraud", {f"fraud-{before}": 100})
    told = await operator.until_announced("GuardFailed")
    assert told["type"] == "Warning"


async def test_a_new_spec_starts_from_the_guarded_revision(operator: Operator) -> None:
    before, after = await promoted(operator)
    await operator.apply("fraud", **spec("v3", rollout=ROLLOUT))
    status = await operator.until("fraud", lambda s: s["candidate"]["version"] == "v3")
    assert status["stable"]["version"] == "v2"
    newest = status["candidate"]["revision"]
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=2)
    await operator.until_split("fraud", {f"fraud-{after}": 50, f"fraud-{newest}": 50})
    assert before not in {status["stable"]["revision"], newest}


async def test_abort_takes_the_traffic_back(operator: Operator) -> None:
    before, after = await promoted(operator)
    await operator.command("fraud", f"abort/{after}")
    await operator.until("fraud", lambda s: s["rejected"]["reason"] == "Aborted")
    await operator.until_split("fraud", {f"fraud-{before}": 100})


async def test_a_revert_takes_no_traffic_from_the_only_revision_that_serves(
    operator: Operator,
) -> None:
    before, after = await promoted(operator)
    pods = await pods_of(operator, before)
    for pod in pods:
        await report(operator, pod, 1, ready=False)
    await operator.until("fraud", lambda s: not s["stable"].get("readyReplicas"))
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT))
    status = await operator.until("fraud", lambda s: "takes the traffic back" in s["message"])
    assert status["phase"] == "Progressing"
    await operator.until_split("fraud", {f"fraud-{after}": 100})
    operator.move(3 * 3600)  # past its progress deadline
    await operator.until("fraud", lambda s: s["candidate"], moving=1)
    await operator.until_split("fraud", {f"fraud-{after}": 100})
    for pod in pods:
        await report(operator, pod, 1, ready=True)
    await operator.until("fraud", healthy("v1"), moving=1)
    await operator.until_split("fraud", {f"fraud-{before}": 100})


async def turned(operator: Operator, revision: str, *, ready: bool) -> None:
    """Each pod is ready or not from now on, and no container has restarted."""
    moment = datetime.fromtimestamp(operator.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for pod in await pods_of(operator, revision):
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": moment}
        told = {"name": "model", "image": "m:1", "imageID": "", "ready": ready, "restartCount": 0}
        told["state"] = {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}
        await says(operator, pod, told, condition)


def ready_pods(count: int) -> Any:
    return lambda s: s["candidate"].get("readyReplicas", 0) == count


async def test_a_revision_whose_pods_lose_readiness_again_and_again_is_taken_back_from(
    operator: Operator,
) -> None:
    """Each recovery gives it its traffic back; the guard would end in one of them."""
    before, after = await promoted(operator)
    for _ in range(6):
        await turned(operator, after, ready=False)
        status = await operator.until("fraud", lambda s: s.get("rejected") or ready_pods(0)(s))
        if status.get("rejected"):
            break
        operator.move(15)
        await turned(operator, after, ready=True)
        await operator.until("fraud", lambda s: s.get("rejected") or ready_pods(4)(s))
        operator.move(15)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=1)
    assert (status["rejected"]["reason"], status["rejected"]["revision"]) == ("GuardFailed", after)
    assert status["rejected"]["message"].startswith("Pods lost their readiness ")
    await operator.until_split("fraud", {f"fraud-{before}": 100})


async def test_a_guard_goes_on_while_metrics_cannot_be_read_and_says_why(
    operator: Operator,
) -> None:
    _, after = await promoted(operator)
    operator.traffic.down = True
    operator.move(3700)
    status = await operator.until(
        "fraud", lambda s: "it cannot end (Check errors: " in s["message"], moving=1
    )
    assert status["candidate"]["revision"] == after
    operator.move(120)
    operator.traffic.down = False
    status = await operator.until("fraud", healthy("v2"), moving=5)
    ended = status["decisions"][0]
    assert ended["reason"] == "GuardEnded"
    assert "of that, metrics could not be compared" in ended["message"]


async def test_a_guard_that_can_never_compare_gives_the_traffic_back(operator: Operator) -> None:
    before, after = await promoted(operator)
    operator.traffic.down = True
    operator.move(3700)
    await operator.until("fraud", lambda s: "it cannot end" in s["message"], moving=1)
    operator.move(2 * 3600)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=1)
    assert (status["rejected"]["reason"], status["rejected"]["revision"]) == ("GuardFailed", after)
    assert "The guard could not end after" in status["rejected"]["message"]
    await operator.until_split("fraud", {f"fraud-{before}": 100})


async def test_a_weight_that_is_restored_is_no_alarm(operator: Operator) -> None:
    """The route has its time from then on, and not from when the weight was lowered."""
    before, after = await promoted(operator)
    await turned(operator, after, ready=False)
    await operator.until_split("fraud", {f"fraud-{before}": 100})
    operator.move(60)
    await operator.until("fraud", lambda s: s["phase"] == "Progressing", moving=1)
    operator.gateway_answers = False
    await turned(operator, after, ready=True)
    await operator.until_split("fraud", {f"fraud-{before}": 5, f"fraud-{after}": 95})
    status = await operator.until("fraud", lambda s: _reasons(s)["Ready"] == "AwaitingRoute")
    assert status["phase"] == "Progressing"
    assert _reasons(status)["Stalled"] != "RouteRefused"
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: _reasons(s)["Ready"] == "Guarded", moving=1)


def _reasons(status: Manifest) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in status["conditions"]}


@pytest.mark.parametrize("dead_for", [0.0, 3700.0], ids=["in the guard", "until after its end"])
async def test_the_operators_death_loses_nothing(operator: Operator, dead_for: float) -> None:
    before, after = await promoted(operator)
    await operator.stop()
    operator.traffic.errors = {f"fraud-{after}": 0.05}
    operator.move(dead_for)
    async with operator:
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        await operator.until_split("fraud", {f"fraud-{before}": 100})
    assert status["rejected"]["reason"] == "GuardFailed"
    reasons = [each["reason"] for each in reversed(status["decisions"])]
    first = ["FirstDeployment", "Promoted", "RolloutStarted", "Promoting"]
    assert reasons == [*first, "Promoted", "GuardFailed"], "nothing is decided twice"


@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
async def test_without_a_gateway_one_pod_is_held_back_and_all_return_before_the_traffic(
    operator: Operator, bad: bool
) -> None:
    before, after = await promoted(operator, traffic={})
    assert await replicas(operator) == {f"fraud-{before}": 1, f"fraud-{after}": 4}
    told = f"20% instead of 5% of the traffic stays with revision {before}"
    status = await operator.until("fraud", lambda s: told in s["message"])
    assert status["replicas"] == 4, "an autoscaler sees the pods that serve"
    if not bad:
        await operator.until("fraud", healthy("v2"), moving=60)
        await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
        await only(operator, "Deployment", {f"fraud-{after}"})
        return
    operator.traffic.errors = {f"fraud-{after}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert (await replicas(operator))[f"fraud-{before}"] == 4
    assert status["stable"]["readyReplicas"] == 4
    service = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert before in str(service["spec"]["selector"])
