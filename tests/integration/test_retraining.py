"""An alarm that stays and the Job that it starts, with the API server and the controller of Jobs,
but no node that runs them."""

import asyncio
import json
from typing import Any

import pytest

from tests.integration.test_jobs import ends
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import children, healthy, spec

LOOK = 60.0
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"team": "risk"}},
    "spec": {
        "containers": [{"name": "main", "image": "train:1"}],
        "nodeSelector": {"ends-pods-of-jobs": "no"},
    },
}


def monitored(version: str, template: dict[str, Any] = TEMPLATE, **retrain: Any) -> dict[str, Any]:
    job = {"template": template}
    settings = {"alarms": ["errorRate"], "after": "1m", "cooldown": "1h", "job": job, **retrain}
    monitoring = {"errorRate": {"limit": "5%"}, "retrain": settings}
    return spec(version, rollout={"steps": [], "progressDeadline": "2h"}, monitoring=monitoring)


def runs(status: Manifest) -> list[Manifest]:
    found: list[Manifest] = status["retraining"]["history"]
    return found


async def training(operator: Operator, **wanted: Any) -> tuple[Manifest, Manifest]:
    """The status, and the Job that trains."""
    operator.traffic.errors["fraud"] = 0.2
    await operator.apply("fraud", **monitored("v1", **wanted))
    await operator.until("fraud", healthy("v1"))
    status = await operator.until("fraud", lambda s: bool(runs(s)), moving=LOOK)
    name = runs(status)[0]["job"]
    await operator.until_there("Job", name)
    return status, await operator.cluster.get("Job", operator.namespace, name)


async def test_its_job_is_told_what_has_happened_and_has_no_rights(operator: Operator) -> None:
    status, live = await training(operator)
    [reference] = live["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["name"]) == ("ModelDeployment", "fraud")
    assert (live["spec"]["activeDeadlineSeconds"], live["spec"]["backoffLimit"]) == (86400, 0)
    template = live["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "risk"
    assert template["spec"]["automountServiceAccountToken"] is False
    [container] = template["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told.keys() == {
        *("MODEL_DEPLOYMENT", "MODEL_VERSION", "RETRAINING", "STABLE_REVISION", "STABLE_SERVICE")
    }
    cause = json.loads(told["RETRAINING"])
    [alarm], stable = cause["alarms"], status["stable"]
    assert (cause["revision"], cause["version"]) == (stable["revision"], "v1")
    assert (alarm["quantity"], alarm["limit"]) == ("errorRate", 0.05)
    assert alarm["share"] == pytest.approx(0.2, abs=0.02)
    assert alarm["message"].startswith("Errors ")
    assert alarm["since"] == status["monitoring"]["errorRate"]["since"] == cause["since"]
    for service in await operator.cluster.list("Service", operator.namespace):
        labels = template["metadata"]["labels"]
        assert not service["spec"]["selector"].items() <= labels.items(), "it would get requests"
        assert not service["metadata"]["name"].endswith("-pods")


async def test_one_that_fails_is_told_and_another_starts_after_the_cooldown_alone(
    operator: Operator,
) -> None:
    _, live = await training(operator)
    await ends(operator, live, code=3, lines="the feature store\ndoes not answer\n")
    status = await operator.until("fraud", lambda s: runs(s)[0]["outcome"] == "Failed")
    assert runs(status)[0]["message"] == (
        f"Job {live['metadata']['name']} has failed: container main: Error with exit code 3: the "
        "feature store does not answer. Another may start after 1h."
    )
    assert (await operator.until_announced("RetrainingFailed"))["type"] == "Warning"
    for _ in range(50):
        operator.move(LOOK)
        await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    kept = await children(operator.cluster, operator.namespace, "Job")
    assert kept == {live["metadata"]["name"]}, "people read its log"
    status = await operator.until("fraud", lambda s: len(runs(s)) == 2, moving=LOOK)
    await operator.until_there("Job", runs(status)[0]["job"])


async def test_a_restart_in_mid_job_starts_no_other_and_what_came_of_it_is_told(
    operator: Operator,
) -> None:
    _, live = await training(operator)
    await operator.stop()
    async with operator:
        await asyncio.sleep(2.0)
        [same] = await operator.cluster.list("Job", operator.namespace)
        assert same["metadata"]["uid"] == live["metadata"]["uid"]
        await ends(operator, live, code=0, lines='{"version": "v2", "accuracy": 0.93}')
        status = await operator.until("fraud", lambda s: runs(s)[0]["outcome"] == "Succeeded")
        assert "accuracy 0.93" in runs(status)[0]["message"]
        await operator.apply("fraud", **monitored("v2"))
        await operator.until("fraud", healthy("v2"))
        status = await operator.until("fraud", lambda s: "ended" in runs(s)[0]["new"])
        assert (runs(status)[0]["new"]["version"], runs(status)[0]["new"]["outcome"]) == (
            *("v2", "Promoted"),
        )
        await operator.until_announced("Retrained")


async def test_a_missing_service_account_is_told_and_nothing_loops(operator: Operator) -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "serviceAccountName": "nobody"}}
    _, live = await training(operator, template=template)
    assert live["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    status = await operator.until(
        "fraud", lambda s: bool(runs(s)[0].get("message")), moving=10 * LOOK
    )
    assert (
        "it has no pod: kubectl describe job says why none can be created"
        in (runs(status)[0]["message"])
    )
    assert (await operator.until_announced("RetrainingDelayed"))["type"] == "Warning"
    assert await children(operator.cluster, operator.namespace, "Job") == {runs(status)[0]["job"]}


async def test_a_manifest_without_it_ends_it(operator: Operator) -> None:
    _, live = await training(operator)
    await operator.apply("fraud", **spec("v1", rollout={"steps": []}))
    status = await operator.until("fraud", lambda s: runs(s)[0]["outcome"] == "Stopped")
    assert "spec.monitoring.retrain is no longer set" in runs(status)[0]["message"]
    await operator.until_there("Job", live["metadata"]["name"], there=False)
