"""What downloads models is set up, changed and taken away, while revisions run."""

import asyncio
import time
from typing import Any

from serinus.api.initializer import Initializer
from tests.campaign.memory.cluster import MemoryCluster
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, only, spec

ONE, OTHER = Initializer(image="initializer:1"), Initializer(image="initializer:2")
JOB = {"template": {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}}
TESTED = {"steps": [{"job": {**JOB, "mountModel": True}}, {"pause": {}}], "analysis": ERRORS}


def in_a_bucket(version: str, **more: Any) -> dict[str, Any]:
    model = {"version": version, "storageUri": f"s3://models/fraud/{version}"}
    return spec(version, **{"model": model, **more})


async def restarts_with(operator: Operator, initializer: Initializer | None) -> None:
    """The operator is upgraded to another setting, and does all that there is to do."""
    await upgrade(operator, initializer)
    await operator.rest()


async def upgrade(operator: Operator, initializer: Initializer | None) -> None:
    await operator.stop()
    operator.initializer = initializer
    await operator.__aenter__()


async def deployment(operator: Operator, version: str) -> Manifest:
    found = await operator.cluster.list("Deployment", operator.namespace)
    (live,) = (each for each in found if told(each)["MODEL_VERSION"] == version)
    return live


def told(live: Manifest) -> dict[str, str]:
    (container,) = live["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def downloaded_by(live: Manifest) -> str | None:
    found = live["spec"]["template"]["spec"].get("initContainers") or [{"image": None}]
    image: str | None = found[0]["image"]
    return image


async def serves(operator: Operator, version: str, **more: Any) -> Manifest:
    """Its Deployment, once it is stable."""
    await operator.apply("fraud", **in_a_bucket(version, rollout={"steps": []}, **more))
    await operator.until("fraud", healthy(version), moving=5)
    return await deployment(operator, version)


async def test_what_runs_is_not_restarted_by_any_setting_and_what_starts_afterwards_has_it(
    operator: Operator,
) -> None:
    first = await serves(operator, "v1")
    assert downloaded_by(first) is None
    await restarts_with(operator, ONE)
    assert (await deployment(operator, "v1"))["spec"]["template"] == first["spec"]["template"]

    second = await serves(operator, "v2")
    assert downloaded_by(second) == "initializer:1"
    for setting in (OTHER, None, ONE):
        await restarts_with(operator, setting)
        live = await deployment(operator, "v2")
        assert live["metadata"]["generation"] == second["metadata"]["generation"]
        assert live["spec"]["template"] == second["spec"]["template"]

    await restarts_with(operator, OTHER)
    assert downloaded_by(await serves(operator, "v3")) == "initializer:2"


async def test_more_pods_of_a_revision_start_as_those_that_it_has(operator: Operator) -> None:
    await restarts_with(operator, ONE)
    before = await serves(operator, "v1")
    await restarts_with(operator, OTHER)
    await operator.apply("fraud", **in_a_bucket("v1", rollout={"steps": []}, replicas=7))
    await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 7, moving=1)
    after = await deployment(operator, "v1")
    assert after["spec"]["template"] == before["spec"]["template"]


async def test_a_revision_that_is_returned_to_starts_with_the_present_setting(
    operator: Operator,
) -> None:
    await restarts_with(operator, ONE)
    first = await serves(operator, "v1")
    second = await serves(operator, "v2")
    operator.move(3600)  # until the pods of a revision without traffic are gone
    await only(operator, "Deployment", {second["metadata"]["name"]})
    await restarts_with(operator, OTHER)
    again = await serves(operator, "v1")
    assert again["metadata"]["name"] == first["metadata"]["name"]
    assert downloaded_by(again) == "initializer:2"


async def test_labels_that_a_deployment_has_lost_are_put_back_without_a_restart(
    operator: Operator,
) -> None:
    await restarts_with(operator, ONE)
    before = await serves(operator, "v1")
    name, labels = before["metadata"]["name"], before["metadata"]["labels"]
    await operator.stop()
    gone = dict.fromkeys(labels)
    await operator.patch("Deployment", name, {"metadata": {"labels": gone}})
    await restarts_with(operator, OTHER)
    after = await deployment(operator, "v1")
    assert after["metadata"]["labels"] == labels
    assert after["spec"]["template"] == before["spec"]["template"]


async def test_an_init_container_that_somebody_edits_is_put_right(operator: Operator) -> None:
    await restarts_with(operator, ONE)
    before = await serves(operator, "v1")
    path = "/spec/template/spec/initContainers/0/image"
    edit = [{"op": "replace", "path": path, "value": "other:1"}]
    await operator.patch("Deployment", before["metadata"]["name"], edit)
    deadline = time.monotonic() + 30
    while downloaded_by(await deployment(operator, "v1")) != "initializer:1":
        assert time.monotonic() < deadline
        operator.move(1)
        await operator.rest()


async def test_a_job_finds_a_model_that_is_downloaded_and_is_refused_where_nothing_does_so(
    operator: Operator,
) -> None:
    await serves(operator, "v1")
    await operator.apply("fraud", **in_a_bucket("v1", rollout={**TESTED, **PATIENT}))
    await operator.rest()
    assert (await operator.get("fraud"))["status"]["phase"] == "Healthy", "no Job will run for it"
    await operator.apply("fraud", **in_a_bucket("v2", rollout={**TESTED, **PATIENT}))
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
    assert "steps[0].job.mountModel: no model is downloaded" in status["message"]
    await upgrade(operator, ONE)
    status = await operator.until("fraud", lambda s: s["candidate"]["task"], moving=1)
    name = status["candidate"]["task"]["name"]
    await operator.until_there("Job", name)
    job = await operator.cluster.get("Job", operator.namespace, name)
    pod = job["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["args"] == ["s3://models/fraud/v2", "/mnt/models"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/mnt/models", True)


async def test_a_download_that_fails_is_told_and_ends_at_the_deadline_without_a_restart(
    memory: MemoryCluster, operator: Operator
) -> None:
    await restarts_with(operator, ONE)
    stable = await serves(operator, "v1")
    memory.pods.model("v2").download_fails = "Traceback\n  deep\nS3 resource 'models' not found."
    rollout = {"steps": [{"setWeight": 20}], "analysis": ERRORS, "progressDeadline": "10m"}
    await operator.apply("fraud", **in_a_bucket("v2", rollout=rollout))
    status = await operator.until("fraud", lambda s: "serinus-model" in s["message"], moving=5)
    assert "CrashLoopBackOff: Error with exit code 1: Traceback" in status["message"]
    assert "S3 resource 'models' not found." in status["message"]
    assert await operator.split("fraud") == {stable["metadata"]["name"]: 100}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=10)
    assert status["rejected"]["reason"] == "ProgressDeadlineExceeded"
    assert "S3 resource 'models' not found." in status["rejected"]["message"]
    assert status["phase"] == "RolledBack"


async def test_labels_that_are_taken_after_each_write_are_put_back_ever_more_slowly(
    memory: MemoryCluster, operator: Operator
) -> None:
    await restarts_with(operator, ONE)
    before = await serves(operator, "v1")
    writes = 0

    def without_labels(live: Manifest) -> None:
        nonlocal writes
        if live["kind"] == "Deployment":
            writes += 1
            live["metadata"].pop("labels", None)

    memory.api.admit.append(without_labels)
    gone = {"metadata": {"labels": dict.fromkeys(before["metadata"]["labels"])}}
    await operator.patch("Deployment", before["metadata"]["name"], gone)
    begun = time.monotonic()
    while time.monotonic() < begun + 300:
        await asyncio.sleep(5)
    assert 3 <= writes <= 12
    live = await operator.cluster.get("Deployment", operator.namespace, before["metadata"]["name"])
    assert live["spec"]["template"] == before["spec"]["template"]
