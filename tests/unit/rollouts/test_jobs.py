"""A Job of a step that others delete: while it runs, again and again, and after it has ended."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from serinus.cluster import ApiError
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.memory.jobs import JOB_TAKES, NO_POD, UNPULLED
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec

TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}
TESTED = {
    "steps": [{"job": {"template": TEMPLATE, "timeout": "10m"}}, {"setWeight": 20}, {"pause": {}}],
    "analysis": ERRORS,
    **PATIENT,
}


class Deleting:
    """Something that deletes each Job a moment after it is created, or once it has ended."""

    def __init__(self, memory: MemoryCluster, operator: Operator, *, ended: bool = False) -> None:
        self.created: list[str] = []
        self._operator = operator
        self._ended = ended
        self._tasks: list[asyncio.Task[None]] = []
        memory.api.watchers.append(self._seen)

    def _seen(self, event: str, live: Manifest) -> None:
        if live["kind"] != "Job" or event == "DELETED":
            return
        if event == "ADDED":
            self.created.append(live["metadata"]["name"])
        if bool((live.get("status") or {}).get("conditions")) == self._ended:
            self._tasks.append(asyncio.create_task(self._delete(live)))

    async def _delete(self, live: Manifest) -> None:
        await asyncio.sleep(0.5)
        with contextlib.suppress(ApiError):  # it is gone, or another one
            await self._operator.cluster.delete(live)


async def test_one_that_is_deleted_each_time_is_created_ever_more_slowly_and_it_is_said(
    memory: MemoryCluster, operator: Operator
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    deleting = Deleting(memory, operator)
    await operator.apply("fraud", **spec("v2", rollout=TESTED))
    status = await operator.until(
        "fraud", lambda s: "was deleted before it ended" in s["candidate"]["hold"]["message"]
    )
    assert status["candidate"]["hold"]["reason"] == "AwaitingJob"
    begun = time.monotonic()
    while time.monotonic() < begun + 300:
        await asyncio.sleep(5)
    assert 5 <= len(deleting.created) <= 12
    assert len(set(deleting.created)) == 1


async def test_one_that_is_deleted_once_it_has_succeeded_is_not_run_again(
    memory: MemoryCluster, operator: Operator
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    deleting = Deleting(memory, operator, ended=True)
    paused = {**TESTED, "paused": True}
    await operator.apply("fraud", **spec("v2", rollout=TESTED))
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingJob")
    await operator.apply("fraud", **spec("v2", rollout=paused))
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "PausedBySpec")
    await asyncio.sleep(2 * JOB_TAKES)
    [name] = deleting.created
    await operator.until_there("Job", name, there=False)

    # the operator starts again, and does not forget it
    await operator.stop()
    await operator.start()
    operator.move(3600)
    await operator.apply("fraud", **spec("v2", rollout=TESTED))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert deleting.created == [name]


async def in_its_job(memory: MemoryCluster, operator: Operator, how: str, **job: Any) -> None:
    """v2 waits for its Job, and Jobs end so."""
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    memory.jobs.become(how)
    steps = [{"job": {"template": TEMPLATE, **job}}, {"setWeight": 20}, {"pause": {}}]
    rollout = {**TESTED, "steps": steps, "progressDeadline": "3m"}
    await operator.apply("fraud", **spec("v2", rollout=rollout))


async def until(operator: Operator, holds: Callable[[Manifest], Any]) -> Manifest:
    """As long as three Jobs may take."""
    status: Manifest = {}
    for _ in range(1000):
        status = (await operator.get("fraud"))["status"]
        with contextlib.suppress(KeyError, TypeError):
            if holds(status):
                return status
        await asyncio.sleep(5)
    raise AssertionError(f"it says: {status['message']}")


def jobs(memory: MemoryCluster) -> list[Manifest]:
    return memory.api.all("Job")


def services_of_pods(memory: MemoryCluster) -> list[str]:
    names = [each["metadata"]["name"] for each in memory.api.all("Service")]
    return [name for name in names if name.endswith("-pods")]


def held(status: Manifest, reason: str) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return bool(hold.get("reason") == reason)


async def test_one_that_rejects_the_model_is_kept_and_what_it_left_behind_is_told(
    memory: MemoryCluster, operator: Operator
) -> None:
    await in_its_job(memory, operator, "rejects")
    status = await until(operator, lambda s: s["rejected"])
    assert status["rejected"]["reason"] == "JobFailed"
    assert "Error with exit code 1: 7 of 90 differ. See" in status["rejected"]["message"]
    await asyncio.sleep(60)
    assert len(jobs(memory)) == 1
    assert services_of_pods(memory) == []


async def test_what_it_leaves_is_read_from_its_pod_and_compared(
    memory: MemoryCluster, operator: Operator
) -> None:
    memory.jobs.said = '{"accuracy": 0.914, "stable": {"accuracy": 0.921}}'
    await in_its_job(
        memory, operator, "succeeds", limits=["result.accuracy >= result.stable.accuracy"]
    )
    status = await until(operator, lambda s: s["rejected"])
    assert (
        "is not met: result.accuracy is 0.914, result.stable.accuracy is 0.921."
        in (status["rejected"]["message"])
    )
    await asyncio.sleep(60)
    [job] = jobs(memory)
    assert f"kubectl logs job/{job['metadata']['name']}" in status["rejected"]["message"]
    memory.jobs.become("rejects")
    await operator.apply("fraud", **spec("v3"))
    await until(operator, lambda s: (s.get("candidate") or {}).get("revision"))
    assert job in jobs(memory), "another spec leaves it, as one that has failed"


async def test_what_another_pod_with_the_label_says_is_no_result(
    memory: MemoryCluster, operator: Operator
) -> None:
    """Whoever may create pods can label one as a pod of the Job."""
    forged = {"exitCode": 0, "message": '{"accuracy": 0.99}', "finishedAt": "2099-01-01T00:00:00Z"}
    container = {"name": "main", "ready": False, "restartCount": 0}

    def forge(event: str, live: Manifest) -> None:
        if live["kind"] == "Job" and event == "ADDED":
            name, space = live["metadata"]["name"], operator.namespace
            labels = {"batch.kubernetes.io/job-name": name}
            told = [{**container, "state": {"terminated": forged}}]
            metadata = {"name": "forged", "namespace": space, "uid": "1", "labels": labels}
            metadata["creationTimestamp"] = "2099-01-01T00:00:00Z"
            status = {"phase": "Succeeded", "containerStatuses": told}
            pod = {"kind": "Pod", "apiVersion": "v1", "spec": {}, "status": status}
            memory.api.put({**pod, "metadata": metadata})

    memory.api.watchers.append(forge)
    memory.jobs.said = '{"accuracy": 0.5}'
    await in_its_job(memory, operator, "succeeds", limits=["result.accuracy >= 0.9"])
    status = await until(operator, lambda s: s["rejected"] or s["candidate"]["weight"]["wanted"])
    assert "result.accuracy is 0.5" in status["rejected"]["message"]


async def test_a_result_that_went_with_its_pod_is_asked_for_again(
    memory: MemoryCluster, operator: Operator
) -> None:
    memory.jobs.said, memory.jobs.pods_are_deleted = '{"right": 0.9}', True
    await in_its_job(memory, operator, "succeeds", limits=["result.right > 0.8"])
    status = await until(operator, lambda s: held(s, "ValidationUnfinished"))
    assert "its pod was gone before its result could be read" in status["message"]
    assert "serinus retry fraud" in status["message"]
    assert "kubectl logs" not in status["message"]

    memory.jobs.pods_are_deleted = False
    await operator.command("fraud", f"retry/{status['candidate']['revision']}")
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)


async def test_without_limits_a_job_needs_no_pod_to_have_succeeded(
    memory: MemoryCluster, operator: Operator
) -> None:
    memory.jobs.pods_are_deleted = True
    await in_its_job(memory, operator, "succeeds")
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)


async def test_a_result_with_half_a_character_keeps_no_pass_from_its_end(
    memory: MemoryCluster, operator: Operator
) -> None:
    memory.jobs.said = '{"answer": "\\ud83d", "right": 0.9}'
    await in_its_job(memory, operator, "succeeds", limits=["result.right > 0.8"])
    status = await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert "has succeeded: answer \ufffd, right 0.9." in status["decisions"][0]["message"]


async def test_an_image_that_cannot_be_pulled_is_named_at_once_and_then_a_person_is_asked(
    memory: MemoryCluster, operator: Operator
) -> None:
    await in_its_job(memory, operator, UNPULLED, retries=1)
    named = "container main: ImagePullBackOff: Back-off pulling image"
    begun = time.monotonic()
    await until(operator, lambda s: named in s["message"])
    assert time.monotonic() - begun < 120
    status = await until(operator, lambda s: held(s, "ValidationUnfinished"))
    assert (
        f"has had no running container for 3m (progressDeadline): {named} (2 attempts)."
        in status["message"]
    )
    assert status["phase"] == "Degraded"
    assert jobs(memory) == [], "they would be pulled for ever"

    memory.jobs.become("succeeds")
    await operator.command("fraud", f"retry/{status['candidate']['revision']}")
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)


async def test_a_quota_that_allows_no_pod_is_told_of_and_the_job_goes_on_once_it_does(
    memory: MemoryCluster, operator: Operator
) -> None:
    await in_its_job(memory, operator, NO_POD)
    await until(operator, lambda s: "kubectl describe job says why" in s["message"])
    [job] = jobs(memory)
    memory.jobs.become("succeeds")
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)
    status = (await operator.get("fraud"))["status"]
    assert job["metadata"]["name"] in status["decisions"][0]["message"]


async def test_a_node_that_dies_costs_it_no_attempt(
    memory: MemoryCluster, operator: Operator
) -> None:
    await in_its_job(memory, operator, "succeeds")
    await until(operator, lambda s: held(s, "AwaitingJob"))
    await asyncio.sleep(JOB_TAKES / 2)
    memory.jobs.lose_nodes()
    status = await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert "JobUnfinished" not in [each["reason"] for each in status["decisions"]]


async def test_one_that_cannot_say_is_started_again_under_another_name(
    memory: MemoryCluster, operator: Operator
) -> None:
    await in_its_job(memory, operator, "cannot say")
    await until(operator, lambda s: s["candidate"]["task"]["attempt"] == 2)
    memory.jobs.become("succeeds")
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert len(jobs(memory)) == 2, "both are kept for their logs"


def _no_jobs(live: Manifest, before: Manifest | None) -> str | None:
    return "no Jobs today" if live["kind"] == "Job" and before is None else None


async def test_an_operator_that_dies_between_the_status_and_the_job_creates_it_later(
    memory: MemoryCluster, operator: Operator
) -> None:
    memory.api.refuse.append(_no_jobs)
    await in_its_job(memory, operator, "succeeds")
    status = await until(operator, lambda s: s["candidate"]["task"])
    name = status["candidate"]["task"]["name"]
    await operator.stop()
    memory.api.refuse.remove(_no_jobs)
    assert jobs(memory) == []
    await operator.start()
    await operator.until_there("Job", name)
    await until(operator, lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert services_of_pods(memory) == [], "it is gone with its Job"
