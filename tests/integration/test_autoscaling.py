"""The scale of a ModelDeployment, as the real autoscaler's controller reads and writes it."""

import asyncio
import json
import time
from typing import Any

from tests.integration.conftest import kubectl
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec


def scale(operator: Operator) -> dict[str, Any]:
    group = f"/apis/serinus.dev/v1alpha1/namespaces/{operator.namespace}"
    found: dict[str, Any] = json.loads(
        kubectl("get", "--raw", f"{group}/modeldeployments/fraud/scale").stdout
    )
    return found


async def test_the_scale_selects_every_pod_that_takes_a_part_of_the_traffic(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    assert scale(operator)["status"] == {"replicas": 4, "selector": "serinus.dev/name=fraud"}
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert scale(operator)["status"] == {"replicas": 4, "selector": "serinus.dev/name=fraud"}
    selected = scale(operator)["status"]["selector"]
    pods = kubectl("get", "pods", f"-n{operator.namespace}", f"-l{selected}", "-oname").stdout
    assert len(pods.split()) == 5, "four of stable, one of the candidate"


async def test_the_autoscaler_refuses_nothing_but_that_nobody_measures_here(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    there = f"--namespace={operator.namespace}"
    kubectl("create", "-f", "-", there, stdin=json.dumps(autoscaler("fraud")))
    deadline = time.monotonic() + 60
    while "FailedGetResourceMetric" not in (reasons := conditions(operator)):
        assert "InvalidSelector" not in reasons
        assert time.monotonic() < deadline, reasons
        await asyncio.sleep(0.5)
    assert reasons["SucceededGetScale"] == "True"


def autoscaler(name: str, **behaviour: Any) -> dict[str, Any]:
    """An autoscaler by CPU, as users write it."""
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    target = {"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelDeployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": 2,
            "maxReplicas": 8,
            "metrics": [{"type": "Resource", "resource": metric}],
            **behaviour,
        },
    }


def conditions(operator: Operator) -> dict[str, str]:
    """Status by reason."""
    there = f"--namespace={operator.namespace}"
    live = json.loads(kubectl("get", "hpa", "fraud", there, "-o", "json").stdout)
    found = live.get("status", {}).get("conditions", [])
    return {condition["reason"]: condition["status"] for condition in found}
