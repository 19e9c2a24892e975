"""What is in effect already is not written again; what is not, is."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from serinus.api.spec import Gateway
from serinus.manifests.covers import covers, differences, over, ports_anew
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.service import service
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads.deployment import DeploymentWorkload

OWNER = Owner("shop", "fraud", "4f7c")
REVISION = Revision.of(
    {
        "model": {"storageUri": "pvc://models/fraud", "version": "1"},
        "template": {
            "metadata": {"annotations": {"prometheus.io/scrape": "true"}},
            "spec": {
                "containers": [
                    {
                        "name": "model",
                        "image": "m:1",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "env": [{"name": "EMPTY", "value": "x"}],
                        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
                        "securityContext": {"allowPrivilegeEscalation": False},
                    }
                ],
                "automountServiceAccountToken": False,
            },
        },
    },
    1,
)
DEPLOYMENT = DeploymentWorkload().manifest(OWNER, REVISION, 3)
SERVICE = service(OWNER, "fraud", REVISION.hash, REVISION)


def with_defaults(desired: Manifest) -> Manifest:
    """Roughly what an API server makes of it."""
    live = deepcopy(desired)
    live["metadata"] |= {"uid": "1", "resourceVersion": "2", "generation": 1}
    live["status"] = {"replicas": 3}
    if live["kind"] == "Deployment":
        live["spec"]["progressDeadlineSeconds"] = 600
        live["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = "25%"
        pod = live["spec"]["template"]["spec"]
        pod |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}
        pod["containers"][0]["ports"][0]["protocol"] = "TCP"
        pod["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    else:
        live["spec"] |= {"clusterIP": "10.96.0.9", "type": "ClusterIP", "sessionAffinity": "None"}
    return live


def leaves(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, *path, key)
    else:
        yield path


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mattering(desired: Manifest) -> list[tuple[Any, ...]]:
    return [path for path in leaves(desired) if path[0] not in ("apiVersion", "kind")]


@pytest.mark.parametrize("desired", [DEPLOYMENT, SERVICE])
def test_what_the_server_adds_needs_no_write(desired: Manifest) -> None:
    assert covers(with_defaults(desired), desired)


def test_an_object_from_a_list_has_no_kind_and_needs_no_write() -> None:
    live = with_defaults(SERVICE)
    del live["kind"], live["apiVersion"]
    assert covers(live, SERVICE)


@pytest.mark.parametrize("desired", [DEPLOYMENT, SERVICE])
def test_any_field_that_someone_changed_is_written_again(desired: Manifest) -> None:
    for path in mattering(desired):
        live = with_defaults(desired)
        at(live, path[:-1])[path[-1]] = "changed"
        assert not covers(live, desired), path


@pytest.mark.parametrize("desired", [DEPLOYMENT, SERVICE])
def test_any_field_that_someone_removed_is_written_again(desired: Manifest) -> None:
    for path in mattering(desired):
        live = with_defaults(desired)
        del at(live, path[:-1])[path[-1]]
        dropped = path[-1] == "publishNotReadyAddresses"  # as the server drops it
        assert covers(live, desired) == dropped, path


def test_a_selector_with_a_key_more_selects_other_pods() -> None:
    live = with_defaults(SERVICE)
    live["spec"]["selector"]["zone"] = "a"
    assert not covers(live, SERVICE)


def test_a_service_that_leads_to_a_host_and_not_to_pods_is_another_one() -> None:
    live = with_defaults(SERVICE)
    for kind in ("NodePort", "LoadBalancer"):
        live["spec"]["type"] = kind
        assert covers(live, SERVICE)
        assert over(live, SERVICE) == SERVICE
    live["spec"]["type"] = "ExternalName"
    told = 'spec.type is "ExternalName" instead of "ClusterIP"'
    assert list(differences(live, SERVICE)) == [told]
    assert over(live, SERVICE)["spec"] == {
        **SERVICE["spec"],
        "type": "ClusterIP",
        "externalName": "",
    }


HTTP = SERVICE["spec"]["ports"][0]
METRICS = {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090}


@pytest.mark.parametrize(
    ("live", "anew"),
    [
        ([HTTP], None),
        ([HTTP, METRICS], None),
        ([METRICS], None),
        ([{**HTTP, "name": "web"}], None),
        ([{"port": 80}], None),
        ([{**HTTP, "port": 8080}], [HTTP]),
        ([{**HTTP, "port": 8080, "nodePort": 30080}], [{**HTTP, "nodePort": 30080}]),
        ([METRICS, {**HTTP, "port": 8080}], [HTTP, METRICS]),
        ([{"port": 8080, "targetPort": 1}], [HTTP]),
        ([{**HTTP, "name": "web"}, {**HTTP, "port": 8080}], [HTTP]),
    ],
)
def test_ports_beside_which_ours_cannot_be_are_written_as_a_whole(
    live: list[Manifest], anew: list[Manifest] | None
) -> None:
    edited = with_defaults(SERVICE)
    edited["spec"]["ports"] = live
    assert ports_anew(edited, SERVICE) == anew
    assert ports_anew(edited, DEPLOYMENT) is None


@pytest.mark.parametrize("theirs", [{"port": 8000}, {"name": "http", "port": 8000}])
def test_the_port_of_a_service_that_was_handed_over_keeps_its_number(theirs: Manifest) -> None:
    live = with_defaults(SERVICE)
    live["spec"]["ports"] = [theirs]
    live["metadata"]["annotations"] = {"serinus.dev/adopt": "fraud"}
    wanted = over(live, SERVICE)
    assert wanted["spec"]["ports"] == [{**HTTP, "port": 8000}]
    assert ports_anew(live, wanted) is None
    live["spec"]["ports"] = wanted["spec"]["ports"]
    assert covers(live, SERVICE)
    live["metadata"]["annotations"] = {"serinus.dev/adopt": "loan"}
    assert not covers(live, SERVICE)


@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        ([{**HTTP, "name": "web", "port": 8081}], ("web", 8081)),
        ([METRICS, {**HTTP, "name": "web", "port": 8081}], ("web", 8081)),
        ([{"name": "web", "port": 80, "targetPort": 9}], ("web", 80)),
        ([{"name": "http", "port": 8000}, {"name": "web", "port": 80}], ("http", 8000)),
        ([{"name": "web", "port": 8081, "targetPort": 9}], ("web", 8081)),
        ([METRICS, {"name": "web", "port": 8081, "targetPort": 9}], ("http", 80)),
        ([{"name": "dns", "port": 80, "protocol": "UDP"}], ("http", 80)),
    ],
)
def test_a_port_of_another_name_is_taken_over_where_it_leads_to_the_model_is_80_or_the_only_one(
    theirs: list[Manifest], taken: tuple[str, int]
) -> None:
    live = with_defaults(SERVICE)
    live["spec"]["ports"] = theirs
    live["metadata"]["annotations"] = {"serinus.dev/adopt": "fraud"}
    [ours] = over(live, SERVICE)["spec"]["ports"]
    assert ours == {**HTTP, "name": taken[0], "port": taken[1]}


def test_a_port_that_was_taken_over_is_known_again_wherever_it_leads() -> None:
    live = with_defaults(SERVICE)
    live["spec"]["ports"] = [METRICS, {**HTTP, "name": "web", "port": 8081, "targetPort": 9999}]
    live["metadata"]["annotations"] = {"serinus.dev/adopt": "fraud"}
    [ours] = over(live, SERVICE)["spec"]["ports"]
    assert ours == {**HTTP, "name": "web", "port": 8081}


def test_a_service_leads_to_pods_that_are_ready_alone() -> None:
    live = with_defaults(SERVICE)
    live["spec"]["publishNotReadyAddresses"] = True
    told = "spec.publishNotReadyAddresses is true instead of false"
    assert list(differences(live, SERVICE)) == [told]


def added(desired: Manifest, *path: Any, item: Any) -> Manifest:
    """Live, with something that another field manager or a webhook has added."""
    live = with_defaults(desired)
    at(live, path).append(item)
    return live


POD = ("spec", "template", "spec")
ADDITIONS: dict[str, tuple[Manifest, tuple[Any, ...], Any]] = {
    "a second port of a Service": (
        SERVICE,
        ("spec", "ports"),
        {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090},
    ),
    "a port of another protocol": (
        SERVICE,
        ("spec", "ports"),
        {"name": "quic", "port": 80, "protocol": "UDP", "targetPort": 8080},
    ),
    "a container": (DEPLOYMENT, (*POD, "containers"), {"name": "guest", "image": "g"}),
    "a variable": (DEPLOYMENT, (*POD, "containers", 0, "env"), {"name": "NODE", "value": "a"}),
    "a volume": (DEPLOYMENT, (*POD, "volumes"), {"name": "certificates", "emptyDir": {}}),
    "a second owner": (
        DEPLOYMENT,
        ("metadata", "ownerReferences"),
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "group", "uid": "9"},
    ),
}


@pytest.mark.parametrize("what", ADDITIONS)
def test_what_others_add_to_a_list_that_is_merged_is_theirs(what: str) -> None:
    desired, path, item = ADDITIONS[what]
    assert covers(added(desired, *path, item=item), desired)
    first = with_defaults(desired)
    at(first, path).insert(0, item)
    assert covers(first, desired), "wherever they put it"


def test_ours_beside_it_must_still_be_as_wanted() -> None:
    desired, path, item = ADDITIONS["a second port of a Service"]
    live = added(desired, *path, item=item)
    live["spec"]["ports"][0]["targetPort"] = 9090
    assert list(differences(live, desired)) == [
        'spec.ports[0].targetPort is 9090 instead of "http"'
    ]
    live["spec"]["ports"] = [item]
    assert list(differences(live, desired)) == ["spec.ports[0] is missing"]


def test_a_list_that_is_one_value_must_be_the_same() -> None:
    template = {"spec": {"containers": [{"name": "model", "args": ["--fast"]}]}}
    live = {"spec": {"containers": [{"name": "model", "args": ["--fast", "--more"]}]}}
    assert list(differences(live, template)) == ["spec.containers[0].args[1] should not be there"]


ROUTE = GatewayRouter(Gateway.model_validate({"parentRefs": [{"name": "public"}]})).route(
    OWNER, Traffic("old", "new", 20)
)


@pytest.mark.parametrize("field", ["timeouts", "retry", "name"])
def test_what_a_webhook_adds_to_a_rule_without_moving_traffic_is_tolerated(field: str) -> None:
    live = deepcopy(ROUTE)
    live["spec"]["rules"][0][field] = {"request": "30s"}
    assert covers(live, ROUTE)


@pytest.mark.parametrize(
    ("path", "key", "value", "told"),
    [
        (("rules",), None, {"backendRefs": []}, "spec.rules[1] should not be there"),
        (
            ("rules", 0, "backendRefs"),
            None,
            {"name": "guest", "weight": 50},
            "spec.rules[0].backendRefs[2] should not be there",
        ),
        (("rules", 0), "filters", [{}], "spec.rules[0].filters should not be there"),
        (
            ("rules", 0, "backendRefs", 1),
            "filters",
            [{}],
            "spec.rules[0].backendRefs[1].filters should not be there",
        ),
        (
            ("rules", 0, "matches", 0),
            "headers",
            [{}],
            "spec.rules[0].matches[0].headers should not be there",
        ),
        (
            ("rules", 0, "backendRefs", 1),
            "weight",
            60,
            "spec.rules[0].backendRefs[1].weight is 60 instead of 20",
        ),
        (("parentRefs", 0), "sectionName", "a", "spec.parentRefs[0].sectionName should not"),
    ],
)
def test_what_moves_traffic_is_not_tolerated_and_named(
    path: tuple[Any, ...], key: str | None, value: Any, told: str
) -> None:
    live = deepcopy(ROUTE)
    target = at(live["spec"], path)
    if key is None:
        target.append(value)
    else:
        target[key] = value
    (found,) = differences(live, ROUTE)
    assert found.startswith(told)


def resources(**requests: Any) -> Manifest:
    return {"spec": {"resources": {"requests": requests}}}


@pytest.mark.parametrize(
    ("live", "desired"),
    [
        ("1", "1000m"),
        ("1", 1),
        ("500m", "0.5"),
        ("500m", 0.5),
        ("1Gi", "1024Mi"),
        ("2Gi", "2147483648"),
        ("1500M", "1.5G"),
        ("1G", "1e9"),
        ("2k", "2000"),
    ],
)
def test_a_quantity_is_compared_by_value(live: str, desired: Any) -> None:
    assert covers(resources(memory=live), resources(memory=desired))


@pytest.mark.parametrize(
    ("live", "desired"), [("1", "1m"), ("1Gi", "1G"), ("2", "1"), ("x", "y"), ("x", "1")]
)
def test_another_quantity_is_another_value(live: str, desired: str) -> None:
    assert not covers(resources(cpu=live), resources(cpu=desired))


def test_what_only_looks_like_a_quantity_is_compared_as_text() -> None:
    live = {"metadata": {"labels": {"version": "1"}}}
    assert not covers(live, {"metadata": {"labels": {"version": "1000m"}}})
    assert not covers(live, {"metadata": {"labels": {"version": "1.0"}}})


@pytest.mark.parametrize("empty", [None, "", [], {}, {"limits": {}, "requests": None}])
def test_what_is_empty_is_as_good_as_absent(empty: Any) -> None:
    assert covers({"spec": {}}, {"spec": {"field": empty}})


def test_null_leaves_a_field_to_the_server() -> None:
    desired = {"spec": {"terminationGracePeriodSeconds": None}}
    assert covers({"spec": {"terminationGracePeriodSeconds": 30}}, desired)


def test_an_empty_text_is_not_any_text() -> None:
    assert not covers({"value": "x"}, {"value": ""})


@pytest.mark.parametrize(
    ("field", "empty", "default", "other"),
    [
        ("path", "", "/", "/health"),
        ("scheme", "", "HTTP", "HTTPS"),
        ("imagePullPolicy", "", "Always", "Never"),
        ("periodSeconds", 0, 10, 5),
        ("timeoutSeconds", 0, 1, 2),
        ("failureThreshold", 0, 3, 1),
        ("successThreshold", 0, 1, 2),
    ],
)
def test_an_empty_field_is_as_the_server_fills_it_in_and_not_as_somebody_changed_it(
    field: str, empty: Any, default: Any, other: Any
) -> None:
    assert covers({"probe": {field: default}}, {"probe": {field: empty}})
    assert not covers({"probe": {field: other}}, {"probe": {field: empty}})
    assert not covers({"labels": {field: default}}, {"labels": {field: empty}})


@pytest.mark.parametrize(
    "field", ["weight", "maxSurge", "maxUnavailable", "initialDelaySeconds", "runAsUser", "lun"]
)
def test_none_is_not_some_where_the_server_takes_0_as_it_is(field: str) -> None:
    assert not covers({"spec": {field: 1}}, {"spec": {field: 0}})


def test_false_is_dropped_by_the_server_only_where_it_means_nothing() -> None:
    assert covers({"spec": {}}, {"spec": {"hostNetwork": False}})
    assert not covers({"spec": {"hostNetwork": True}}, {"spec": {"hostNetwork": False}})
    assert not covers({"spec": {}}, {"spec": {"automountServiceAccountToken": False}})


def test_no_replicas_are_not_any_number_of_replicas() -> None:
    assert not covers({"spec": {"replicas": 3}}, {"spec": {"replicas": 0}})
    assert not covers({"spec": {}}, {"spec": {"replicas": 0}})
