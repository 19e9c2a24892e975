"""The CRD on a real API server: what is refused, with which words, and what is taken as it is."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cluster import Cluster
from serinus.manifests.revision import revision_hash
from tests.cluster import parts
from tests.integration.conftest import ROOT, kubectl
from tests.integration.test_covers import TEMPLATES
from tests.support.bad_manifests import BadManifest, bad_manifests
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

TABLE = ROOT / "build" / "bad-manifests.md"
TEMPLATE = {
    "spec": {
        "containers": [
            {"name": "model", "image": "m:1", "ports": [{"name": "http", "containerPort": 8080}]}
        ]
    }
}


@pytest.fixture(scope="module")
def answers(kubeconfig: Path) -> dict[str, str]:
    """What kubectl says when each bad manifest is applied; also left as a table to read."""
    apply = [
        str(parts.clients() / "kubectl" / "kubectl"),
        "apply",
        "--dry-run=server",
        "--filename=-",
    ]

    def answer(bad: BadManifest) -> str:
        manifest = json.dumps(bad.model_deployment())
        done = subprocess.run(apply, input=manifest, text=True, capture_output=True, check=False)
        return done.stderr if done.returncode else ""

    every = bad_manifests()
    with ThreadPoolExecutor(4) as pool:
        said = dict(zip([bad.name for bad in every], pool.map(answer, every), strict=True))
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("| manifest | when | message |\n|---|---|---|\n")
    for bad in bad_manifests("apply"):
        lines = said[bad.name].splitlines()
        _tell(bad, next((line for line in lines if bad.says in line), said[bad.name]))
    return said


def _tell(bad: BadManifest, message: str) -> None:
    """A row of the table."""
    with TABLE.open("a") as table:
        table.write(f"| {bad.name} | {bad.when} | {message.strip('* ')} |\n")


@pytest.mark.parametrize("bad", bad_manifests("apply"), ids=lambda bad: bad.name)
def test_a_bad_manifest_is_refused_at_apply_in_words_that_name_the_field(
    bad: BadManifest, answers: dict[str, str]
) -> None:
    assert bad.says in answers[bad.name]


@pytest.mark.parametrize("bad", bad_manifests("stalled", "running"), ids=lambda bad: bad.name)
async def test_what_the_api_server_cannot_know_passes_it_and_is_told_in_the_status(
    bad: BadManifest, answers: dict[str, str], operator: Operator
) -> None:
    assert answers[bad.name] == ""
    operator.gateway_answers = False
    here = replace(bad, text=bad.text.replace("NAMESPACE", operator.namespace))
    for stranger in here.objects()[:-1]:
        kubectl("create", "-f-", f"--namespace={operator.namespace}", stdin=json.dumps(stranger))
    manifest = here.model_deployment()
    name = manifest["metadata"]["name"]
    await operator.apply(name, **manifest["spec"])
    says = bad.says.replace("NAMESPACE", operator.namespace)

    def told(status: dict[str, Any]) -> bool:
        # time may have run out before its pods were made, and then that is told first
        return _is_stalled(status) and says in status["message"]

    status = await operator.until(name, told, moving=30)
    _tell(bad, status["message"].replace(operator.namespace, "NAMESPACE"))
    stalled = next(each for each in status["conditions"] if each["type"] == "Stalled")
    assert stalled["reason"] and says in stalled["message"]


def _is_stalled(status: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Stalled" and condition["status"] == "True"
        for condition in status["conditions"]
    )


def test_there_is_a_bad_manifest_for_each_moment() -> None:
    assert {bad.when for bad in bad_manifests()} == {"apply", "stalled", "running"}
    assert len(bad_manifests("apply")) >= 20


def manifest(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"template": TEMPLATE, **spec},
    }


async def test_a_manifest_with_only_a_template_is_taken_and_stays_short(
    cluster: Cluster, namespace: str
) -> None:
    live = await cluster.create(manifest(namespace))
    assert live["spec"] == {"template": TEMPLATE, "replicas": 1, "revisionHistoryLimit": 10}


async def test_settings_that_are_left_out_are_filled_in_only_as_single_values(
    cluster: Cluster, namespace: str
) -> None:
    checks = [{"name": "errors", "errorRate": {}}]
    live = await cluster.create(manifest(namespace, rollout={"analysis": {"checks": checks}}))
    rollout = live["spec"]["rollout"]
    assert rollout["progressDeadline"] == "10m"
    assert rollout["analysis"]["checks"][0]["errorRate"]["margin"] == 1.5
    assert "steps" not in rollout
    assert "errors" not in rollout["analysis"]["checks"][0]["errorRate"]


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_is_stored_as_it_was_written(
    cluster: Cluster, namespace: str, name: str
) -> None:
    # what the API server added or dropped would be another revision
    written = TEMPLATES[name]
    live = await cluster.create(manifest(namespace, template=written))
    assert revision_hash("x", live["spec"]) == revision_hash("x", {"template": written})


async def test_a_rollout_is_scaled_by_kubectl(cluster: Cluster, namespace: str) -> None:
    await cluster.create(manifest(namespace))
    kubectl("scale", "mdep/fraud", "--replicas=3", "--namespace", namespace)
    live = await cluster.get("ModelDeployment", namespace, "fraud")
    assert live["spec"]["replicas"] == 3


async def test_kubectl_shows_phase_weights_and_revisions(cluster: Cluster, namespace: str) -> None:
    live = await cluster.create(manifest(namespace))
    now = "2026-11-25T08:00:00.000Z"
    candidate = {
        "revision": "abcdefgh",
        "number": 2,
        "version": "v2",
        "stage": "Stepping",
        "step": 1,
        "weight": {"wanted": 25, "actual": 20.5},
        "since": now,
        "progressSince": now,
    }
    stable = {"revision": "azzzzzzz", "number": 1, "version": "v1", "since": now}
    status = {"phase": "Progressing", "stable": stable, "candidate": candidate}
    await cluster.update_status(live, {**status, "message": "Weight 25%."})
    head, row = kubectl("get", "mdep", "--namespace", namespace).stdout.splitlines()
    assert head.split() == [
        *("NAME", "PHASE", "STEP", "WEIGHT", "WANTED", "STABLE", "CANDIDATE", "AGE")
    ]
    assert row.split()[:-1] == [*("fraud", "Progressing", "1", "20.5", "25", "v1", "v2")]
    wide = kubectl("get", "mdep", "--output=wide", "--namespace", namespace).stdout
    assert all(each in wide for each in ("Weight 25%.", "azzzzzzz", "abcdefgh"))


async def test_kubectl_get_all_lists_model_deployments(cluster: Cluster, namespace: str) -> None:
    await cluster.create(manifest(namespace))
    found = kubectl("get", "all", "--output=name", "--namespace", namespace).stdout
    assert "modeldeployment.serinus.dev/fraud" in found


@pytest.mark.parametrize("field", ["", ".spec.rollout.steps", ".spec.template.spec.containers"])
def test_kubectl_explain_tells_what_a_field_is(kubeconfig: Path, field: str) -> None:
    told = kubectl("explain", f"mdep{field}").stdout
    assert "DESCRIPTION:" in told
    assert "<empty>" not in told


COUNTER = {"metric": "requests_total", "matchers": [{"label": "path", "value": "/predict"}]}
EVERY_LIST = {
    "apiVersion": "serinus.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "lists"},
    "spec": {
        "template": TEMPLATE,
        "rollout": {
            "steps": [{"setWeight": 5}, {"pause": {}}, {"pause": {"duration": "1m"}}],
            "analysis": {
                "checks": [
                    {"name": "errors", "errorRate": {"requests": COUNTER}},
                    {"name": "slow", "latency": {"histogram": {**COUNTER, "metric": "seconds"}}},
                    {"name": "drift", "predictionDrift": {}},
                ]
            },
        },
        "monitoring": {"featureDrift": {}},
    },
}


def _model_deployments() -> list[dict[str, Any]]:
    files = sorted((ROOT / "examples").glob("*.yaml"))
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text())]
    found = [each for each in documents if each and each["kind"] == "ModelDeployment"]
    return [*found, EVERY_LIST]


@pytest.mark.parametrize("manifest", _model_deployments(), ids=lambda m: m["metadata"]["name"])
def test_one_manifest_applied_by_two_field_managers_conflicts_with_nothing(
    manifest: dict[str, Any], namespace: str
) -> None:
    text = json.dumps(manifest)
    for manager in ("kubectl", "argocd", "kubectl", "helm"):
        kubectl(
            *("apply", "--server-side", f"--field-manager={manager}"),
            *("-f", "-", f"--namespace={namespace}"),
            stdin=text,
        )


async def test_whose_each_field_of_a_status_is_is_not_kept(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    managed = (await operator.get("fraud"))["metadata"]["managedFields"]
    of_status = [each["fieldsV1"] for each in managed if each.get("subresource") == "status"]
    assert of_status == [{"f:status": {}}]
