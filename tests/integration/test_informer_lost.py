"""The store stays right though the API server is killed, or no longer knows ModelDeployments."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from serinus.cluster import Cluster
from tests.integration.conftest import kill_api_server, kubectl, wait_for_crd
from tests.integration.test_informer import mirror, service

CRD = "modeldeployments.serinus.dev"

pytestmark = pytest.mark.disturbs_api_server


async def test_the_api_server_may_be_killed(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirror(kubeconfig, namespace, monkeypatch) as seen:
        live = await cluster.create(service(namespace, "before"))
        await seen.until(lambda: seen.names == {"before"}, within=10)
        kill_api_server()
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(Exception):
                await cluster.delete(live)
                await cluster.apply(service(namespace, "after"))
                break
            assert time.monotonic() < deadline, "the API server does not come back"
            await asyncio.sleep(0.2)
        await seen.until(lambda: "after" in seen.names, within=15)
        await seen.until(lambda: seen.names == {"after"}, within=75)


async def test_a_definition_may_go_and_come_back(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = kubectl("get", "crd", CRD, "-o", "json").stdout
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    live = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    async with mirror(kubeconfig, namespace, monkeypatch) as seen:
        await cluster.create(live)
        key = (namespace, "fraud")
        await seen.until(lambda: seen.store.names("ModelDeployment") == [key], within=10)
        try:
            kubectl("delete", "crd", CRD)
            await seen.until(lambda: not seen.store.names("ModelDeployment"), within=20)
            await seen.until(lambda: "CRD" in (seen.informer.not_ready_reason or ""), within=20)
        finally:
            kubectl("create", "-f", "-", stdin=definition)
            wait_for_crd(CRD, kubeconfig)
        await cluster.create(live)
        await seen.until(lambda: seen.store.names("ModelDeployment") == [key], within=20)
        await seen.until(lambda: seen.informer.not_ready_reason is None, within=20)
        await cluster.delete(await cluster.get("ModelDeployment", *key))
        await seen.until(lambda: not seen.store.names("ModelDeployment"), within=5)
