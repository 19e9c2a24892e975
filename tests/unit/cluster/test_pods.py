"""What pods say of themselves, in the words that a rolled back user reads."""

from typing import Any

import pytest

from serinus.cluster.pods import (
    failure,
    left_behind,
    not_ready_reason,
    ready_addresses,
    seen,
    why_none_runs,
)
from serinus.plan.situation import PodEnd

LIMITED = {"name": "model", "resources": {"limits": {"memory": "512Mi"}}}


def pod(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    conditions: tuple[dict[str, Any], ...] = (),
    **status: Any,
) -> dict[str, Any]:
    return {
        "metadata": {"name": "fraud-abc-x"},
        "spec": {"containers": [LIMITED], "nodeName": "node-a"},
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
            "container model was started 3 times: OOMKilled at its limit of 512Mi",
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
            "Evicted: The node was low on memory",
        ),
    ],
)
def test_a_pod_tells_its_own_reason(found: dict[str, Any], told: str) -> None:
    assert not_ready_reason(None, [found]) == f"1 pod: {told}"


def test_an_init_container_that_fails_is_told_and_one_that_runs_is_waited_for() -> None:
    waiting = container({"waiting": {"reason": "PodInitializing"}})
    init = container(CRASHING, name="fetch", lastState=ended(1))
    assert not_ready_reason(None, [pod(waiting, init=(init,))]) == (
        "1 pod: container fetch: CrashLoopBackOff: Error with exit code 1"
    )
    init = container({"running": {}}, name="fetch")
    assert not_ready_reason(None, [pod(waiting, init=(init,))]) == (
        "1 pod: container model is waiting for the pod's init containers"
    )


def test_a_pod_that_is_ready_or_on_its_way_out_tells_nothing() -> None:
    leaving = pod(container(CRASHING, lastState=ended(1)))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ready = pod(container({"running": {}}, ready=True))
    assert not_ready_reason(None, [leaving, ready]) is None


def test_the_cause_that_most_pods_share_is_told_with_their_number() -> None:
    pods = [pod(container(UNPULLED)), pod(container(ended(1))), pod(container(ended(1)))]
    assert not_ready_reason(None, pods) == "2 pods: container model: Error with exit code 1"


def test_a_quota_that_refuses_the_pods_is_told_though_there_is_no_pod() -> None:
    refused = "Pods cannot be created: exceeded quota: pods, requested: 1, used: 4, limited: 4"
    assert not_ready_reason(refused, []) == refused
    assert not_ready_reason(refused, [pod(container(ended(1)))]) == (
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
    told = "The node was low on resource: memory"
    found = seen(listed(phase="Failed", reason="Evicted", message=f"{told}. "))
    assert (found.restarts, found.evicted, found.leaving) == (1, True, True)
    assert found.last_end and found.last_end.message == f"Evicted: {told}: pod fraud-abc-x"


def test_one_that_is_evicted_before_a_container_serves_says_nothing_of_the_model() -> None:
    told = 'Usage of EmptyDir volume "serinus-model" exceeds the limit "1Gi"'
    fetching = {"type": "Initialized", "status": "False"}
    evicted = listed(phase="Failed", reason="Evicted", message=told, conditions=(fetching,))
    found = seen(evicted)
    assert (found.restarts, found.evicted, found.leaving, found.last_end) == (0, False, True, None)
    assert not_ready_reason(None, [evicted]) == f"1 pod: Evicted: {told}"


def test_a_pod_that_runs_and_one_that_only_waits_have_no_end_to_tell_of() -> None:
    assert seen(listed(container({"running": {}}, ready=True))).last_end is None
    assert seen(listed()).restarts == 0


def test_a_pod_has_a_node_once_it_is_scheduled() -> None:
    assert seen(listed()).node == ""
    assert seen(listed(spec={"nodeName": "node-a"})).node == "node-a"


# what ends a pod from outside, as the kubelet, the scheduler and the controllers write it


def target(reason: str, message: str, **more: str) -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    return {**condition, "message": message, "lastTransitionTime": KILLED, **more}


FULL = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
EVICTING = target("TerminationByKubelet", FULL)
STOPPED = container(ended(0, "Completed", finishedAt="2026-11-26T08:05:02Z"))


def test_an_evicted_pod_tells_of_the_eviction_though_its_container_ended_too() -> None:
    for code, why in ((137, "Error"), (0, "Completed")):
        found = listed(
            container(ended(code, why, finishedAt=KILLED)),
            conditions=(EVICTING,),
            phase="Failed",
            reason="Evicted",
            message=FULL,
        )
        assert not_ready_reason(None, [found]) == f"1 pod: Evicted: {FULL.strip(' .')}"
        assert seen(found).last_end == PodEnd(
            seen(found).created + 300, f"Evicted: {FULL.strip(' .')}: pod fraud-abc-x"
        )


def test_a_model_that_exits_with_0_when_it_is_evicted_was_evicted_all_the_same() -> None:
    """The kubelet makes Succeeded of it, and drops reason and message."""
    found = listed(STOPPED, conditions=(EVICTING,), phase="Succeeded")
    told = seen(found)
    assert (told.restarts, told.evicted, told.leaving) == (1, True, True)
    assert told.last_end and told.last_end.message.startswith("Evicted: Pod ephemeral local")
    assert not_ready_reason(None, [found]) == f"1 pod: Evicted: {FULL.strip(' .')}"


def test_a_model_over_its_ephemeral_storage_that_exits_with_0_was_evicted_as_well() -> None:
    """What a kubelet leaves of that: no reason, no message and no condition but of its end."""
    ready = {"type": "Ready", "status": "False", "reason": "PodCompleted"}
    found = listed(STOPPED, conditions=(ready,), phase="Succeeded")
    told = seen(found)
    assert (told.restarts, told.evicted, told.leaving) == (1, True, True)
    assert told.last_end and told.last_end.at == told.created + 302
    assert told.last_end.message.startswith("Evicted by the kubelet, though its containers are to")
    assert "such as a limit of ephemeral storage" in (not_ready_reason(None, [found]) or "")


def test_a_pod_that_is_deleted_and_exits_with_0_was_not_evicted() -> None:
    """A kubelet makes Succeeded of it before it is gone, which takes as long as its volumes do."""
    found = listed(STOPPED, phase="Succeeded")
    found["metadata"]["deletionTimestamp"] = KILLED
    told = seen(found)
    assert (told.restarts, told.evicted, told.leaving, told.last_end) == (0, False, True, None)
    assert not_ready_reason(None, [found]) is None


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (
            target(
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            ),
            "Preempted: the scheduler gave its place on node node-a to a pod of higher priority",
        ),
        (
            target("EvictionByEvictionAPI", "Eviction API: evicting"),
            "Evicted from node node-a by a request to the API, as kubectl drain sends them",
        ),
        (
            target("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
            "Deleted because of a NoExecute taint of node node-a, which a node has that is not "
            "ready: see kubectl describe node node-a",
        ),
        (
            target("DeletionByPodGC", "PodGC: node no longer exists"),
            "DeletionByPodGC: PodGC: node no longer exists",
        ),
    ],
)
def test_what_ended_a_pod_is_told_before_what_its_successor_waits_for(
    condition: dict[str, Any], told: str
) -> None:
    ending = listed(
        container({"running": {}}, ready=True),
        conditions=(condition,),
        spec={"containers": [LIMITED], "nodeName": "node-a"},
        phase="Running",
    )
    assert not_ready_reason(None, [ending]) is None, "it was announced, and not done"
    ending["metadata"]["deletionTimestamp"] = KILLED
    successor = pod(conditions=(UNSCHEDULABLE,))
    assert not_ready_reason(None, [successor, ending]) == (
        f"1 pod: {told}. 1 pod: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
    )
    assert (seen(ending).restarts, seen(ending).last_end) == (0, None), "not the model's fault"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Terminated", "Pod was terminated in response to imminent node shutdown."),
        ("Preempting", "Preempted in order to admit critical pod"),
    ],
)
def test_a_pod_that_makes_way_for_its_node_counts_as_no_restart(reason: str, message: str) -> None:
    condition = target("TerminationByKubelet", message)
    found = listed(conditions=(condition,), phase="Failed", reason=reason, message=message)
    assert not_ready_reason(None, [found]) == f"1 pod: {reason}: {message.strip('.')}"
    stopped = listed(STOPPED, conditions=(condition,), phase="Succeeded")
    assert [(seen(each).restarts, seen(each).evicted) for each in (found, stopped)] == [
        (0, False),
        (0, False),
    ]
    assert not_ready_reason(None, [stopped]) == f"1 pod: Terminated: {message.strip('.')}"


def test_a_pod_that_its_node_does_not_admit_says_so() -> None:
    told = "Pod was rejected: Node didn't have enough resource: memory"
    found = listed(phase="Failed", reason="OutOfmemory", message=told)
    assert not_ready_reason(None, [found]) == f"1 pod: OutOfmemory: {told}"
    assert seen(found).restarts == 0


def test_a_node_that_does_not_report_is_the_cause_where_all_containers_were_ready() -> None:
    """The controller of nodes sets Ready to False, and what the kubelet said last remains."""
    conditions = (
        {"type": "ContainersReady", "status": "True"},
        {"type": "Ready", "status": "False", "lastTransitionTime": KILLED},
    )
    running = container({"running": {}}, ready=True, started=True)
    found = listed(running, conditions=conditions, spec={"nodeName": "node-a"}, phase="Running")
    assert not_ready_reason(None, [found]) == (
        "1 pod: its node node-a is not ready, or does not report: see kubectl describe node node-a"
    )
    gated = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}
    gated |= {"message": 'corresponding condition of pod readiness gate "x/y" does not exist.'}
    found = listed(running, conditions=(conditions[0], gated), spec={"nodeName": "node-a"})
    assert "a readiness gate is not met" in (not_ready_reason(None, [found]) or "")


def test_how_a_deleted_pod_was_told_to_stop_does_not_hide_why_it_restarted() -> None:
    leaving = listed(container(STOPPED["state"], restartCount=1, lastState=OOM), phase="Running")
    leaving["metadata"]["deletionTimestamp"] = KILLED
    found = seen(leaving)
    assert found.restarts == 1
    assert found.last_end and found.last_end.message.startswith("OOMKilled at its limit of 512Mi")


# whose limit


def test_a_limit_that_a_limit_range_has_set_is_told_as_such() -> None:
    found = listed(container({"running": {}}, restartCount=4, lastState=OOM))
    note = "LimitRanger plugin set: cpu request for container model; {} limit for container model"
    found["metadata"]["annotations"] = {"kubernetes.io/limit-ranger": note.format("cpu, memory")}
    default = "of 512Mi, the default of a LimitRange of its namespace, as its template has none"
    told = f"OOMKilled at its limit {default}"
    assert seen(found).last_end == PodEnd(
        seen(found).created + 300, f"{told}: container model of pod fraud-abc-x"
    )
    assert told in (not_ready_reason(None, [found]) or "")
    found["metadata"]["annotations"] = {"kubernetes.io/limit-ranger": note.format("cpu")}
    last = seen(found).last_end
    assert last and "LimitRange" not in last.message
    found["metadata"]["annotations"] = {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: memory limit for container proxy"
    }
    last = seen(found).last_end
    assert last and "LimitRange" not in last.message


def test_a_default_of_ephemeral_storage_is_told_with_the_eviction() -> None:
    found = listed(conditions=(EVICTING,), phase="Failed", reason="Evicted", message=FULL)
    found["metadata"]["annotations"] = {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: ephemeral-storage limit for "
        "container model"
    }
    told = not_ready_reason(None, [found]) or ""
    assert told.endswith(
        "1Gi, the default of a LimitRange of its namespace, as its template has none"
    )


def test_a_limit_of_the_whole_pod_is_told_as_such() -> None:
    spec = {"containers": [{"name": "model"}], "resources": {"limits": {"memory": "1Gi"}}}
    last = seen(listed(container({"running": {}}, lastState=OOM), spec=spec)).last_end
    assert last and last.message.startswith("OOMKilled at its pod's limit of 1Gi: container model")


# --- readiness


def turned(ready: bool, at: str, restarts: int = 0, **metadata: Any) -> dict[str, Any]:
    """A pod that has been ready or unready since a minute of an hour."""
    moment = f"2026-01-01T00:{at}Z"
    created = "2026-01-01T00:00:00Z"
    return {
        "metadata": {"name": "fraud-abc-x", "creationTimestamp": created, **metadata},
        "spec": {"containers": []},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": moment}],
            "containerStatuses": [container({"running": {}}, restartCount=restarts)],
        },
    }


READY, READY_AGAIN = turned(True, "01:00"), turned(True, "03:00")
UNREADY, UNREADY_AGAIN = turned(False, "02:00"), turned(False, "04:00")


@pytest.mark.parametrize(
    ("before", "now", "lost"),
    [
        (READY, READY, False),
        (READY, UNREADY, True),
        (UNREADY, UNREADY, False),
        (UNREADY, READY_AGAIN, False),
        (READY, READY_AGAIN, True),
        (UNREADY, UNREADY_AGAIN, True),
    ],
)
def test_a_pod_that_was_unready_between_two_lists_has_lost_its_readiness(
    before: dict[str, Any], now: dict[str, Any], lost: bool
) -> None:
    found = seen(now, seen(before))
    assert found.lost_readiness is lost
    assert (found.down_since is not None) is (lost and now["status"] != READY_AGAIN["status"])


def test_a_pod_that_stays_unready_is_down_since_it_lost_its_readiness() -> None:
    down = seen(UNREADY, seen(READY))
    again = seen(UNREADY, down)
    assert down.down_since is not None
    assert (again.lost_readiness, again.down_since) == (False, down.down_since)


def test_a_pod_that_starts_has_not_lost_its_readiness() -> None:
    starts = {**UNREADY, "status": {**UNREADY["status"], "conditions": []}}
    assert not seen(UNREADY).lost_readiness
    found = seen(UNREADY, seen(starts))
    assert (found.lost_readiness, found.down_since) == (False, None)


def test_a_pod_that_leaves_has_not_lost_its_readiness() -> None:
    """It is drained, preempted or scaled away, and is replaced."""
    leaves = turned(False, "02:00", deletionTimestamp="2026-01-01T00:02:00Z")
    found = seen(leaves, seen(READY))
    assert (found.lost_readiness, found.down_since) == (False, None)


def test_a_node_that_does_not_report_costs_its_pods_no_readiness() -> None:
    """Their containers are as they were when it was heard of last."""
    cut = turned(False, "02:00")
    cut["status"]["conditions"].append({"type": "ContainersReady", "status": "True"})
    cut["spec"]["nodeName"] = "node-a"
    assert not seen(cut, seen(READY)).cut_off, "a container is not ready, as its status says"
    cut["status"]["containerStatuses"][0]["ready"] = True
    off = seen(cut, seen(READY))
    assert (off.cut_off, off.lost_readiness, off.down_since) == (True, False, None)
    back = seen(READY_AGAIN, off)
    assert (back.cut_off, back.lost_readiness, back.down_since) == (False, False, None)
    worse = seen(UNREADY_AGAIN, off)
    assert not worse.lost_readiness
    assert worse.down_since == worse.turned, "the kubelet says so, and it reports again"
    assert seen(READY_AGAIN, worse).down_since is None


def test_a_restart_counts_as_a_restart_alone() -> None:
    restarted = seen(turned(True, "03:00", restarts=1), seen(READY))
    assert not restarted.lost_readiness
    assert restarted.restarts == 1


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


def of_a_job(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = pod(*containers, **more)
    found["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return found


def test_a_job_failed_by_what_failed_first_and_not_by_a_sidecar_that_was_told_to_stop() -> None:
    main = container(ended(3, message="7 of 90 differ", finishedAt="2026-01-01T00:05:00Z"))
    proxy = {**container(ended(137, finishedAt="2026-01-01T00:05:30Z")), "name": "proxy"}
    told = ("container model: Error with exit code 3: 7 of 90 differ", 3)
    assert failure([of_a_job(main, init=(proxy,), phase="Failed")], ["model"]) == told
    assert failure([of_a_job(proxy, main, phase="Failed")], ["model"]) == told
    assert failure([of_a_job(main, phase="Failed")], ["model"]) == told


def test_within_one_second_a_container_of_the_template_that_ended_by_itself_failed_first() -> None:
    at = "2026-01-01T00:05:00Z"
    main = container(ended(1, message="7 of 90 differ", finishedAt=at))
    proxy = {**container(ended(2, finishedAt=at)), "name": "agent"}
    helper = {**container(ended(143, finishedAt=at)), "name": "helper"}
    told = ("container model: Error with exit code 1: 7 of 90 differ", 1)
    assert failure([of_a_job(proxy, main, phase="Failed")], ["model"]) == told
    assert failure([of_a_job(helper, main, phase="Failed")], ["helper", "model"]) == told


def test_the_exit_code_of_a_container_that_the_template_does_not_name_is_no_verdict() -> None:
    proxy = {**container(ended(1, finishedAt="2026-01-01T00:05:00Z")), "name": "proxy"}
    main = container(ended(137, finishedAt="2026-01-01T00:05:30Z"))
    assert failure([of_a_job(proxy, main, phase="Failed")], ["model"])[1] is None


def test_a_job_may_fail_in_an_init_container_or_without_an_exit_code() -> None:
    get = {**container(ended(1, finishedAt="2026-01-01T00:05:00Z")), "name": "get"}
    waits = container({"waiting": {"reason": "PodInitializing"}})
    failed = failure([of_a_job(waits, init=(get,), phase="Failed")], ["model"])
    assert failed == ("container get: Error with exit code 1", None)
    assert "ImagePullBackOff" in failure([of_a_job(container(UNPULLED))])[0]
    assert failure([]) == ("", None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Evicted", "message": "The node was low on memory"}, "low on memory"),
        (
            {
                "conditions": [
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "PreemptionByScheduler",
                    }
                ]
            },
            "Preempted",
        ),
    ],
)
def test_what_ended_a_job_from_outside_leaves_no_verdict_of_its_container(
    status: dict[str, Any], words: str
) -> None:
    found = of_a_job(container(ended(1)), phase="Failed")
    found["status"] |= status
    message, code = failure([found], ["model"])
    assert words in message
    assert code is None


def test_a_container_that_was_killed_for_its_memory_has_said_nothing() -> None:
    killed = container({"terminated": {"exitCode": 1, "reason": "OOMKilled"}})
    message, code = failure([of_a_job(killed, phase="Failed")], ["model"])
    assert "OOMKilled" in message
    assert code is None


def test_what_a_job_has_left_is_what_a_container_of_its_template_wrote() -> None:
    done = {"exitCode": 0, "reason": "Completed", "message": '{"accuracy": 0.9}'}
    main, mesh = container({"terminated": done}), container({"terminated": {"exitCode": 0}})
    proxy = {**mesh, "name": "proxy", "state": {"terminated": {"exitCode": 0, "message": "bye"}}}
    pods = [of_a_job(proxy, main, phase="Succeeded")]
    assert left_behind(pods, ["model"]) == '{"accuracy": 0.9}'
    assert left_behind([of_a_job(mesh, phase="Succeeded")], ["model"]) == ""
    assert left_behind([of_a_job(container(ended(1)), phase="Failed")], ["model"]) is None
    assert left_behind([], ["model"]) is None


def test_why_no_container_of_a_job_runs_is_told_with_the_words_of_the_kubelet() -> None:
    unpulled = why_none_runs([of_a_job(container(UNPULLED))])
    assert unpulled is not None
    assert unpulled.startswith("container model: ImagePullBackOff")
    get = {**container({"running": {}}), "name": "get"}
    waits = container({"waiting": {"reason": "PodInitializing"}})
    assert why_none_runs([of_a_job(waits, init=(get,))]) is None, "it loads what it needs"
    assert why_none_runs([of_a_job(container({"running": {}}))]) is None
    assert why_none_runs([of_a_job(container(ended(0)))]) is None
    assert "kubectl describe job" in (why_none_runs([]) or "")


# an init container that downloads the model

TRACE = "Traceback (most recent call last):\n" + "  File x\n" * 200 + "NoSuchBucket: models"
FAILED = ended(1, message=TRACE)
WAITS = container({"waiting": {"reason": "PodInitializing"}})


def downloading(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec = {"containers": [LIMITED], "initContainers": [{"name": "serinus-model"}]}
    init = {"name": "serinus-model", "ready": False, "restartCount": 0, "state": state, **more}
    return listed(WAITS, init=(init,), spec=spec)


@pytest.mark.parametrize("state", [FAILED, CRASHING, {"running": {}}])
def test_a_download_that_fails_is_shown_by_its_last_lines_also_while_it_is_tried_again(
    state: dict[str, Any],
) -> None:
    found = not_ready_reason(None, [downloading(state, restartCount=2, lastState=FAILED)])
    assert found is not None
    assert "container serinus-model" in found and "Error with exit code 1: …" in found
    assert found.endswith("File x\nNoSuchBucket: models") and len(found) < 800


def test_a_download_that_goes_on_is_waited_for() -> None:
    found = not_ready_reason(None, [downloading({"running": {}})])
    assert found == "1 pod: container model is waiting for the pod's init containers"


def test_an_initializer_that_cannot_be_pulled_is_named() -> None:
    found = not_ready_reason(None, [downloading(UNPULLED)])
    assert found is not None and found.startswith("1 pod: container serinus-model: ImagePullBackO")


def test_a_download_that_is_tried_again_is_no_restart() -> None:
    again = downloading(CRASHING, restartCount=7, lastState=FAILED)
    assert (seen(again).restarts, seen(again).last_end) == (0, None)
