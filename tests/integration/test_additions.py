"""Others add to our children: what changes no meaning stalls nothing, what does is named."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serinus.cluster import Cluster
from tests.integration.conftest import kubectl
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec

SECOND_PORT = {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090}


@contextmanager
def mutating(namespace: str, resource: str, *patches: str) -> Iterator[None]:
    """An admission policy of somebody who changes every object of a kind, each time."""
    name = f"{namespace}-{resource.partition('.')[0]}"
    group = resource.partition(".")[2]
    rule = {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [resource.partition(".")[0]],
    }
    there = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    policy = {
        **head,
        "kind": "MutatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": there},
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{patch}]"}}
                for patch in patches
            ],
        },
    }
    binding = {**head, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": name}}
    both = json.dumps({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
    kubectl("apply", "-f", "-", stdin=both)
    try:
        yield
    finally:
        kubectl("delete", "-f", "-", stdin=both)


async def until_mutated(operator: Operator, kind: str, holds: Any) -> None:
    """A policy takes a moment to be in force: touch an object until it is."""
    deadline = time.monotonic() + 20
    probe: Manifest = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "probe", "namespace": operator.namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    if kind == "HTTPRoute":
        probe["apiVersion"] = "gateway.networking.k8s.io/v1"
        rules = [{"backendRefs": [{"name": "probe", "port": 80}]}]
        probe["spec"] = {"parentRefs": [{"name": "public"}], "rules": rules}
    if kind == "Deployment":
        labels = {"app": "probe"}
        pod = {"containers": [{"name": "model", "image": "m:1"}]}
        probe["apiVersion"] = "apps/v1"
        probe["spec"] = {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
    while True:
        live = await operator.cluster.create(probe)
        await operator.cluster.delete(live)
        if holds(live):
            return
        assert time.monotonic() < deadline, "the policy does not come into force"
        await asyncio.sleep(0.1)


async def test_a_second_port_of_the_service_stalls_no_rollout(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"))
    added = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fraud"},
        "spec": {"ports": [SECOND_PORT]},
    }
    theirs = ("--server-side", "--field-manager=monitoring", f"--namespace={operator.namespace}")
    kubectl("apply", *theirs, "-f", "-", stdin=json.dumps(added))
    await operator.apply("fraud", **spec("v2", traffic={}))
    await operator.until("fraud", healthy("v2"), moving=5)
    live = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert [port["name"] for port in live["spec"]["ports"]] == ["http", "metrics"]


PORTS = {
    "another number": [{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}],
    "another number, and a port beside it": [
        {"op": "replace", "path": "/spec/ports/0/port", "value": 8080},
        {"op": "add", "path": "/spec/ports/-", "value": SECOND_PORT},
    ],
    "no name and another number": [
        {"op": "replace", "path": "/spec/ports", "value": [{"port": 8080}]}
    ],
    "another name, and a port of ours": [
        {"op": "replace", "path": "/spec/ports/0/name", "value": "web"},
        {"op": "add", "path": "/spec/ports/-", "value": {"name": "http", "port": 8080}},
    ],
    "pods that are not ready": [
        {"op": "add", "path": "/spec/publishNotReadyAddresses", "value": True}
    ],
}


@pytest.mark.parametrize("edit", PORTS)
async def test_a_port_that_somebody_edits_is_put_right(operator: Operator, edit: str) -> None:
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", healthy("v1"))
    for name in ("fraud", f"fraud-{status['stable']['revision']}"):
        before = await service(operator, name)
        there = ("service", name, f"--namespace={operator.namespace}")
        kubectl("patch", *there, "--type=json", f"--patch={json.dumps(PORTS[edit])}")
        wanted = {
            **before,
            "ports": before["ports"] + [SECOND_PORT] * ("beside it" in edit),
        }
        deadline = time.monotonic() + 10
        while (now := await service(operator, name)) != wanted:
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.1)


async def service(operator: Operator, name: str) -> Manifest:
    live = await operator.cluster.get("Service", operator.namespace, name)
    found: Manifest = live["spec"]
    return found


TIMEOUTS = 'JSONPatch{op: "add", path: "/spec/rules/0/timeouts", value: {"request": "30s"}}'
GUEST = (
    'JSONPatch{op: "add", path: "/spec/rules/0/backendRefs/-", '
    'value: Object.spec.rules.backendRefs{name: "guest", port: 80, weight: 7}}'
)


async def test_timeouts_that_somebody_adds_to_the_route_stall_no_rollout(
    operator: Operator,
) -> None:
    with mutating(operator.namespace, "httproutes.gateway.networking.k8s.io", TIMEOUTS):
        await until_mutated(operator, "HTTPRoute", lambda r: "timeouts" in r["spec"]["rules"][0])
        await operator.apply("fraud", **spec("v1"))
        await operator.until("fraud", healthy("v1"))
        await operator.apply("fraud", **spec("v2"))
        await operator.until("fraud", healthy("v2"), moving=5)
        route = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
        assert route["spec"]["rules"][0]["timeouts"] == {"request": "30s"}


async def test_a_backend_that_somebody_adds_to_the_route_is_named(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    with mutating(operator.namespace, "httproutes.gateway.networking.k8s.io", GUEST):
        await until_mutated(
            operator, "HTTPRoute", lambda r: len(r["spec"]["rules"][0]["backendRefs"]) > 1
        )
        await operator.apply("fraud", **spec("v2"))
        status = await operator.until(
            "fraud", lambda s: "changes it after every write" in s["message"], moving=1
        )
        assert "spec.rules[0].backendRefs[2] should not be there" in status["message"]
        assert status["phase"] == "Degraded"
        assert status["candidate"]["step"] == 0
    await operator.until("fraud", healthy("v2"), moving=5)


NONCE = (
    'JSONPatch{op: "add", path: "/metadata/annotations", value: {"nonce": '
    "has(object.metadata.annotations) && 'nonce' in object.metadata.annotations ? "
    "object.metadata.annotations['nonce'] + 'x' : 'x'}}"
)
MIRROR = (
    'JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", '
    'value: "mirror.example.com/m:1"}'
)


async def test_a_policy_that_changes_a_child_each_time_is_not_fought_without_end(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        with mutating(namespace, "deployments.apps", MIRROR, NONCE):
            await until_mutated(operator, "Deployment", mirrored)
            await operator.apply("fraud", **spec("v1"))
            status = await operator.until("fraud", lambda s: overridden(s) and healthy("v1")(s))
            (told,) = [each for each in status["conditions"] if each["type"] == "Overridden"]
            assert told["reason"] == "ChangedByOthers"
            assert 'image is "mirror.example.com/m:1" instead of "m:1"' in told["message"]
            await asyncio.sleep(10)
            tried = [r for r in proxy.requests if r.method == "PATCH" and "/deployments/" in r.path]
            assert len(tried) <= 8, f"{len(tried)} writes"
            status_writes = [r for r in proxy.requests if "/fraud/status" in r.path]
            assert len(status_writes) <= 12, f"{len(status_writes)} writes of the status"


@pytest.mark.parametrize(
    "label", ["app.kubernetes.io/managed-by", "serinus.dev/name", "serinus.dev/revision"]
)
@pytest.mark.parametrize("changed", ["-", "=other"])
async def test_a_label_that_somebody_takes_from_a_child_is_put_back_at_once(
    operator: Operator, label: str, changed: str
) -> None:
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", healthy("v1"))
    of_stable = f"fraud-{status['stable']['revision']}"
    kinds = ("Deployment", "Service", "ControllerRevision")
    children = [(kind, of_stable) for kind in kinds]
    if label != "serinus.dev/revision":
        children += [("Service", "fraud"), ("HTTPRoute", "fraud")]
    for kind, name in children:
        before = await labels(operator, kind, name)
        there = (kind, name, f"--namespace={operator.namespace}")
        kubectl("label", "--overwrite", *there, f"{label}{changed}")
        deadline = time.monotonic() + 5
        while await labels(operator, kind, name) != before:
            assert time.monotonic() < deadline, f"{kind} {name} lacks {label}"
            await asyncio.sleep(0.1)


async def labels(operator: Operator, kind: str, name: str) -> dict[str, str]:
    live = await operator.cluster.get(kind, operator.namespace, name)
    found: dict[str, str] = live["metadata"]["labels"]
    return found


def mirrored(live: Manifest) -> bool:
    image: str = live["spec"]["template"]["spec"]["containers"][0]["image"]
    return image.startswith("mirror") and "nonce" in live["metadata"].get("annotations", {})


def overridden(status: Manifest) -> bool:
    return any(each["type"] == "Overridden" for each in status.get("conditions", []))
