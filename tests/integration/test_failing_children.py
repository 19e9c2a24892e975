"""The API server fails at one child: the others are written, above all a rollback's route."""

import asyncio
import time
from pathlib import Path

from aiohttp import web

from tests.integration.conftest import kubectl
from tests.integration.proxy import Fault, Request, forever, refused
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Operator
from tests.support.rollouts import ERRORS, children, healthy, only, spec


def writes(kind: str, request: Request) -> bool:
    return request.method in ("PATCH", "POST", "PUT") and f"/{kind}" in request.path


async def in_mid_canary(operator: Operator) -> tuple[str, str]:
    """Stable and the candidate, which takes 20%."""
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["analysisSince"])
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    return stable, status["candidate"]["revision"]


async def rolls_back(
    kubeconfig: Path, namespace: str, fault: Fault, *, throttled: bool = False
) -> list[Request]:
    """Deployments cannot be written, and stable's has to be, while the candidate is found to fail;
    the attempts at Deployments until the route is written."""
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, bad = await in_mid_canary(operator)
        begun, proxy.before = len(proxy.requests), fault
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=5))
        operator.traffic.errors = {f"fraud-{bad}": 0.3}
        # two looks, each in a pass that may wait for a Deployment
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5, within=90)
        assert status["rejected"]["reason"] == "CheckFailed"
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
        seen = [each for each in proxy.requests[begun:] if writes("deployments/", each)]
        proxy.before = None
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
    kubeconfig: Path, namespace: str
) -> None:
    async def fail(request: Request) -> web.Response | None:
        return refused(503) if writes("deployments/", request) else None

    await rolls_back(kubeconfig, namespace, fail)


async def test_a_rollback_reaches_the_route_though_writing_a_deployment_never_ends(
    kubeconfig: Path, namespace: str
) -> None:
    async def hang(request: Request) -> web.Response | None:
        if writes("deployments/", request):
            await forever()
        return None

    await rolls_back(kubeconfig, namespace, hang)


async def test_a_rollback_does_not_wait_for_the_retry_after_of_another_child(
    kubeconfig: Path, namespace: str
) -> None:
    async def throttle(request: Request) -> web.Response | None:
        if not writes("deployments/", request):
            return None
        answer = refused(429, "TooManyRequests")
        answer.headers["Retry-After"] = "60"
        return answer

    tried = await rolls_back(kubeconfig, namespace, throttle, throttled=True)
    assert len(tried) == 1, "and that child waits as it is told"


def throttling(path: str, retry_after: int) -> tuple[Fault, list[float]]:
    """Answers the first two writes there with 429, and notes when they came."""
    tried: list[float] = []

    async def throttle(request: Request) -> web.Response | None:
        if not writes(path, request) or len(tried) > 1:
            return None
        tried.append(time.monotonic())
        answer = refused(429, "TooManyRequests")
        answer.headers["Retry-After"] = str(retry_after)
        return answer

    return throttle, tried


async def test_a_rollbacks_route_is_tried_again_within_seconds_whatever_retry_after_says(
    kubeconfig: Path, namespace: str
) -> None:
    throttle, tried = throttling("httproutes/fraud?", retry_after=60)
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, bad = await in_mid_canary(operator)
        proxy.before = throttle
        operator.traffic.errors = {f"fraud-{bad}": 0.3}
        await operator.until("fraud", lambda s: s["rejected"], moving=5)
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=15)
    assert 3 < tried[1] - tried[0] < 8


async def test_a_child_that_fails_does_not_keep_the_next_one_from_being_written(
    kubeconfig: Path, namespace: str
) -> None:
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, candidate = await in_mid_canary(operator)

        async def fail(request: Request) -> web.Response | None:
            return refused(503) if writes(f"deployments/fraud-{stable}", request) else None

        proxy.before = fail
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=10))
        await until_scaled(operator, f"fraud-{candidate}", 2)
        await until_scaled(operator, f"fraud-{stable}", 4)
        proxy.before = None
        await until_scaled(operator, f"fraud-{stable}", 10)


async def test_a_child_is_not_written_again_before_the_api_server_said(
    kubeconfig: Path, namespace: str
) -> None:
    throttle, tried = throttling("deployments/", retry_after=3)
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        await in_mid_canary(operator)
        proxy.before = throttle
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=5))
        deadline = time.monotonic() + 15
        while len(tried) < 2:
            assert time.monotonic() < deadline, "it is not tried again"
            # looks and events come meanwhile
            operator.move(5)
            await asyncio.sleep(0.05)
        assert tried[1] - tried[0] >= 3


async def test_no_traffic_goes_to_a_revision_whose_service_is_not_there(
    kubeconfig: Path, namespace: str
) -> None:
    async def fail(request: Request) -> web.Response | None:
        return refused(503) if writes("services/fraud-", request) else None

    async with (
        breakable(kubeconfig, before=fail) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1"))
        await until_children(operator, "Deployment", 1)
        await until_requests(proxy.requests, "/services/fraud-", 3, operator)
        assert await children(operator.cluster, namespace, "HTTPRoute") == set()
        proxy.before = None
        await operator.until("fraud", healthy("v1"))


async def until_children(operator: Operator, kind: str, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(await children(operator.cluster, operator.namespace, kind)) < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def until_requests(
    requests: list[Request], words: str, count: int, operator: Operator
) -> None:
    deadline = time.monotonic() + 20
    while sum(words in each.path for each in requests) < count:
        assert time.monotonic() < deadline, f"{words} is not asked for"
        operator.move(1)
        await asyncio.sleep(0.05)


HELD = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}


async def test_pods_that_cannot_be_listed_do_not_stop_the_looks(
    kubeconfig: Path, namespace: str
) -> None:
    async def fail(request: Request) -> web.Response | None:
        return refused(503) if "/pods?" in request.path and not request.watches else None

    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        stable, bad = await in_mid_canary(operator)
        proxy.before = fail
        kubectl("create", "quota", "few", "--hard=pods=5", f"--namespace={namespace}")
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=8))
        await until_requests(proxy.requests, "/pods?", 1, operator)
        operator.traffic.errors = {f"fraud-{bad}": 0.3}
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "CheckFailed"
        await operator.until_split("fraud", {f"fraud-{stable}": 100})


HELD = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "progressDeadline": "2h",
    "analysis": ERRORS,
}


async def test_pods_that_cannot_be_listed_hold_up_no_rollback(
    kubeconfig: Path, namespace: str
) -> None:
    asked = 0

    async def refuse(request: Request) -> web.Response | None:
        nonlocal asked
        if request.method != "GET" or "/pods?" not in request.path:
            return None
        asked += 1
        return refused(500)

    async with (
        breakable(kubeconfig, before=refuse) as (_, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1", rollout=HELD))
        await operator.until("fraud", healthy("v1"))
        await operator.apply("fraud", **spec("v2", rollout=HELD))
        status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
        operator.move(130)
        await operator.until("fraud", lambda _: asked > 0)
        bad = status["candidate"]["revision"]
        operator.traffic.errors = {f"fraud-{bad}": 0.05}
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "CheckFailed"
