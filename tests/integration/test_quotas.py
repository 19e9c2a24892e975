"""Pods that the API server does not let be made, while something else is amiss."""

from tests.integration.conftest import kubectl
from tests.support.inprocess import Operator
from tests.support.rollouts import ERRORS, healthy, spec

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]
ROLLOUT = {"steps": STEPS, "analysis": ERRORS}


async def test_a_gateway_that_is_gone_is_told_while_pods_are_awaited(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=ROLLOUT))
    await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    operator.move(3600)
    await operator.cluster.delete(
        await operator.cluster.get("Gateway", operator.namespace, "public")
    )
    kubectl("create", "quota", "none", f"--namespace={operator.namespace}", "--hard=pods=0")
    kubectl("scale", "mdep/fraud", "--replicas=20", f"-n{operator.namespace}")
    told = f"Gateway {operator.namespace}/public does not exist"
    await operator.until(
        "fraud",
        lambda s: told in s["message"] and s["candidate"]["hold"]["reason"] == "AwaitingPods",
        moving=1,
    )
