"""Models that are downloaded, on a real API server: what it admits, and that nothing restarts."""

import json
from pathlib import Path
from typing import Any

from serinus.api.initializer import Initializer
from serinus.cluster import Cluster
from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.task import Task, job
from serinus.manifests.workloads.deployment import DeploymentWorkload
from tests.integration.conftest import kubectl, refused
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

SETTING = Initializer.model_validate(
    {
        "image": "registry/initializer:1",
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "sizeLimit": "20Gi",
    }
)
OTHER = SETTING.replace(image="registry/initializer:2")
MODEL: dict[str, Any] = {
    "version": "v1",
    "storageUri": "s3://models/fraud/1",
    "env": [
        {"name": "AWS_ENDPOINT_URL", "value": "http://minio:9000"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "bucket", "key": "key"}}},
    ],
    "envFrom": [{"secretRef": {"name": "bucket"}}],
}
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
TEMPLATE: dict[str, Any] = {
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "model",
                "image": "m:1",
                "ports": [{"containerPort": 8080}],
                "securityContext": SAFE,
            }
        ],
    }
}
REVISION = Revision.of({"model": MODEL, "template": TEMPLATE}, 1)


def of_pods(workload: Manifest) -> Manifest:
    """A pod as its controller would create it."""
    template = workload["spec"]["template"]
    head = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "one"}}
    return {**head, "spec": template["spec"]}


async def test_the_restricted_pod_security_standard_admits_pods_and_jobs_that_download(
    namespace: str, tmp_path: Path
) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    owner = Owner(namespace, "fraud", "4f7c")
    check = {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}
    task = Task("fraud-0a1b", REVISION.hash, check, 600.0, mounts_model=True)
    for made in (
        DeploymentWorkload().manifest(owner, REVISION, 1, SETTING),
        job(owner, task, REVISION, None, SETTING),
    ):
        pod = of_pods(made)
        file = tmp_path / "pod.json"
        create = ("create", "--dry-run=server", "-n", namespace, "-f", str(file))
        file.write_text(json.dumps(pod))
        kubectl(*create)
        pod["spec"]["initContainers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        file.write_text(json.dumps(pod))
        said = refused("kubectl", *create)
        assert "violates PodSecurity" in said and "serinus-model" in said


async def test_what_downloads_is_written_once(cluster: Cluster, namespace: str) -> None:
    live = await cluster.create(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "fraud", "namespace": namespace},
            "spec": {"model": MODEL, "template": TEMPLATE},
        }
    )
    owner = Owner(namespace, "fraud", live["metadata"]["uid"])
    wanted = DeploymentWorkload().manifest(owner, REVISION, 1, SETTING)
    applied = await cluster.apply(wanted)
    assert covers(applied, wanted)
    again = await cluster.apply(wanted)
    assert again["metadata"]["generation"] == applied["metadata"]["generation"]


async def test_no_upgrade_changes_what_runs(operator: Operator) -> None:
    async def upgraded(setting: Initializer | None) -> None:
        await operator.stop()
        operator.initializer = setting
        await operator.__aenter__()

    async def deployments() -> list[Manifest]:
        found = await operator.cluster.list("Deployment", operator.namespace)
        return [{"uid": d["metadata"]["uid"], "template": d["spec"]["template"]} for d in found]

    one = spec("v1", model=MODEL, replicas=1)
    await operator.apply("fraud", **one)
    await operator.until("fraud", healthy("v1"), moving=1)
    before = await deployments()
    assert "initContainers" not in before[0]["template"]["spec"]
    await upgraded(SETTING)
    await operator.rest()
    assert await deployments() == before

    await operator.apply("fraud", **spec("v2", model={**MODEL, "version": "v2"}, replicas=1))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    name = f"fraud-{status['candidate']['revision']}"
    candidate = await operator.cluster.get("Deployment", operator.namespace, name)
    (init,) = candidate["spec"]["template"]["spec"]["initContainers"]
    assert init["image"] == "registry/initializer:1"
    during = await deployments()
    for setting in (OTHER, None):
        await upgraded(setting)
        await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20, moving=5)
        assert await deployments() == during
