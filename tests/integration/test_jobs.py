"""A step that runs a Job, with the API server and the controller of Jobs, but no node that runs
them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from serinus.cluster import ApiError
from tests.integration.conftest import kubectl
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, children, healthy, spec

CHECKS = {
    "template": {
        "metadata": {"labels": {"team": "risk"}},
        "spec": {
            "containers": [{"name": "main", "image": "checks:1"}],
            "nodeSelector": {"ends-pods-of-jobs": "no"},
        },
    }
}
STEPS = [{"job": CHECKS}, {"setWeight": 20}, {"pause": {}}]
ROLLOUT: dict[str, Any] = {"steps": STEPS, "analysis": ERRORS, **PATIENT}


async def awaiting_its_job(operator: Operator, version: str = "v2") -> tuple[Manifest, Manifest]:
    """The status, and the Job that runs."""
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec(version, rollout=ROLLOUT))
    return await awaited(operator)


async def awaited(operator: Operator) -> tuple[Manifest, Manifest]:
    status = await operator.until("fraud", lambda s: s["candidate"]["task"])
    name = status["candidate"]["task"]["name"]
    while (live := await operator.cluster.find("Job", operator.namespace, name)) is None:
        await asyncio.sleep(0.1)
    return status, live


async def ends(operator: Operator, live: Manifest, *, code: int, lines: str = "") -> None:
    """As the kubelet reports it; the Job's controller does the rest."""
    selector = f"batch.kubernetes.io/job-name={live['metadata']['name']}"
    async with asyncio.timeout(20):
        while not (pods := await operator.cluster.list("Pod", operator.namespace, selector)):
            await asyncio.sleep(0.1)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    terminated = {"exitCode": code, "reason": "Error", "message": lines, "finishedAt": now}
    container = {
        "name": "main",
        "image": "checks:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": terminated},
    }
    phase = "Failed" if code else "Succeeded"
    status = {"status": {"phase": phase, "containerStatuses": [container]}}
    words = ("patch", "pod", pods[0]["metadata"]["name"], f"--namespace={operator.namespace}")
    kubectl(*words, "--subresource=status", "--type=merge", "-p", json.dumps(status))


async def until_no_job(operator: Operator) -> None:
    async with asyncio.timeout(20):
        while await children(operator.cluster, operator.namespace, "Job"):
            await asyncio.sleep(0.1)


async def test_the_candidate_gets_traffic_once_its_job_has_succeeded(operator: Operator) -> None:
    status, live = await awaiting_its_job(operator)
    assert status["candidate"]["hold"]["reason"] == "AwaitingJob"
    assert status["candidate"]["weight"]["wanted"] == 0
    [reference] = live["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["name"]) == ("ModelDeployment", "fraud")
    labels = live["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "risk"
    for service in await operator.cluster.list("Service", operator.namespace):
        assert not service["spec"]["selector"].items() <= labels.items(), "it would get requests"
    [container] = live["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    services = await children(operator.cluster, operator.namespace, "Service")
    for name, port in (
        ("CANDIDATE_SERVICE", "80"),
        ("STABLE_SERVICE", "80"),
        ("CANDIDATE_PODS", "8080"),
    ):
        host, _, told_port = told[name].partition(":")
        assert host.removesuffix(f".{operator.namespace}.svc") in services
        assert told_port == port
    await ends(operator, live, code=0)
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    kept = await children(operator.cluster, operator.namespace, "Job")
    assert kept == {live["metadata"]["name"]}, "people read its log"


async def test_one_that_fails_rolls_back_and_its_last_lines_are_in_the_decision(
    operator: Operator,
) -> None:
    _, live = await awaiting_its_job(operator)
    await ends(operator, live, code=1, lines="7 of 90 predictions\nare other ones\n")
    status = await operator.until("fraud", lambda s: s["rejected"])
    assert status["rejected"]["reason"] == "JobFailed"
    assert status["rejected"]["message"] == (
        f"Job {live['metadata']['name']} has failed. container main: Error with exit code 1: "
        "7 of 90 predictions are other ones. "
        f"See kubectl logs job/{live['metadata']['name']}, which is kept for a day."
    )
    await operator.rest()
    kept = await children(operator.cluster, operator.namespace, "Job")
    assert kept == {live["metadata"]["name"]}, "people read its log"
    event = await operator.until_announced("JobFailed")
    assert event["type"] == "Warning"
    await operator.command("fraud", f"retry/{status['rejected']['revision']}")
    _, again = await awaited(operator)
    assert again["metadata"]["name"] != live["metadata"]["name"]


async def test_a_restart_of_the_operator_in_mid_job_changes_nothing(operator: Operator) -> None:
    before, live = await awaiting_its_job(operator)
    await operator.stop()
    async with operator:
        await asyncio.sleep(2.0)
        after = await operator.get("fraud")
        task = after["status"]["candidate"]["task"]
        began = {key: task[key] for key in ("name", "since", "attempt", "step")}
        assert began.items() <= before["candidate"]["task"].items()
        [same] = await operator.cluster.list("Job", operator.namespace)
        assert same["metadata"]["uid"] == live["metadata"]["uid"]
        await ends(operator, live, code=0)
        await operator.until("fraud", lambda s: s["candidate"]["weight"]["wanted"] == 20)


async def test_one_that_ends_while_no_operator_runs_counts(operator: Operator) -> None:
    _, live = await awaiting_its_job(operator)
    await operator.stop()
    await ends(operator, live, code=1, lines="no model")
    async with operator:
        status = await operator.until("fraud", lambda s: s["rejected"])
    assert "exit code 1: no model. See" in status["rejected"]["message"]


async def test_another_spec_and_the_deletion_of_its_owner_end_it(operator: Operator) -> None:
    _, live = await awaiting_its_job(operator)
    await operator.apply("fraud", **spec("v3", rollout=ROLLOUT))
    async with asyncio.timeout(20):
        while True:
            found = await children(operator.cluster, operator.namespace, "Job")
            if len(found) == 1 and live["metadata"]["name"] not in found:
                break
            await asyncio.sleep(0.1)
    kubectl("delete", "mdep", "fraud", f"--namespace={operator.namespace}", "--timeout=30s")
    await until_no_job(operator)


async def test_what_somebody_changes_of_a_job_stays_and_a_deleted_one_runs_again(
    operator: Operator,
) -> None:
    _, live = await awaiting_its_job(operator)
    name, there = live["metadata"]["name"], f"--namespace={operator.namespace}"
    kubectl("patch", "job", name, there, "--type=merge", "-p", '{"spec": {"suspend": true}}')
    operator.move(60)
    await asyncio.sleep(2.0)
    [same] = await operator.cluster.list("Job", operator.namespace)
    assert same["spec"]["suspend"] is True, "as a queue for Jobs does"
    kubectl("delete", "job", name, there)
    async with asyncio.timeout(20):
        while await children(operator.cluster, operator.namespace, "Job") != {name}:
            await asyncio.sleep(0.1)


async def test_a_job_that_is_refused_is_said_and_keeps_nothing_else(operator: Operator) -> None:
    kubectl(
        *("create", "quota", "no-jobs", "--hard=count/jobs.batch=0"),
        f"--namespace={operator.namespace}",
    )
    await operator.apply("fraud", **spec("v1", rollout=ROLLOUT))
    await operator.until("fraud", healthy("v1"))
    once = {"job": {**CHECKS, "retries": 0, "onUnfinished": "Rollback"}}
    await operator.apply("fraud", **spec("v2", rollout={**ROLLOUT, "steps": [once]}))

    def said(status: Manifest) -> bool:
        hold = status["candidate"]["hold"]
        return hold["reason"] == "AwaitingJob" and "cannot be written: 403" in hold["message"]

    await operator.until("fraud", said, moving=1.0)
    operator.move(3700)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=60)
    assert "has not ended within 1h. Job fraud-" in status["rejected"]["message"]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ({"spec": {"containers": []}}, "should have at least 1 items"),
        (
            {
                "metadata": {"labels": {"serinus.dev/name": "fraud"}},
                "spec": {"containers": [{"name": "main", "image": "checks:1"}]},
            },
            "labels that start with serinus.dev/ are reserved",
        ),
    ],
)
async def test_a_template_by_which_its_pods_could_serve_is_refused(
    operator: Operator, template: Manifest, why: str
) -> None:
    steps = [{"job": {"template": template}}]
    with pytest.raises(ApiError, match=why):
        await operator.apply("fraud", **spec("v1", rollout={"steps": steps}))
