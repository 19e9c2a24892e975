"""What tests of whole rollouts apply, and what they wait for."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from serinus.cluster import Cluster
from tests.support.inprocess import Manifest, Operator

GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}
ERRORS = {"checks": [{"name": "errors", "errorRate": {}}]}
PATIENT = {"progressDeadline": "2h"}
"""Time is moved, and pods come about in their own."""
STEPS = [{"setWeight": 20}, {"pause": {"duration": "10m"}}, {"setWeight": 50}]


QUICK = {
    "steps": [{"setWeight": 20}, {"pause": {}}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
}


def spec(version: str, **more: Any) -> dict[str, Any]:
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    return {
        "model": {"version": version},
        "replicas": 4,
        "template": {"spec": {"containers": [container]}},
        "traffic": GATEWAY,
        "rollout": {"steps": STEPS, "analysis": ERRORS, **PATIENT},
        **more,
    }


def healthy(version: str) -> Any:
    def holds(status: Manifest) -> bool:
        return bool(status["phase"] == "Healthy" and status["stable"]["version"] == version)

    return holds


def rolls_out(version: str) -> Any:
    def holds(status: Manifest) -> bool:
        return bool(status["candidate"]["version"] == version)

    return holds


def measured(version: str) -> Callable[[Manifest], bool]:
    def holds(status: Manifest) -> bool:
        candidate = status["candidate"]
        return bool(candidate["version"] == version and candidate["counted"])

    return holds


async def beside_measured_v2(operator: Operator) -> None:
    """v1 is stable, v2 takes traffic and has evidence in its status."""
    await operator.apply("fraud", **spec("v1", rollout=QUICK))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=QUICK))
    await operator.until("fraud", measured("v2"), moving=5)


async def in_mid_rollout(operator: Operator) -> Manifest:
    """The status once v2 has 20% of the traffic beside v1."""
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    return await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)


async def children(cluster: Cluster, namespace: str, kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in await cluster.list(kind, namespace)}


async def only(operator: Operator, kind: str, names: set[str]) -> None:
    deadline = time.monotonic() + 30
    while (found := await children(operator.cluster, operator.namespace, kind)) != names:
        assert time.monotonic() < deadline, f"{kind}: {found}, not {names}"
        await asyncio.sleep(0.1)


async def serves_only(operator: Operator, revision: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        found = await operator.cluster.get("Service", operator.namespace, "fraud")
        if found["spec"]["selector"].get("serinus.dev/revision") == revision:
            return
        assert time.monotonic() < deadline, f"the Service selects {found['spec']['selector']}"
        await asyncio.sleep(0.03)
