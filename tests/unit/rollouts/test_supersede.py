"""A new spec while a candidate is measured: the most ordinary thing that happens to a rollout."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import QUICK, beside_measured_v2, healthy, measured, only, spec


@pytest.fixture
async def with_v2_measured(operator: Operator) -> Operator:
    """v1 is stable, v2 takes traffic and has evidence in its status."""
    await beside_measured_v2(operator)
    return operator


async def test_v3_replaces_a_measured_v2(with_v2_measured: Operator) -> None:
    operator = with_v2_measured
    await operator.apply("fraud", **spec("v3", rollout=QUICK))
    status = await operator.until("fraud", measured("v3"), moving=5)
    stable, candidate = status["stable"]["revision"], status["candidate"]["revision"]
    await operator.until_split("fraud", {f"fraud-{stable}": 80, f"fraud-{candidate}": 20})
    await operator.command("fraud", f"promote/{candidate}")
    await operator.until("fraud", healthy("v3"), moving=5)
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
    await only(operator, "Deployment", {f"fraud-{candidate}"})


async def test_back_to_v1_drops_a_measured_v2(with_v2_measured: Operator) -> None:
    operator = with_v2_measured
    await operator.apply("fraud", **spec("v1", rollout=QUICK))
    status = await operator.until("fraud", healthy("v1"), moving=5)
    await operator.until_split("fraud", {f"fraud-{status['stable']['revision']}": 100})


def _rests_at(generation: int) -> Callable[[Manifest], bool]:
    return lambda s: bool(s["observedGeneration"] == generation and s["phase"] == "Healthy")


async def test_there_and_back_within_a_second_leaves_stable_alone(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    for wait in (0.0, 0.05, 0.15, 0.3, 0.6):
        await operator.apply("fraud", **spec("v2"))
        await asyncio.sleep(wait)
        last = await operator.apply("fraud", **spec("v1"))
        generation = last["metadata"]["generation"]
        status = await operator.until("fraud", _rests_at(generation), moving=1)
        assert "candidate" not in status and "rejected" not in status
        assert status["stable"]["revision"] == stable
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
    await only(operator, "Deployment", {f"fraud-{stable}"})
