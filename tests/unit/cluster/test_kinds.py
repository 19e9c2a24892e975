"""Where the API serves what."""

import pytest

from serinus.cluster.kinds import CHILDREN, KINDS


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


def test_children_are_kinds_that_are_known() -> None:
    assert set(CHILDREN) <= set(KINDS)


def test_group_and_version_are_the_parts_of_the_api_version() -> None:
    assert (KINDS["Service"].group, KINDS["Service"].version) == ("", "v1")
    lease = KINDS["Lease"]
    assert (lease.group, lease.version) == ("coordination.k8s.io", "v1")
