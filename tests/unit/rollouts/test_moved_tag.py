"""A tag that was moved: pods of one revision run different images, as their status says."""

from collections.abc import Callable
from itertools import cycle

from tests.support.inprocess import Manifest, Operator
from tests.support.kubelet import moment, pods_of, says
from tests.support.rollouts import ERRORS, healthy, spec

STEPS = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}
OLD, NEW = (f"registry/m@sha256:{letter * 64}" for letter in "ab")


async def runs(operator: Operator, pod: Manifest, image: str, *, ready: bool = True) -> None:
    """What its kubelet reports."""
    now = moment()
    container = {
        "name": "model",
        "image": "m:1",
        "imageID": image,
        "ready": ready,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    await says(operator, pod, container, condition)


async def replaced(operator: Operator, revision: str, *images: str) -> None:
    """The last pod is lost, and is back; the pods run these images in turn."""
    pods = await pods_of(operator, revision)
    pods.sort(key=lambda pod: str(pod["metadata"]["name"]))
    for pod, image in zip(pods, cycle(images), strict=False):
        await runs(operator, pod, image)
    for ready in (False, True):
        await runs(operator, pods[-1], images[-1], ready=ready)
        await operator.until("fraud", has_ready(len(pods) - (not ready)))


def has_ready(count: int) -> Callable[[Manifest], bool]:
    return lambda status: bool(status["stable"]["readyReplicas"] == count)


def differ(status: Manifest) -> bool:
    return any(each["type"] == "ImagesDiffer" for each in status["conditions"])


async def test_it_is_said_at_once_holds_a_rollout_and_blames_nobody(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", replicas=2, rollout=STEPS))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    lists = operator.cluster.requests[("list", "Pod")]
    await replaced(operator, stable, OLD, NEW)
    status = await operator.until("fraud", differ, moving=1)
    assert status["phase"] == "Healthy", "it serves"
    found = next(each for each in status["conditions"] if each["type"] == "ImagesDiffer")
    assert "sha256:aaaaaaaaaaaa in" in found["message"]
    assert "Name the image by its digest in spec.template" in found["message"]
    told = await operator.until_announced("ImagesDiffer")
    assert (told["type"], told["note"]) == ("Warning", found["message"])
    await operator.rest()
    assert operator.cluster.requests[("list", "Pod")] - lists <= 3

    await operator.apply("fraud", **spec("v2", replicas=2, rollout=STEPS))
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "ImagesDiffer", moving=1
    )
    bad = status["candidate"]["revision"]
    operator.traffic.errors = {f"fraud-{bad}": 0.05}
    await operator.until("fraud", lambda s: s["candidate"]["withdrawn"], moving=5)
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    operator.move(3600)
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
    assert "rejected" not in status
    assert "it is not rejected" in status["message"]

    # the operator starts again, and does not forget it
    await operator.stop()
    async with operator:
        await operator.until("fraud", lambda s: s["candidate"]["withdrawn"], moving=5)
        operator.traffic.errors = {}
        await replaced(operator, stable, NEW)
        status = await operator.until("fraud", lambda s: not differ(s), moving=5)
        await operator.until_split("fraud", {f"fraud-{stable}": 80, f"fraud-{bad}": 20})
        assert "rejected" not in status
