"""What exists already: children that were left behind, and objects that users hand over."""

import asyncio
import json
import time
from itertools import product
from typing import Any, Final

import pytest

from serinus.cluster import Cluster
from serinus.manifests.kinds import CHILDREN
from tests.integration.conftest import kubectl
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import GATEWAY, children, healthy, rolls_out, spec

ODD = {"note": "a < b && c > d, ünïcode 🐦, \u2028 and \x7f", "ratio": "1.50"}
"""What JSON may be written of in more than one way."""


def odd(version: str) -> dict[str, Any]:
    wanted = spec(version)
    wanted["template"] = {"metadata": {"annotations": ODD}, **wanted["template"]}
    return wanted


async def uids(cluster: Cluster, namespace: str) -> dict[tuple[str, str], str]:
    """Of all children, by kind and name."""
    return {
        (kind, live["metadata"]["name"]): live["metadata"]["uid"]
        for kind in CHILDREN
        for live in await cluster.list(kind, namespace)
    }


LATER: dict[str, Manifest] = {
    "Deployment": {
        "apiVersion": "apps/v1",
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "owned"}},
            "template": {
                "metadata": {"labels": {"app": "owned"}},
                "spec": {"containers": [{"name": "any", "image": "any"}]},
            },
        },
    },
    "ControllerRevision": {"apiVersion": "apps/v1", "revision": 1, "data": {"any": 1}},
    "Service": {"apiVersion": "v1", "spec": {"ports": [{"port": 80}]}},
    "Job": {
        "apiVersion": "batch/v1",
        "spec": {
            "suspend": True,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "any", "image": "any"}],
                }
            },
        },
    },
    "HTTPRoute": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "spec": {"parentRefs": [{"name": "public"}]},
    },
    "GRPCRoute": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "spec": {"parentRefs": [{"name": "public"}]},
    },
}


async def until_the_collector_knows_the_children(operator: Operator) -> None:
    """The garbage collector hears of each kind in order, and of a new kind after half a minute.
    What it does not know yet is not orphaned with its owner's other children, and then collected.
    So an object of each kind is made, and collected, later than the children there are."""
    cluster, there = operator.cluster, f"--namespace={operator.namespace}"
    kubectl("create", "configmap", "owner", there)
    uid = kubectl("get", "configmap", "owner", there, "-o=jsonpath={.metadata.uid}").stdout
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    metadata = {"name": "owned", "namespace": operator.namespace, "ownerReferences": [owner]}
    assert set(LATER) == set(CHILDREN)
    for kind, manifest in LATER.items():
        await cluster.create({"kind": kind, "metadata": metadata, **manifest})
    kubectl("delete", "configmap", "owner", there)
    deadline = time.monotonic() + 90
    for kind in LATER:
        while await cluster.find(kind, operator.namespace, "owned") is not None:
            assert time.monotonic() < deadline, f"nobody collects objects of kind {kind}"
            await asyncio.sleep(0.5)


async def test_a_revision_can_be_labelled_as_any_other_object(operator: Operator) -> None:
    await operator.apply("fraud", **odd("v1"))
    await operator.until("fraud", healthy("v1"))
    [name] = await children(operator.cluster, operator.namespace, "ControllerRevision")
    revision = ("controllerrevision", name, f"--namespace={operator.namespace}")
    kubectl("label", *revision, "team=fraud")
    kubectl("annotate", *revision, "why=because <it> & that")
    live = await operator.cluster.get("ControllerRevision", operator.namespace, name)
    assert live["data"]["template"]["metadata"]["annotations"] == ODD


async def test_children_that_were_left_behind_are_taken_back_and_nothing_restarts(
    operator: Operator,
) -> None:
    first = await operator.apply("fraud", **odd("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.until_split("fraud", {next(iter(await operator.split("fraud"))): 100})
    await until_the_collector_knows_the_children(operator)
    before = await uids(operator.cluster, operator.namespace)
    kubectl(
        *("delete", "mdep", "fraud", f"--namespace={operator.namespace}"),
        *("--cascade=orphan", "--timeout=30s"),
    )
    await asyncio.sleep(1)
    assert await uids(operator.cluster, operator.namespace) == before

    again = await operator.apply("fraud", **odd("v1"))
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    status = await operator.until("fraud", healthy("v1"))
    assert [each["reason"] for each in status["decisions"]] == ["TakenUp"]
    assert await uids(operator.cluster, operator.namespace) == before
    for kind in CHILDREN:
        for live in await operator.cluster.list(kind, operator.namespace):
            [reference] = live["metadata"]["ownerReferences"]
            assert reference["uid"] == again["metadata"]["uid"]


async def test_another_spec_over_what_was_left_behind_is_rolled_out_in_steps(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", replicas=1))
    old = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await until_the_collector_knows_the_children(operator)
    orphaned = ("delete", "mdep", "fraud", f"--namespace={operator.namespace}", "--cascade=orphan")
    kubectl(*orphaned, "--timeout=30s")
    await operator.apply("fraud", **spec("v2", replicas=1))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert status["stable"]["revision"] == old
    assert (await operator.split("fraud"))[f"fraud-{old}"] == 80
    await operator.until("fraud", healthy("v2"), moving=5, within=90)


def handed_over(kind: str, namespace: str, **more: Any) -> Manifest:
    annotations = {"serinus.dev/adopt": "fraud"}
    metadata = {"name": "fraud", "namespace": namespace, "annotations": annotations}
    return {"kind": kind, "metadata": metadata, **more}


async def test_a_service_that_is_handed_over_leads_to_its_own_pods_until_ours_are_ready(
    operator: Operator,
) -> None:
    theirs = await operator.cluster.create(
        handed_over(
            "Service",
            operator.namespace,
            apiVersion="v1",
            spec={"selector": {"app": "theirs"}, "ports": [{"name": "http", "port": 80}]},
        )
    )
    kubectl("create", "quota", "none", f"--namespace={operator.namespace}", "--hard=pods=0")
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until(
        "fraud", lambda s: "exceeded quota" in s["candidate"]["hold"]["message"], moving=1
    )
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"]["selector"] == {"app": "theirs"}

    kubectl("delete", "quota", "none", f"--namespace={operator.namespace}")
    [deployment] = await children(operator.cluster, operator.namespace, "Deployment")
    kubectl("rollout", "restart", f"deployment/{deployment}", f"--namespace={operator.namespace}")
    status = await operator.until("fraud", healthy("v1"), moving=5)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert now["spec"]["clusterIP"] == theirs["spec"]["clusterIP"]
    assert now["spec"]["selector"] == {
        "serinus.dev/name": "fraud",
        "serinus.dev/revision": status["stable"]["revision"],
    }


async def test_a_service_that_leads_to_another_host_leads_to_pods_once_it_is_taken(
    operator: Operator,
) -> None:
    elsewhere = {"type": "ExternalName", "externalName": "loan.example.com"}
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec=elsewhere)
    await operator.cluster.create(service)
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"), moving=5)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert (now["spec"]["type"], "externalName" in now["spec"]) == ("ClusterIP", False)

    patch = json.dumps({"spec": elsewhere})
    there = ("service", "fraud", f"--namespace={operator.namespace}")
    kubectl("patch", *there, "--type=merge", f"--patch={patch}")
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    deadline = time.monotonic() + 10
    while now["spec"]["type"] != "ClusterIP" or "externalName" in now["spec"]:
        assert time.monotonic() < deadline, "it leads to no pods"
        await asyncio.sleep(0.1)
        now = await operator.cluster.get("Service", operator.namespace, "fraud")


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
async def test_a_service_that_is_reached_from_outside_stays_so(
    operator: Operator, kind: str
) -> None:
    outside = {"type": kind, "ports": [{"name": "http", "port": 80}]}
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec=outside)
    theirs = await operator.cluster.create(service)
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"), moving=5)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"]["type"] == kind
    assert now["spec"]["ports"][0]["nodePort"] == theirs["spec"]["ports"][0]["nodePort"]


EACH: Final[list[tuple[Manifest, Manifest]]] = [({}, GATEWAY), ({"name": "http"}, {})]
"""Each port, and each kind of traffic, once."""


@pytest.mark.parametrize(
    ("port", "traffic"), short(product([{}, {"name": "http"}], [{}, GATEWAY]), EACH)
)
async def test_a_service_that_is_handed_over_keeps_the_number_of_its_port(
    operator: Operator, port: Manifest, traffic: Manifest
) -> None:
    ports = [{**port, "port": 8000, "targetPort": 5000}]
    given = {"selector": {"app": "theirs"}, "ports": ports, "publishNotReadyAddresses": True}
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec=given)
    await operator.cluster.create(service)
    await operator.apply("fraud", **spec("v1", traffic=traffic))
    status = await operator.until("fraud", healthy("v1"), moving=5)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    [taken] = now["spec"]["ports"]
    assert (taken["name"], taken["port"], taken["targetPort"]) == ("http", 8000, 8080)
    assert "publishNotReadyAddresses" not in now["spec"]
    of_stable = f"fraud-{status['stable']['revision']}"
    behind = await operator.cluster.get("Service", operator.namespace, of_stable)
    assert [each["port"] for each in behind["spec"]["ports"]] == [80]
    await operator.apply("fraud", **spec("v2", traffic=traffic))
    await operator.until("fraud", healthy("v2"), moving=5, within=90)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"]["ports"] == [taken]


async def test_a_port_that_was_handed_over_and_is_renamed_leads_to_the_model_still(
    operator: Operator,
) -> None:
    given = {"type": "NodePort", "ports": [{"name": "http", "port": 8081}]}
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec=given)
    await operator.cluster.create(service)
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"), moving=5)
    before = await operator.cluster.get("Service", operator.namespace, "fraud")
    [port] = before["spec"]["ports"]
    rename = json.dumps([{"op": "replace", "path": "/spec/ports/0/name", "value": "web"}])
    there = ("service", "fraud", f"--namespace={operator.namespace}")
    kubectl("patch", *there, "--type=json", f"--patch={rename}")
    await operator.apply("fraud", **spec("v2", traffic={}))
    await operator.until("fraud", healthy("v2"), moving=5, within=90)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"]["ports"] == [{**port, "name": "web"}]


async def test_a_port_that_was_handed_over_stays_when_the_models_port_changes(
    operator: Operator,
) -> None:
    ports = [{"name": "web", "port": 8081, "targetPort": 8080}]
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec={"ports": ports})
    await operator.cluster.create(service)
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"), moving=5)
    container = {"name": "model", "image": "m:2", "ports": [{"containerPort": 9090}]}
    await operator.apply("fraud", **spec("v2", template={"spec": {"containers": [container]}}))
    await operator.until("fraud", healthy("v2"), moving=5, within=90)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    [port] = now["spec"]["ports"]
    assert (port["name"], port["port"], port["targetPort"]) == ("web", 8081, 9090)


async def test_a_service_is_taken_once_the_mended_first_revision_is_ready(
    operator: Operator,
) -> None:
    theirs = {"selector": {"app": "theirs"}, "ports": [{"name": "http", "port": 80}]}
    service = handed_over("Service", operator.namespace, apiVersion="v1", spec=theirs)
    await operator.cluster.create(service)
    mended = spec("v2", traffic={})
    broken = {"spec": {**mended["template"]["spec"], "nodeSelector": {"there": "is-none"}}}
    await operator.apply("fraud", **spec("v1", traffic={}, template=broken))
    await operator.until("fraud", rolls_out("v1"))
    await operator.apply("fraud", **mended)
    status = await operator.until("fraud", healthy("v2"), moving=5)
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"]["selector"]["serinus.dev/revision"] == status["stable"]["revision"]


async def test_a_route_that_is_handed_over_is_taken(operator: Operator) -> None:
    route = handed_over(
        "HTTPRoute",
        operator.namespace,
        apiVersion="gateway.networking.k8s.io/v1",
        spec={
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "theirs", "port": 8080}]}],
        },
    )
    theirs = await operator.cluster.create(route)
    await operator.apply("fraud", **spec("v1", traffic=GATEWAY))
    status = await operator.until("fraud", healthy("v1"), moving=1)
    assert await operator.split("fraud") == {f"fraud-{status['stable']['revision']}": 100}
    now = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
    assert now["metadata"]["uid"] == theirs["metadata"]["uid"]


async def test_a_route_with_rules_is_taken_once_the_spec_has_them(operator: Operator) -> None:
    backends = [{"name": "theirs", "port": 8080}]
    v1 = {"matches": [{"path": {"value": "/v1"}}], "timeouts": {"request": "5s"}}
    route = handed_over(
        "HTTPRoute",
        operator.namespace,
        apiVersion="gateway.networking.k8s.io/v1",
        spec={
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": backends}, {**v1, "backendRefs": backends}],
        },
    )
    theirs = await operator.cluster.create(route)
    await operator.apply("fraud", **spec("v1", traffic=GATEWAY))
    status = await operator.until("fraud", lambda s: s["conditions"][0]["reason"] == "NameTaken")
    assert "would lose spec.rules[1]: write the same into spec.traffic" in status["message"]
    now = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
    assert now["spec"] == theirs["spec"]
    with_rules = {"gateway": {**GATEWAY["gateway"], "rules": [{}, v1]}}
    await operator.apply("fraud", **spec("v1", traffic=with_rules))
    status = await operator.until("fraud", healthy("v1"), moving=1)
    now = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
    assert now["metadata"]["uid"] == theirs["metadata"]["uid"]
    bare = [{k: v for k, v in r.items() if k != "backendRefs"} for r in now["spec"]["rules"]]
    before = [{k: v for k, v in r.items() if k != "backendRefs"} for r in theirs["spec"]["rules"]]
    assert bare == before
    names = {each["name"] for rule in now["spec"]["rules"] for each in rule["backendRefs"]}
    assert names == {f"fraud-{status['stable']['revision']}"}


async def test_what_was_handed_over_to_another_is_not_taken(operator: Operator) -> None:
    given = handed_over(
        "Service", operator.namespace, apiVersion="v1", spec={"ports": [{"port": 80}]}
    )
    given["metadata"]["annotations"] = {"serinus.dev/adopt": "loan"}
    await operator.cluster.create(given)
    await operator.apply("fraud", **spec("v1", traffic={}))
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded", moving=5)
    assert "annotate it with serinus.dev/adopt=fraud to adopt it" in status["message"]
    patch = json.dumps({"metadata": {"annotations": {"serinus.dev/adopt": "fraud"}}})
    service = ("service", "fraud", f"--namespace={operator.namespace}")
    kubectl("patch", *service, "--type=merge", f"--patch={patch}")
    await operator.until("fraud", healthy("v1"), moving=5)


async def test_a_name_that_is_taken_stands_in_nobodys_way_once_it_is_not_needed(
    operator: Operator,
) -> None:
    cluster, namespace = operator.cluster, operator.namespace
    without = {key: value for key, value in spec("v1").items() if key != "traffic"}
    await operator.apply("fraud", **without)
    await operator.until("fraud", healthy("v1"))
    theirs = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "public"}]},
    }
    await cluster.create(theirs)
    await operator.apply("fraud", **{**without, "traffic": GATEWAY})
    status = await operator.until("fraud", lambda s: s["conditions"][0]["reason"] == "NameTaken")
    assert "HTTPRoute" in status["message"]
    await operator.apply("fraud", **{**without, "replicas": 6})
    await operator.until("fraud", healthy("v1"))
    assert (await operator.get("fraud"))["status"]["stable"]["readyReplicas"] == 6
    assert await cluster.find("HTTPRoute", namespace, "fraud") is not None


async def test_a_taken_name_keeps_neither_an_abort_nor_a_scale_up_waiting(
    operator: Operator,
) -> None:
    cluster, namespace = operator.cluster, operator.namespace
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    theirs = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "theirs"}]},
    }
    await operator.stop()
    await cluster.delete(await cluster.get("HTTPRoute", namespace, "fraud"))
    await cluster.create(theirs)
    async with operator:
        await operator.until(
            "fraud", lambda s: s["conditions"][0]["reason"] == "NameTaken", moving=1
        )
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=5))
        await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 5)
        await operator.command("fraud", f"abort/{status['candidate']['revision']}")
        await operator.until("fraud", lambda s: s["rejected"])
        await cluster.delete(await cluster.get("HTTPRoute", namespace, "fraud"))
        await operator.until("fraud", lambda s: s["conditions"][0]["reason"] == "Aborted", moving=1)
        await operator.until_split("fraud", {f"fraud-{stable}": 100})
