"""What the client of the API server promises, on a real one."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.cluster import ApiError, Cluster, Store, client, connect
from serinus.cluster.kinds import WATCHED
from serinus.cluster.pods import not_ready_reason
from serinus.manifests.workloads import kind_of
from tests.integration.conftest import kubectl
from tests.integration.proxy import Proxy, Request, forever

Manifest = dict[str, Any]


def deployment(namespace: str, *, replicas: int = 1, **container: Any) -> Manifest:
    labels = {"app": "fraud"}
    pod = {"containers": [{"name": "model", "image": "m:1", **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fraud", "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def service(namespace: str, name: str = "fraud", **spec: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "fraud"}, "ports": [{"port": 80}], **spec},
    }


def model(namespace: str) -> Manifest:
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


async def until_not_ready(cluster: Cluster, live: Manifest, words: str) -> None:
    deadline = time.monotonic() + 20
    told = None
    while words not in (told or ""):
        assert time.monotonic() < deadline, f"the pods tell {told!r}"
        await asyncio.sleep(0.1)
        found = await cluster.get("Deployment", live["metadata"]["namespace"], "fraud")
        pods = await cluster.list("Pod", live["metadata"]["namespace"])
        told = not_ready_reason(kind_of(found).uncreated(found), pods)


async def test_applying_the_same_again_changes_nothing(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(deployment(namespace, replicas=0))
    await cluster.apply(service(namespace))
    deadline = time.monotonic() + 20
    settled: Manifest = {}
    while not settled.get("status", {}).get("conditions"):
        assert time.monotonic() < deadline, "no controller looks at the Deployment"
        await asyncio.sleep(0.2)
        settled = await cluster.get("Deployment", namespace, "fraud")
    for manifest in (service(namespace), deployment(namespace, replicas=0)):
        before = await cluster.get(manifest["kind"], namespace, "fraud")
        assert await cluster.apply(manifest) == before


async def test_a_field_left_out_is_removed(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(
        service(namespace, ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "b"}])
    )
    live = await cluster.apply(service(namespace, ports=[{"port": 80, "name": "a"}]))
    assert [port["port"] for port in live["spec"]["ports"]] == [80]


async def test_an_unknown_field_is_refused_and_will_be_refused_again(
    cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(ApiError, match="imagePolicy") as caught:
        await cluster.apply(deployment(namespace, imagePolicy="Always"))
    assert caught.value.refused


async def test_a_status_is_written_only_over_the_object_that_was_read(
    cluster: Cluster, namespace: str
) -> None:
    read = await cluster.create(model(namespace))
    written = await cluster.update_status(read, {"phase": "Healthy"})
    with pytest.raises(ApiError) as caught:
        await cluster.update_status(read, {"phase": "Degraded"})
    assert caught.value.conflict
    live = await cluster.get("ModelDeployment", namespace, "fraud")
    assert live["status"]["phase"] == "Healthy"
    again = await cluster.update_status(live, {"phase": "Healthy"})
    assert again["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]
    await cluster.delete(live)
    with pytest.raises(ApiError) as caught:
        await cluster.update_status(live, {"phase": "Healthy"})
    assert caught.value.absent


async def test_a_namesake_of_what_was_to_be_deleted_survives(
    cluster: Cluster, namespace: str
) -> None:
    old = await cluster.create(service(namespace))
    await cluster.delete(old)
    new = await cluster.create(service(namespace))
    await cluster.delete(old)
    assert (await cluster.get("Service", namespace, "fraud"))["metadata"]["uid"] == (
        new["metadata"]["uid"]
    )
    await cluster.delete(new)
    await cluster.delete(new)
    assert await cluster.find("Service", namespace, "fraud") is None


async def test_an_event_shows_where_a_user_looks(cluster: Cluster, namespace: str) -> None:
    live = await cluster.create(model(namespace))
    await cluster.create_event(live, "CheckFailed", "errors: 5% of é" + "é" * 2000, warning=True)
    described = kubectl("describe", "mdep", "fraud", "-n", namespace).stdout
    assert "CheckFailed" in described
    assert "errors: 5% of é" in described
    listed = kubectl("get", "events", "-n", namespace).stdout
    assert "modeldeployment/fraud" in listed
    assert "Warning" in listed


async def test_lists_are_of_one_namespace_and_of_the_labels_asked_for(
    cluster: Cluster, namespace: str
) -> None:
    labelled = service(namespace, "a")
    labelled["metadata"]["labels"] = {"mine": "yes"}
    await cluster.create(labelled)
    await cluster.create(service(namespace, "b"))
    ((found, version),) = [page async for page in cluster.pages("Service", namespace, "mine=yes")]
    assert [(each["kind"], each["metadata"]["name"]) for each in found] == [("Service", "a")]
    assert version >= int(found[0]["metadata"]["resourceVersion"])


async def test_a_list_in_pages_is_of_one_moment(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        await cluster.create(service(namespace, name))
    pages, versions = [], set[int]()
    async for found, version in cluster.pages("Service", namespace):
        pages.append([each["metadata"]["name"] for each in found])
        versions.add(version)
        if len(pages) == 1:
            await cluster.create(service(namespace, "too-late"))
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert len(versions) == 1


async def test_endpoints_carry_the_labels_of_a_service_and_count_its_ready_pods(
    cluster: Cluster, namespace: str
) -> None:
    labels = {
        "app.kubernetes.io/managed-by": "serinus",
        "serinus.dev/name": "fraud",
        "serinus.dev/revision": "abc",
    }
    ours = service(namespace, "fraud-abc")
    ours["metadata"]["labels"] = labels
    await cluster.apply(ours)
    await cluster.apply(service(namespace, "someone-elses"))
    await cluster.apply(deployment(namespace, replicas=2))
    store, ready = Store(), 0
    deadline = time.monotonic() + 20
    while ready != 2:
        assert time.monotonic() < deadline, f"{ready} of 2 endpoints are ready"
        await asyncio.sleep(0.1)
        for live in await cluster.list("EndpointSlice", namespace, WATCHED["EndpointSlice"]):
            store.put(live)
        ready = store.ready_endpoints(namespace, "fraud", "fraud-abc")
    assert len(store.names("EndpointSlice")) == 1


async def test_pods_that_fit_nowhere_tell_what_the_scheduler_says(
    cluster: Cluster, namespace: str
) -> None:
    huge = {"requests": {"cpu": "1000"}}
    live = await cluster.apply(deployment(namespace, replicas=2, resources=huge))
    await until_not_ready(cluster, live, "2 pods: Unschedulable: 0/")


async def test_a_quota_tells_why_there_are_no_pods(cluster: Cluster, namespace: str) -> None:
    kubectl("create", "quota", "none", "--hard=pods=0", "-n", namespace)
    live = await cluster.apply(deployment(namespace))
    await until_not_ready(cluster, live, "exceeded quota: none")


async def test_requests_are_counted_by_verb_and_kind(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(service(namespace))
    await cluster.find("Service", namespace, "absent")
    await cluster.list("Pod", namespace)
    assert cluster.requests == {
        ("apply", "Service"): 1,
        ("get", "Service"): 1,
        ("list", "Pod"): 1,
    }


@pytest.mark.parametrize("broken", ["silent", "gone", "garbled"])
async def test_an_api_server_that_does_not_answer_is_an_error_in_time(
    broken: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(_: Request) -> web.Response:
        if broken == "silent":
            await forever()
        return web.Response(status=502, text="<html>bad gateway</html>")

    async with Proxy(kubeconfig, before=fault) as proxy:
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))
        async with connect(timeout=0.5) as cluster:
            if broken == "gone":
                await proxy.__aexit__(None, None, None)
            started = time.monotonic()
            with pytest.raises(ApiError) as caught:
                await cluster.get("Service", "default", "kubernetes")
            assert time.monotonic() - started < 5
            assert caught.value.status == (502 if broken == "garbled" else 0)
            assert not (caught.value.absent or caught.value.conflict)
            assert str(caught.value)
