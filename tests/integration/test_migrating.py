"""What docs/migrating/index.md tells to type: a Service and a route move to Serinus, and back."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl
from tests.integration.shell import Shell
from tests.integration.test_adoption import until_the_collector_knows_the_children
from tests.support.documents import typed
from tests.support.inprocess import Operator

PAGE = (ROOT / "docs" / "migrating" / "index.md").read_text("utf-8")
PORTS = [{"name": "http", "containerPort": 8080}]
POD = {"containers": [{"name": "model", "image": "m:1", "ports": PORTS}]}
LABELS = {"app": "loan"}
OLD: dict[str, dict[str, Any]] = {
    "deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "loan"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": POD},
        },
    },
    "service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "loan"},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}]},
    },
    "httproute": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "loan"},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "loan", "port": 80}]}],
        },
    },
}
"""What somebody else's tool serves by."""


@pytest.mark.exhaustive
async def test_the_service_and_the_route_move_to_serinus_and_back(
    operator: Operator, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    shell = Shell.of(environment, operator.namespace, tmp_path / "bin", tmp_path)
    for kind, manifest in OLD.items():
        (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump(manifest))
        await shell.succeed(f"kubectl apply -f {kind}.yaml", operator)
    await shell.succeed("kubectl rollout status deployment/loan --timeout=60s", operator)
    before = {kind: await live(operator, kind) for kind in ("Service", "HTTPRoute")}
    pods = old_pods(operator)

    convert, lint, simulate, *cut_over = typed(PAGE)
    dry_run, service, route, apply, wait, orphan, return_service, return_route, remove = cut_over
    assert "is lost" in await shell.succeed(convert, operator)
    loan = yaml.safe_load((tmp_path / "loan.yaml").read_text())
    loan["spec"]["traffic"] = {"gateway": {"parentRefs": [{"name": "public"}]}}
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(loan))
    for command in (lint, f"{simulate} --runs 3", dry_run, service, route, apply, wait):
        await shell.succeed(command, operator)
    revision = (await operator.get("loan"))["status"]["stable"]["revision"]
    assert await operator.split("loan") == {f"loan-{revision}": 100}
    moved = await live(operator, "Service")
    assert moved["spec"]["selector"]["serinus.dev/revision"] == revision
    assert moved["spec"]["clusterIP"] == before["Service"]["spec"]["clusterIP"]
    assert old_pods(operator) == pods

    await until_the_collector_knows_the_children(operator)
    for command in (orphan, return_service, return_route):
        await shell.succeed(command, operator)
    back = {kind: await live(operator, kind) for kind in before}
    for kind, was in before.items():
        assert back[kind]["spec"] == was["spec"]
        assert back[kind]["metadata"]["uid"] == was["metadata"]["uid"]
    assert old_pods(operator) == pods
    await shell.succeed(remove, operator)
    left = await operator.cluster.list("Deployment", operator.namespace)
    assert [each["metadata"]["name"] for each in left] == ["loan"]
    assert {kind: (await live(operator, kind))["spec"] for kind in before} == {
        kind: was["spec"] for kind, was in before.items()
    }
    assert old_pods(operator) == pods


async def live(operator: Operator, kind: str) -> dict[str, Any]:
    return await operator.cluster.get(kind, operator.namespace, "loan")


def old_pods(operator: Operator) -> set[str]:
    """The pods of the other tool, all of them ready."""
    there = (f"--namespace={operator.namespace}", "--selector=app=loan,!serinus.dev/name")
    kubectl("wait", "pod", *there, "--for=condition=Ready", "--timeout=0s")
    return set(kubectl("get", "pods", *there, "-o=name").stdout.split())
