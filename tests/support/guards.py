"""A revision that was promoted, and is guarded."""

from typing import Any

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec

ROLLOUT: dict[str, Any] = {
    "steps": [{"setWeight": 50}],
    "guard": {"duration": "1h"},
    "analysis": {"interval": "10s", "checks": [{"name": "errors", "errorRate": {}}]},
    "progressDeadline": "2h",
}


def guarded(version: str) -> Any:
    def holds(status: Manifest) -> bool:
        candidate = status["candidate"]
        return bool(
            candidate["version"] == version
            and candidate.get("guarding")
            and status["phase"] == "Healthy"
            and candidate.get("measuredAt", "") > candidate["guarding"]["since"]
            and candidate["checks"]  # what promotes may have been measured while its pass ran
        )

    return holds


async def promoted(operator: Operator, **more: Any) -> tuple[str, str]:
    """v2 was promoted and is guarded; the revisions of v1 and v2."""
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT, **more))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=ROLLOUT, **more))
    status = await operator.until("fraud", guarded("v2"), moving=5)
    return status["stable"]["revision"], status["candidate"]["revision"]


async def replicas(operator: Operator) -> dict[str, int]:
    found = await operator.cluster.list("Deployment", operator.namespace)
    return {each["metadata"]["name"]: each["spec"]["replicas"] for each in found}
