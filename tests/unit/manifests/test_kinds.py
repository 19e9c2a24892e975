"""Where the API serves what."""

import pytest

from serinus.manifests.kinds import CHILDREN, KINDS, TRAFFIC, WATCHED, Kind, Purpose
from serinus.manifests.routers import ROUTERS
from serinus.manifests.routers.router import Router
from serinus.manifests.workloads import WORKLOADS


@pytest.mark.parametrize(
    ("kind", "where", "path"),
    [
        ("Service", ("shop", "fraud"), "/api/v1/namespaces/shop/services/fraud"),
        ("Pod", ("shop",), "/api/v1/namespaces/shop/pods"),
        ("Deployment", (), "/apis/apps/v1/deployments"),
        (
            "ModelDeployment",
            ("shop", "fraud", "/status"),
            "/apis/serinus.dev/v1alpha1/namespaces/shop/modeldeployments/fraud/status",
        ),
        (
            "HTTPRoute",
            ("shop", "fraud"),
            "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/fraud",
        ),
    ],
)
def test_the_core_group_has_a_root_of_its_own(kind: str, where: tuple[str, ...], path: str) -> None:
    assert KINDS[kind].path(*where) == path


def test_what_leads_traffic_to_pods_is_what_routers_write() -> None:
    assert {*TRAFFIC} == {kind.name for router in ROUTERS for kind in router.kinds}


def test_what_runs_pods_is_what_workloads_are() -> None:
    assert {n for n in CHILDREN if KINDS[n].purpose is Purpose.PODS} == {*WORKLOADS}
    for name, workload in WORKLOADS.items():
        assert KINDS[name] == workload.kind


@pytest.mark.parametrize("kind", [KINDS[name] for name in CHILDREN], ids=lambda kind: kind.name)
def test_a_child_is_watched_where_it_is_ours_and_may_be_made_and_deleted(kind: Kind) -> None:
    assert kind.selector == "app.kubernetes.io/managed-by=serinus"
    assert {"get", "list", "watch", "create", "delete"} <= {*kind.verbs}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_is_watched_may_be_listed_and_watched(kind: Kind) -> None:
    watched = {"list", "watch"} <= {*kind.verbs}
    assert watched == (kind.name in WATCHED)


@pytest.mark.parametrize("router", ROUTERS)
def test_what_a_router_writes_is_watched_where_it_is_ours_and_what_it_needs_everywhere(
    router: type[Router],
) -> None:
    for kind in router.kinds:
        assert WATCHED[kind.name] == "app.kubernetes.io/managed-by=serinus"
    for kind in router.needed_kinds:
        assert WATCHED[kind.name] == ""
        assert kind.name not in CHILDREN
    for kind in (*router.kinds, *router.needed_kinds):
        assert KINDS[kind.name] == kind


def test_group_and_version_are_the_parts_of_the_api_version() -> None:
    assert (KINDS["Service"].group, KINDS["Service"].version) == ("", "v1")
    lease = KINDS["Lease"]
    assert (lease.group, lease.version) == ("coordination.k8s.io", "v1")
