"""A new spec over a status that an older replica wrote by server-side apply."""

import json

from tests.integration.conftest import kubectl
from tests.support.inprocess import Operator
from tests.support.rollouts import QUICK, beside_measured_v2, children, measured, spec


async def test_a_replica_of_before_that_applied_its_status_hands_over(
    operator: Operator,
) -> None:
    # until 0.1.0 the status was written by server-side apply, which still owns its fields
    await beside_measured_v2(operator)
    live = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
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
