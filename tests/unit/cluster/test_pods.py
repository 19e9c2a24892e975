"""What pods say of themselves, in the words that a rolled back user reads."""

from typing import Any

import pytest

from serinus.cluster.pods import not_ready_reason, ready_addresses, seen
from serinus.plan.situation import PodEnd

DEPLOYMENT: dict[str, Any] = {"metadata": {"name": "fraud-abc"}, "status": {}}


def pod(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    conditions: tuple[dict[str, Any], ...] = (),
    **status: Any,
) -> dict[str, Any]:
    return {
        "metadata": {"name": "fraud-abc-x"},
        "status": {
            "phase": "Pending",
            "containerStatuses": list(containers),
            "initContainerStatuses": list(init),
            "conditions": list(conditions),
            **status,
        },
    }


def container(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "model", "ready": False, "restartCount": 0, "state": state, **more}


def ended(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, **more}}


UNPULLED = {
    "waiting": {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "registry/fraud:9"',
    }
}
CRASHING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed"}}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient cpu.",
}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            pod(container(UNPULLED)),
            'container model: ImagePullBackOff: Back-off pulling image "registry/fraud:9"',
        ),
        (
            pod(container(CRASHING, lastState=ended(3, message="no such file: model.pkl\n"))),
            "container model: CrashLoopBackOff: Error with exit code 3: no such file: model.pkl",
        ),
        (
            pod(container({"running": {}}, restartCount=2, lastState=ended(137, "OOMKilled"))),
            "container model was started 3 times: OOMKilled with exit code 137",
        ),
        (pod(container(ended(1))), "container model: Error with exit code 1"),
        (
            pod(conditions=(UNSCHEDULABLE,)),
            "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.",
        ),
        (
            pod(container({"running": {}}, started=True)),
            "container model is running but not ready: its readiness probe fails",
        ),
        (
            pod(container({"running": {}}, started=False)),
            "container model is running; its startup probe has not succeeded yet",
        ),
        (
            pod(container({"waiting": {"reason": "ContainerCreating"}})),
            "container model is being created: waiting for its image or volumes",
        ),
        (
            pod(phase="Failed", reason="Evicted", message="The node was low on memory."),
            "Evicted: The node was low on memory.",
        ),
    ],
)
def test_a_pod_tells_its_own_reason(found: dict[str, Any], told: str) -> None:
    assert not_ready_reason(DEPLOYMENT, [found]) == f"1 pod: {told}"


def test_an_init_container_that_fails_is_told_and_one_that_runs_is_waited_for() -> None:
    waiting = container({"waiting": {"reason": "PodInitializing"}})
    init = container(CRASHING, name="fetch", lastState=ended(1))
    assert not_ready_reason(DEPLOYMENT, [pod(waiting, init=(init,))]) == (
        "1 pod: container fetch: CrashLoopBackOff: Error with exit code 1"
    )
    init = container({"running": {}}, name="fetch")
    assert not_ready_reason(DEPLOYMENT, [pod(waiting, init=(init,))]) == (
        "1 pod: container model is waiting for the pod's init containers"
    )


def test_a_pod_that_is_ready_or_on_its_way_out_tells_nothing() -> None:
    leaving = pod(container(CRASHING, lastState=ended(1)))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ready = pod(container({"running": {}}, ready=True))
    assert not_ready_reason(DEPLOYMENT, [leaving, ready]) is None


def test_the_cause_that_most_pods_share_is_told_with_their_number() -> None:
    pods = [pod(container(UNPULLED)), pod(container(ended(1))), pod(container(ended(1)))]
    assert not_ready_reason(DEPLOYMENT, pods) == "2 pods: container model: Error with exit code 1"


def test_a_quota_that_refuses_the_pods_is_told_though_there_is_no_pod() -> None:
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "exceeded quota: pods, requested: 1, used: 4, limited: 4",
    }
    deployment = {**DEPLOYMENT, "status": {"conditions": [refused]}}
    assert not_ready_reason(deployment, []) == (
        "Pods cannot be created: exceeded quota: pods, requested: 1, used: 4, limited: 4"
    )
    assert not_ready_reason(deployment, [pod(container(ended(1)))]) == (
        "Pods cannot be created: exceeded quota: pods, requested: 1, used: 4, limited: 4. "
        "1 pod: container model: Error with exit code 1"
    )


def test_addresses_count_once_and_only_where_ready() -> None:
    def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
        return {"addresses": [address], "conditions": conditions}

    slices: list[dict[str, Any]] = [
        {"endpoints": [endpoint("10.0.0.1", ready=True), endpoint("10.0.0.2", ready=False)]},
        {"endpoints": [endpoint("10.0.0.1", ready=True), endpoint("10.0.0.3")]},
        {"endpoints": None},
    ]
    assert ready_addresses(slices) == 2


# restarts


STARTED, KILLED = "2026-11-26T08:00:00Z", "2026-11-26T08:05:00Z"
OOM = ended(137, "OOMKilled", finishedAt=KILLED)
LIMITED = {"name": "model", "resources": {"limits": {"memory": "512Mi"}}}


def listed(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    return {
        **pod(*containers, init=init, **status),
        "metadata": {
            "name": "fraud-abc-x",
            "creationTimestamp": STARTED,
            "labels": {"serinus.dev/revision": "abc"},
        },
        "spec": spec or {"containers": [LIMITED]},
    }


def test_a_container_killed_for_memory_names_its_limit() -> None:
    found = seen(listed(container({"running": {}}, restartCount=4, lastState=OOM)))
    assert (found.revision, found.restarts) == ("abc", 4)
    words = "OOMKilled at its limit of 512Mi: container model of pod fraud-abc-x"
    assert found.last_end == PodEnd(found.created + 300, words)


def test_one_that_is_down_now_tells_of_this_end_and_not_of_the_one_before() -> None:
    now = ended(3, finishedAt=KILLED, message="no such file: model.pkl\n")
    found = seen(listed(container(now, restartCount=1, lastState=OOM)))
    assert found.last_end
    assert found.last_end.message.startswith("Error with exit code 3: no such file: model.pkl:")


def test_one_that_is_down_counts_as_restarted_and_then_no_more_than_that() -> None:
    down = listed(container(OOM, restartCount=1))
    backing_off = listed(container(CRASHING, restartCount=1, lastState=OOM))
    created = {"waiting": {"reason": "ContainerCreating"}}
    coming = listed(container(created, restartCount=2, lastState=OOM))
    back = listed(container({"running": {}}, restartCount=2, lastState=OOM))
    assert [seen(each).restarts for each in (down, backing_off, coming, back)] == [2, 2, 2, 2]


def test_a_pod_that_is_deleted_ends_its_containers_without_a_restart() -> None:
    leaving = listed(container(ended(0, "Completed", finishedAt=KILLED)))
    leaving["metadata"]["deletionTimestamp"] = KILLED
    assert seen(leaving).restarts == 0


def test_a_sidecar_counts_and_an_init_container_that_runs_to_its_end_does_not() -> None:
    spec = {
        "containers": [LIMITED],
        "initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "load"}],
    }
    init = (
        {"name": "proxy", "restartCount": 2, "state": {"running": {}}, "lastState": OOM},
        {"name": "load", "restartCount": 5, "state": ended(0, finishedAt=STARTED)},
    )
    found = seen(listed(container({"running": {}}), init=init, spec=spec))
    assert found.restarts == 2
    assert found.last_end
    assert found.last_end.message.startswith("OOMKilled without a memory limit: container proxy")


def test_an_evicted_pod_counts_as_one_that_restarted_once_more() -> None:
    told = "The node was low on resource: memory."
    found = seen(listed(phase="Failed", reason="Evicted", message=told))
    assert (found.restarts, found.leaving) == (1, True)
    assert found.last_end and found.last_end.message == f"Evicted: {told}: pod fraud-abc-x"


def test_a_pod_that_runs_and_one_that_only_waits_have_no_end_to_tell_of() -> None:
    assert seen(listed(container({"running": {}}, ready=True))).last_end is None
    assert seen(listed()).restarts == 0


def test_a_pod_has_a_node_once_it_is_scheduled() -> None:
    assert seen(listed()).node == ""
    assert seen(listed(spec={"nodeName": "node-a"})).node == "node-a"


@pytest.mark.parametrize(
    ("image", "image_id", "expected"),
    [
        ("registry/fraud:1", "registry/fraud@sha256:aa", {"model": "@sha256:aa"}),
        ("registry/fraud:1", "docker-pullable://mirror/fraud@sha256:aa", {"model": "@sha256:aa"}),
        ("registry/fraud:1", "sha256:bb", {"model": "sha256:bb"}),
        ("registry/fraud:1", "docker://sha256:bb", {"model": "sha256:bb"}),
        ("registry/fraud:1", "", {}),
        ("registry/fraud@sha256:aa", "registry/fraud@sha256:cc", {}),
    ],
)
def test_a_pod_tells_the_digest_of_an_image_that_is_named_by_a_tag(
    image: str, image_id: str, expected: dict[str, str]
) -> None:
    found = pod(container({"running": {}}, imageID=image_id))
    found["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z"}
    found["spec"] = {"containers": [{"name": "model", "image": image}]}
    assert seen(found).images == expected
