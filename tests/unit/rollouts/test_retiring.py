"""Pods that are to go, while a gateway's controller takes no route."""

from typing import Any

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import children, healthy, only, rolls_out, spec


def _stable_is(version: str) -> Any:
    def holds(status: Manifest) -> bool:
        return bool(status["stable"]["version"] == version)

    return holds


async def _rolling(operator: Operator) -> tuple[str, str]:
    """Stable and a candidate at 20%."""
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    return stable, status["candidate"]["revision"]


async def _stay(operator: Operator, *revisions: str) -> None:
    """An hour goes by, and what these revisions need to serve is still there."""
    told = await operator.until(
        "fraud", lambda s: "may still get traffic" in s["message"], moving=5
    )
    assert "has not yet accepted the current generation of the route" in told["message"]
    for _ in range(6):
        operator.move(600)
        await operator.until("fraud", lambda s: s["retiring"])
    wanted = {f"fraud-{revision}" for revision in revisions}
    for kind in ("Deployment", "Service"):
        assert wanted <= await children(operator.cluster, operator.namespace, kind)


async def test_stables_pods_outlive_a_promotion_until_the_gateway_has_taken_the_route(
    operator: Operator,
) -> None:
    stable, candidate = await _rolling(operator)
    operator.gateway_answers = False
    await operator.command("fraud", f"promote/{candidate}")
    await operator.until("fraud", _stable_is("v2"))
    await _stay(operator, stable, candidate)
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: not s["retiring"], moving=5)
    await only(operator, "Deployment", {f"fraud-{candidate}"})
    await only(operator, "Service", {f"fraud-{candidate}", "fraud"})


async def test_a_rejected_candidates_pods_outlive_the_rollback_as_long(operator: Operator) -> None:
    stable, candidate = await _rolling(operator)
    operator.gateway_answers = False
    await operator.command("fraud", f"abort/{candidate}")
    status = await operator.until("fraud", lambda s: s["rejected"])
    assert "is losing its traffic" in status["message"]
    await _stay(operator, stable, candidate)
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: "gets no traffic" in s["message"], moving=1)
    await operator.until("fraud", lambda s: not s["retiring"], moving=5)
    await only(operator, "Deployment", {f"fraud-{stable}"})


async def test_more_come_and_go_than_the_status_has_room_for_and_it_is_written_all_the_same(
    operator: Operator,
) -> None:
    _, first = await _rolling(operator)
    operator.gateway_answers = False
    for number in range(3, 23):
        await operator.apply("fraud", **spec(f"v{number}"))
        status = await operator.until("fraud", rolls_out(f"v{number}"))
    assert len(status["retiring"]) == 16
    assert status["retiring"][0]["revision"] == first
    await operator.apply("fraud", **spec("v1"))
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: healthy("v1")(s) and not s["retiring"], moving=5)
