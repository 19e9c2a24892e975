"""What kubelets say of pods: on the tests' clusters there are none."""

import asyncio
import time
from datetime import UTC, datetime

from serinus.cluster import ApiError
from tests.support.inprocess import Manifest, Operator


def moment() -> str:
    """Now, by the clock of the cluster."""
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def pods_of(operator: Operator, revision: str) -> list[Manifest]:
    """The pods of a revision."""
    return await operator.cluster.list(
        "Pod", operator.namespace, f"serinus.dev/revision={revision}"
    )


async def says(operator: Operator, pod: Manifest, container: Manifest, condition: Manifest) -> None:
    """Write what it says of the container, and one condition."""
    while True:
        live = await operator.cluster.get("Pod", operator.namespace, pod["metadata"]["name"])
        known = (live.get("status") or {}).get("conditions") or []
        others = [each for each in known if each["type"] != condition["type"]]
        told = {"containerStatuses": [container], "conditions": [*others, condition]}
        latest = {"resourceVersion": live["metadata"]["resourceVersion"]}
        try:
            # to replace the status of a pod replaces its labels as well
            change = {"metadata": latest, "status": told}
            await operator.patch("Pod", pod["metadata"]["name"], change, sub="/status")
        except ApiError as error:
            if not error.conflict:
                raise
        else:
            return


async def killed(operator: Operator, revision: str, restarts: int) -> None:
    """Each pod's container is killed for memory; it is not ready, and a moment later it is."""
    for ready in (False, True):
        for pod in await pods_of(operator, revision):
            await report(operator, pod, restarts, ready=ready)
        await asyncio.sleep(1.0)


async def report(operator: Operator, pod: Manifest, restarts: int, *, ready: bool) -> None:
    """Its container was killed for memory, and is ready or not."""
    now = moment()
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": now}}
    container = {
        "name": "model",
        "image": "m:1",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts if ready else restarts - 1,
        "state": {"running": {"startedAt": now}} if ready else ended,
        **({"lastState": ended} if ready else {}),
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    await says(operator, pod, container, condition)
