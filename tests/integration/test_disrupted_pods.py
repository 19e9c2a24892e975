"""What ends pods from outside, and whose limit they met, as a real API server writes it."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.integration.conftest import kubectl
from tests.support.inprocess import Operator
from tests.support.kubelet import killed, pods_of
from tests.support.rollouts import ERRORS, healthy, spec

STEPS = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}
DEFAULTS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "defaults"},
    "spec": {"limits": [{"type": "Container", "default": {"memory": "256Mi"}}]},
}


async def begun(operator: Operator) -> dict[str, Any]:
    """A candidate that takes its traffic; its template sets no limit."""
    await operator.apply("fraud", **spec("v1", rollout=STEPS))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=STEPS))
    return await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])


async def test_a_limit_that_admission_has_set_is_told_as_the_limit_of_the_namespace(
    operator: Operator,
) -> None:
    kubectl("create", "-n", operator.namespace, "-f", "-", stdin=json.dumps(DEFAULTS))
    bad = (await begun(operator))["candidate"]["revision"]
    for restarts in (2, 4):
        await killed(operator, bad, restarts)
        operator.move(20)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=10)
    assert status["rejected"]["message"].startswith(
        "OOMKilled at its limit of 256Mi, the default of a LimitRange of its namespace, as its "
        "template has none: container model of pod fraud-"
    )


async def test_a_drained_pod_is_told_as_evicted_while_its_successor_cannot_start(
    operator: Operator,
) -> None:
    status = await begun(operator)
    [pod] = await pods_of(operator, status["candidate"]["revision"])
    name, place = pod["metadata"]["name"], ("-n", operator.namespace)
    held = json.dumps({"metadata": {"finalizers": ["example.com/held"]}})
    kubectl("patch", "pod", name, *place, "-p", held)
    kubectl("create", "quota", "full", "--hard=pods=1", *place)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    path = f"/api/v1/namespaces/{operator.namespace}/pods/{name}/eviction"
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    told = f"Evicted from node {pod['spec']['nodeName']} by a request to the API"
    try:
        status = await operator.until("fraud", lambda s: told in s["message"], moving=5)
    finally:
        kubectl(
            "patch", "pod", name, *place, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
        )
    assert "Pods cannot be created: " in status["message"]
    assert status["candidate"]["hold"]["reason"] == "AwaitingPods"


async def test_a_pod_that_the_kubelet_evicts_counts_as_evicted(operator: Operator) -> None:
    status = await begun(operator)
    bad = status["candidate"]["revision"]
    exceeded = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
    for number in range(1, 5):
        evicted = await evict(operator, bad, exceeded)
        operator.move(20)
        counted = number

        def is_counted(status: dict[str, Any], n: int = counted) -> bool:
            candidate = status.get("candidate")
            return not candidate or candidate["restarts"]["evictions"] == n

        status = await operator.until("fraud", is_counted, moving=10)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=10)
    assert status["rejected"]["message"].startswith(f"Evicted: {exceeded.strip(' .')}: pod fraud-")
    assert evicted in status["rejected"]["message"]
    assert "4 evictions in " in status["rejected"]["message"]


async def evict(operator: Operator, revision: str, message: str) -> str:
    """As the kubelet writes it of a container that exits with 0; the name of the pod."""
    running = [
        each
        for each in await pods_of(operator, revision)
        if (each.get("status") or {}).get("phase") == "Running"
    ]
    name, now = running[0]["metadata"]["name"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now}}
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "TerminationByKubelet",
        "message": message,
        "lastTransitionTime": now,
    }
    container = {"name": "model", "image": "m:1", "imageID": "", "ready": False, "state": ended}
    ready = {"type": "Ready", "status": "False", "reason": "PodCompleted"}
    status = {
        "phase": "Succeeded",
        "conditions": [target, {**ready, "lastTransitionTime": now}],
        "containerStatuses": [{**container, "restartCount": 0}],
    }
    words = ("patch", "pod", name, "-n", operator.namespace, "--subresource=status")
    kubectl(*words, "--type=strategic", "-p", json.dumps({"status": status}))
    return str(name)
