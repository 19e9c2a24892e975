"""What docs/migrating/flagger.md tells to type, with a kind that is named like Flagger's."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl, wait_for_crd
from tests.integration.shell import Shell
from tests.support.documents import typed
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

pytestmark = pytest.mark.disturbs_api_server

KIND = "canaries.flagger.app"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
CANARIES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": KIND},
    "spec": {
        "group": "flagger.app",
        "scope": "Namespaced",
        "names": {"kind": "Canary", "plural": "canaries", "singular": "canary"},
        "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": SCHEMA}],
    },
}
COLLECTED = 90.0
"""Seconds within which the garbage collector knows a new kind."""


@pytest.fixture
def canaries(kubeconfig: Path) -> Iterator[None]:
    """The kind exists, and goes with the test."""
    kubectl("apply", "-f-", stdin=yaml.safe_dump(CANARIES))
    wait_for_crd(KIND, kubeconfig)
    yield
    kubectl("delete", "crd", KIND)


def owned(name: str, namespace: str) -> dict[str, Any]:
    """A Service that belongs to a Canary of its name, which is created too."""
    manifest = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace},
    }
    kubectl("apply", "-f-", stdin=yaml.safe_dump(manifest))
    uid = kubectl(
        "get", "canary", name, f"--namespace={namespace}", "-o=jsonpath={.metadata.uid}"
    ).stdout
    owner = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": name, "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"selector": {"app": "loan-primary"}, "ports": [{"name": "http", "port": 80}]},
    }


async def test_a_service_of_a_canary_that_is_orphaned_can_be_handed_over(
    canaries: None, operator: Operator, environment: dict[str, str], tmp_path: Path
) -> None:
    there, cluster = operator.namespace, operator.cluster
    await cluster.create(owned("other", there))
    kubectl("delete", "canary", "other", f"--namespace={there}")
    deadline = time.monotonic() + COLLECTED
    while await cluster.find("Service", there, "other") is not None:
        assert time.monotonic() < deadline, "nobody collects what belongs to a Canary"
        await asyncio.sleep(0.5)

    before = await cluster.create(owned("loan", there))
    await operator.apply("loan", **spec("v1", traffic={}))
    status = await operator.until("loan", lambda s: s["phase"] == "Degraded", moving=5)
    assert "belongs to Canary loan" in status["message"]

    shell = Shell.of(environment, there, tmp_path, tmp_path)
    _, orphan = typed((ROOT / "docs" / "migrating" / "flagger.md").read_text("utf-8"))
    await shell.succeed(orphan, operator)
    await shell.succeed("kubectl annotate service loan serinus.dev/adopt=loan", operator)
    await operator.until("loan", healthy("v1"), moving=5)
    service = await cluster.get("Service", there, "loan")
    assert service["metadata"]["uid"] == before["metadata"]["uid"]
    assert service["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert service["spec"]["selector"]["serinus.dev/name"] == "loan"
