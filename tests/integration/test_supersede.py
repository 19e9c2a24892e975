"""A new spec while a candidate is measured: the most ordinary thing that happens to a rollout."""

import json
from collections.abc import Callable

import pytest

from tests.integration.conftest import kubectl
from tests.integration.inprocess import Manifest, Operator
from tests.integration.test_rollouts import children, healthy, only, spec

QUICK = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
}


def measured(version: str) -> Callable[[Manifest], bool]:
    def holds(status: Manifest) -> bool:
        candidate = status["candidate"]
        return bool(candidate["version"] == version and candidate["counted"])

    return holds


@pytest.fixture
async def with_v2_measured(operator: Operator) -> Operator:
    """v1 is stable, v2 takes traffic and has evidence in its status."""
    await operator.apply("fraud", **spec("v1", rollout=QUICK))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=QUICK))
    await operator.until("fraud", measured("v2"), moving=5)
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


async def test_a_replica_of_before_that_applied_its_status_hands_over(
    with_v2_measured: Operator,
) -> None:
    # until 0.1.0 the status was written by server-side apply, which still owns its fields
    operator = with_v2_measured
    live = await operator.get("fraud")
    applied = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": "fraud", "namespace": operator.namespace},
        "status": live["status"],
    }
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--field-manager=serinus"),
        *("--subresource=status", "-f", "-"),
        stdin=json.dumps(applied),
    )
    await operator.apply("fraud", **spec("v3", rollout=QUICK))
    await operator.until("fraud", measured("v3"), moving=5)
    assert len(await children(operator.cluster, operator.namespace, "Deployment")) >= 2
