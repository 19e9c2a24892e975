"""A Job of a step that others delete: while it runs, again and again, and after it has ended."""

import asyncio
import contextlib
import time

from serinus.cluster import ApiError
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.memory.jobs import JOB_TAKES
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
