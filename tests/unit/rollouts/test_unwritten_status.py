"""A status that cannot be written: told otherwise, and traffic goes back to stable without it."""

import asyncio
import time

import pytest

from tests.campaign.wire import Reply, Request, refusal
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, only, spec
from tests.unit.rollouts.conftest import Answer, Between
from tests.unit.rollouts.test_failing_children import revisions


def writes_status(request: Request) -> bool:
    kind, _, name, sub = request.place
    return request.writes and (kind, name, sub) == ("ModelDeployment", "fraud", "status")


def refusing(status: int) -> Answer:
    """The API server takes no status of a ModelDeployment any more."""

    async def before(request: Request) -> Reply | None:
        return refusal(status, "Injected", "injected") if writes_status(request) else None

    return before


async def until_unmarked(operator: Operator) -> None:
    """The route is written after the status."""
    deadline = time.monotonic() + 10
    while True:
        route = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
        if "serinus.dev/withdrawn" not in (route["metadata"].get("annotations") or {}):
            return
        assert time.monotonic() < deadline, "the mark stays"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("code", [422, 403, 503])
async def test_a_rollback_reaches_the_route_though_the_status_cannot_be_written(
    code: int, through: Operator, between: Between
) -> None:
    stable, bad = await revisions(through)
    between.before = refusing(code)
    through.traffic.errors = {f"fraud-{bad}": 0.3}
    moving = asyncio.create_task(go_on(through))
    try:
        await through.until_split("fraud", {f"fraud-{stable}": 100}, within=20)
    finally:
        moving.cancel()
    live = await through.get("fraud")
    assert live["status"]["candidate"]["revision"] == bad, "the status is the old one"
    told = await through.until_announced("WeightLowered")
    assert f"The traffic of revision {bad} was withdrawn without a status" in told["note"]
    if code != 503:
        told = await through.until_announced("StatusNotWritten")
        assert told["type"] == "Warning"
        assert f"{code} Injected" in told["note"]
    # killed: what was found is lost, and the old status asks for the candidate's weight
    await through.stop()
    through.traffic.silent = True
    async with through:
        between.before = None
        await through.until("fraud", withdrawn, moving=1)
        for _ in range(20):
            through.move(30)
            await asyncio.sleep(0.05)
            assert await through.split("fraud") == {f"fraud-{stable}": 100}
        through.traffic.silent = False
        status = await through.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "CheckFailed"
        await through.until_split("fraud", {f"fraud-{stable}": 100})
        await until_unmarked(through)
        await through.until("fraud", lambda s: not s.get("retiring"), moving=20)
        await only(through, "Deployment", {f"fraud-{stable}"})


async def go_on(operator: Operator) -> None:
    while True:
        operator.move(1)
        await asyncio.sleep(0.05)


def withdrawn(status: Manifest) -> bool:
    return "was withdrawn while the status" in status["message"]


async def test_what_is_aborted_loses_its_traffic_though_the_status_cannot_be_written(
    through: Operator, between: Between
) -> None:
    stable, candidate = await revisions(through)
    between.before = refusing(422)
    await through.command("fraud", f"abort/{candidate}")
    await through.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
    between.before = None
    status = await through.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "Aborted"
    await until_unmarked(through)


async def test_a_good_candidate_gets_its_traffic_back_after_a_look(
    through: Operator, between: Between
) -> None:
    stable, candidate = await revisions(through)
    between.before = refusing(422)
    await through.command("fraud", f"abort/{candidate}")
    await through.until_split("fraud", {f"fraud-{stable}": 100}, within=5)
    # the abort is taken back before it could be noted
    await through.command("fraud", "")
    between.before = None
    await through.until("fraud", healthy("v2"), moving=5, within=60)
    await until_unmarked(through)


async def test_a_candidate_of_which_nothing_would_be_measured_loses_its_traffic(
    through: Operator, between: Between
) -> None:
    async def begins_to_measure(request: Request) -> Reply | None:
        if not writes_status(request):
            return None
        found = (request.body.get("status") or {}).get("candidate") or {}
        return refusal(422, "Invalid", "injected") if "analysisSince" in found else None

    await through.apply("fraud", **spec("v1"))
    stable = (await through.until("fraud", healthy("v1")))["stable"]["revision"]
    between.before = begins_to_measure
    await through.apply("fraud", **spec("v2"))
    deadline = time.monotonic() + 20
    while len(await through.split("fraud")) < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.03)
    await through.until_split("fraud", {f"fraud-{stable}": 100}, within=120)
    for _ in range(40):
        through.move(1)
        await asyncio.sleep(0.05)
        assert await through.split("fraud") == {f"fraud-{stable}": 100}
    between.before = None
    await through.until("fraud", healthy("v2"), moving=5, within=60)
