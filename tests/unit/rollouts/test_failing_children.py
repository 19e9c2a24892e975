"""The API server fails at one child: the others are written, above all a rollback's route."""

import asyncio
import time

from tests.campaign.wire import Reply, Request, refusal
from tests.support.inprocess import Operator
from tests.support.rollouts import ERRORS, children, healthy, in_mid_rollout, only, spec
from tests.unit.rollouts.conftest import Answer, Between

INJECTED = refusal(503, "Injected", "injected")


def writes(request: Request, kind: str, beginning: str = "") -> bool:
    """Whether it writes an object of a kind, whose name begins so."""
    found, _, name, sub = request.place
    return request.writes and found == kind and not sub and (name or "").startswith(beginning)


def failing(kind: str, beginning: str = "") -> Answer:
    """Its writes fail."""

    async def fail(request: Request) -> Reply | None:
        return INJECTED if writes(request, kind, beginning) else None

    return fail


async def revisions(operator: Operator) -> tuple[str, str]:
    """Stable and the candidate, which takes 20% and is measured."""
    await in_mid_rollout(operator)
    status = await operator.until("fraud", lambda s: s["candidate"]["analysisSince"])
    return status["stable"]["revision"], status["candidate"]["revision"]


async def rolls_back(
    operator: Operator, between: Between, fault: Answer, *, throttled: bool = False
) -> list[Request]:
    """Deployments cannot be written, and stable's has to be, while the candidate is found to fail;
    the attempts at Deployments until the route is written."""
    stable, bad = await revisions(operator)
    begun, between.before = len(between.requests), fault
    await operator.edit("fraud", lambda live: live["spec"].update(replicas=5))
    operator.traffic.errors = {f"fraud-{bad}": 0.3}
    # two looks, each in a pass that may wait for a Deployment
    status = await operator.until("fraud", lambda s: s["rejected"], moving=0.5, within=90)
    assert status["rejected"]["reason"] == "CheckFailed"
    await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
    seen = [each for each in between.requests[begun:] if writes(each, "Deployment")]
    between.before = None
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=20)
    await only(operator, "Deployment", {f"fraud-{stable}"})
    await until_scaled(operator, f"fraud-{stable}", 4 if throttled else 5)
    return seen


async def until_scaled(operator: Operator, name: str, replicas: int) -> None:
    """What failed is made up for, though not before the API server said."""
    deadline = time.monotonic() + 35
    while True:
        live = await operator.cluster.get("Deployment", operator.namespace, name)
        if live["spec"]["replicas"] == replicas:
            return
        assert time.monotonic() < deadline, live["spec"]["replicas"]
        await asyncio.sleep(0.1)


async def test_a_rollback_reaches_the_route_though_deployments_cannot_be_written(
    through: Operator, between: Between
) -> None:
    await rolls_back(through, between, failing("Deployment"))


async def test_a_rollback_reaches_the_route_though_writing_a_deployment_never_ends(
    through: Operator, between: Between
) -> None:
    async def hang(request: Request) -> Reply | None:
        if writes(request, "Deployment"):
            await asyncio.Event().wait()
        return None

    await rolls_back(through, between, hang)


async def test_a_rollback_does_not_wait_for_the_retry_after_of_another_child(
    through: Operator, between: Between
) -> None:
    async def throttle(request: Request) -> Reply | None:
        if not writes(request, "Deployment"):
            return None
        return refusal(429, "TooManyRequests", "injected", Retry_After="60")

    tried = await rolls_back(through, between, throttle, throttled=True)
    assert len(tried) == 1, "and that child waits as it is told"


def throttling(kind: str, beginning: str, retry_after: int) -> tuple[Answer, list[float]]:
    """Answers the first two writes there with 429, and notes when they came."""
    tried: list[float] = []

    async def throttle(request: Request) -> Reply | None:
        if not writes(request, kind, beginning) or len(tried) > 1:
            return None
        tried.append(time.monotonic())
        return refusal(429, "TooManyRequests", "injected", Retry_After=str(retry_after))

    return throttle, tried


async def test_a_rollbacks_route_is_tried_again_within_seconds_whatever_retry_after_says(
    through: Operator, between: Between
) -> None:
    throttle, tried = throttling("HTTPRoute", "fraud", retry_after=60)
    stable, bad = await revisions(through)
    between.before = throttle
    through.traffic.errors = {f"fraud-{bad}": 0.3}
    await through.until("fraud", lambda s: s["rejected"], moving=5)
    await through.until_split("fraud", {f"fraud-{stable}": 100}, within=15)
    assert 3 < tried[1] - tried[0] < 8


async def test_a_child_that_fails_does_not_keep_the_next_one_from_being_written(
    through: Operator, between: Between
) -> None:
    stable, candidate = await revisions(through)
    between.before = failing("Deployment", f"fraud-{stable}")
    await through.edit("fraud", lambda live: live["spec"].update(replicas=10))
    await until_scaled(through, f"fraud-{candidate}", 2)
    await until_scaled(through, f"fraud-{stable}", 4)
    between.before = None
    await until_scaled(through, f"fraud-{stable}", 10)


async def test_a_child_is_not_written_again_before_the_api_server_said(
    through: Operator, between: Between
) -> None:
    throttle, tried = throttling("Deployment", "", retry_after=3)
    await in_mid_rollout(through)
    between.before = throttle
    await through.edit("fraud", lambda live: live["spec"].update(replicas=5))
    deadline = time.monotonic() + 15
    while len(tried) < 2:
        assert time.monotonic() < deadline, "it is not tried again"
        # looks and events come meanwhile
        through.move(5)
        await asyncio.sleep(0.05)
    assert tried[1] - tried[0] >= 3


async def test_no_traffic_goes_to_a_revision_whose_service_is_not_there(
    through: Operator, between: Between
) -> None:
    between.before = failing("Service", "fraud-")
    await through.apply("fraud", **spec("v1"))
    deadline = time.monotonic() + 20
    while sum(writes(each, "Service", "fraud-") for each in between.requests) < 3:
        assert time.monotonic() < deadline, "it is not tried again"
        through.move(1)
        await asyncio.sleep(0.05)
    assert len(await children(through.cluster, through.namespace, "Deployment")) == 1
    assert await children(through.cluster, through.namespace, "HTTPRoute") == set()
    between.before = None
    await through.until("fraud", healthy("v1"))


HELD = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}


async def test_pods_that_cannot_be_listed_hold_up_no_rollback(
    through: Operator, between: Between
) -> None:
    asked = 0

    async def refuse(request: Request) -> Reply | None:
        nonlocal asked
        kind, _, name, _ = request.place
        if request.writes or kind != "Pod" or name:
            return None
        asked += 1
        return refusal(500, "Injected", "injected")

    between.before = refuse
    await through.apply("fraud", **spec("v1", rollout=HELD))
    await through.until("fraud", healthy("v1"))
    await through.apply("fraud", **spec("v2", rollout=HELD))
    status = await through.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    through.move(130)
    await through.until("fraud", lambda _: asked > 0)
    bad = status["candidate"]["revision"]
    through.traffic.errors = {f"fraud-{bad}": 0.05}
    status = await through.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"
