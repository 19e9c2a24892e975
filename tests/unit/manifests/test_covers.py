"""What is in effect already is not written again; what is not, is."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.workload import deployment, service

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
DEPLOYMENT = deployment(OWNER, REVISION, 3)
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
        assert not covers(live, desired), path


def test_a_selector_with_a_key_more_selects_other_pods() -> None:
    live = with_defaults(SERVICE)
    live["spec"]["selector"]["zone"] = "a"
    assert not covers(live, SERVICE)


def test_an_item_more_in_a_list_is_not_what_is_wanted() -> None:
    live = with_defaults(DEPLOYMENT)
    live["spec"]["template"]["spec"]["containers"].append({"name": "guest", "image": "g"})
    assert not covers(live, DEPLOYMENT)


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


def test_false_is_dropped_by_the_server_only_where_it_means_nothing() -> None:
    assert covers({"spec": {}}, {"spec": {"hostNetwork": False}})
    assert not covers({"spec": {"hostNetwork": True}}, {"spec": {"hostNetwork": False}})
    assert not covers({"spec": {}}, {"spec": {"automountServiceAccountToken": False}})


def test_no_replicas_are_not_any_number_of_replicas() -> None:
    assert not covers({"spec": {"replicas": 3}}, {"spec": {"replicas": 0}})
    assert not covers({"spec": {}}, {"spec": {"replicas": 0}})
