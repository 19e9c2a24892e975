"""The Helm chart, rendered by helm itself."""

import json
import subprocess
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus import __version__
from serinus.cluster import KINDS
from serinus.controller.__main__ import arguments
from serinus.controller.scope import CLASS_LABEL
from serinus.manifests.kinds import Kind
from serinus.manifests.routers import ROUTERS
from serinus.manifests.routers.router import Router
from serinus.metrics.labelling import Labelling, matcher
from serinus.prometheus import Header
from serinus.prometheus import settings as reading
from tests.cluster import parts

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "serinus"
GIVEN = {"image.repository": "registry/serinus", "prometheus.url": "https://prometheus:9090"}

Objects = dict[tuple[str, str], dict[str, Any]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = parts.clients() / "helm" / "helm"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def settings(values: dict[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def render(**values: str) -> Objects:
    """Objects of a release by (kind, name); dots in names of values are written `__`."""
    chosen = GIVEN | {key.replace("__", "."): value for key, value in values.items()}
    rendered = helm("template", "canary", str(CHART), "--namespace=ops", *settings(chosen))
    assert rendered.returncode == 0, rendered.stderr
    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def operator(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operator's pod spec and its container."""
    pod = objects["Deployment", "canary"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def options(objects: Objects) -> Namespace:
    """How the operator itself reads the arguments that the chart gives it."""
    _, container = operator(objects)
    return arguments().parse_args(container["args"])


def operator_roles(objects: Objects) -> list[dict[str, Any]]:
    """Roles that the operator is bound to; others are there for people."""
    bound = {
        (each["roleRef"]["kind"], each["roleRef"]["name"])
        for (kind, _), each in objects.items()
        if kind.endswith("RoleBinding")
    }
    return [objects[role] for role in bound]


def test_lint_finds_nothing() -> None:
    linted = helm("lint", "--strict", str(CHART), *settings(GIVEN))
    assert linted.returncode == 0, linted.stdout
    assert "WARN" not in linted.stdout


def test_the_chart_has_the_version_of_the_operator() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
    _, container = operator(render())
    assert container["image"] == f"registry/serinus:{__version__}"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"prometheus.url": ""}, "prometheus.url is required: the address of the Prometheus"),
        ({"image.repository": ""}, "image.repository is required: build the image"),
        ({"prometheus.url": "prometheus:9090"}, "/prometheus/url"),
        ({"prometheus.url": "http://user:secret@prometheus"}, "/prometheus/url"),
        ({"prometheus.user": "me"}, "additional properties 'user' not allowed"),
        ({"replica": "2"}, "additional properties 'replica' not allowed"),
        ({"replicas": "two"}, "/replicas"),
        ({"scope": "namespace"}, "/scope"),
        ({"class": "My Class"}, "/class"),
        ({"leaseNamespace": ""}, "/leaseNamespace"),
        ({"logFormat": "xml"}, "/logFormat"),
        ({"image.pullPolicy": "Sometimes"}, "/image/pullPolicy"),
        ({"image.tag": "a tag"}, "/image/tag"),
        (
            {"prometheus.bearerTokenSecret.name": "a", "prometheus.basicAuthSecret.name": "b"},
            "/prometheus/basicAuthSecret/name",
        ),
        (
            {"prometheus.caSecret.name": "ca", "prometheus.url": "http://prometheus"},
            "/prometheus/caSecret/name",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, str], complaint: str) -> None:
    rendered = helm("template", "canary", str(CHART), *settings(GIVEN | values))
    assert rendered.returncode != 0
    assert complaint in rendered.stderr


def test_every_value_is_described_and_every_described_value_exists() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    described = dict(descriptions(schema))
    del described["global"]
    assert all(described.values())
    assert set(described) == set(paths(yaml.safe_load((CHART / "values.yaml").read_text())))


def descriptions(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, str | None]]:
    for name, of in schema.get("properties", {}).items():
        yield f"{at}{name}", of.get("description")
        yield from descriptions(of, f"{at}{name}.")


def paths(values: dict[str, Any], at: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{at}{name}"
        if isinstance(value, dict) and f"{at}{name}" != "resources":
            yield from paths(value, f"{at}{name}.")


def test_the_pod_meets_the_restricted_pod_security_standard() -> None:
    pod, container = operator(render())
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_in_its_own_namespace_the_operator_has_no_right_beyond_it() -> None:
    objects = render(scope="Namespace")
    assert not [kind for kind, _ in objects if kind.startswith("Cluster")]
    assert {each["metadata"]["namespace"] for each in objects.values()} == {"ops"}
    assert options(objects).namespace == "ops"


def test_over_the_cluster_the_operator_is_bound_to_no_namespace() -> None:
    objects = render()
    assert ("ClusterRoleBinding", "canary") in objects
    assert options(objects).namespace is None


@pytest.mark.parametrize("scope", ["Cluster", "Namespace"])
def test_the_operator_can_read_no_secret_and_write_no_spec(scope: str) -> None:
    roles = operator_roles(render(scope=scope))
    rules = [rule for role in roles for rule in role["rules"]]
    words = {word for rule in rules for words in rule.values() for word in words}
    assert not words & {"*", "secrets", "serviceaccounts", "impersonate", "escalate", "bind"}
    (of_ours,) = [rule for rule in rules if rule["resources"] == ["modeldeployments"]]
    assert set(of_ours["verbs"]) == {"get", "list", "watch"}


@pytest.mark.parametrize("scope", ["Cluster", "Namespace"])
def test_the_roles_are_about_the_kinds_that_the_operator_speaks_to_and_no_other(scope: str) -> None:
    roles = operator_roles(render(scope=scope))
    named = {
        (group, resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    spoken_to = {(kind.group, kind.plural) for kind in KINDS.values()}
    assert named == spoken_to | {("serinus.dev", "modeldeployments/status")}


@pytest.mark.parametrize("scope", ["Cluster", "Namespace"])
@pytest.mark.parametrize("router", ROUTERS)
def test_the_operator_may_write_what_a_router_writes_and_only_read_what_it_needs(
    router: type[Router], scope: str
) -> None:
    roles = operator_roles(render(scope=scope))
    rules = [rule for role in roles for rule in role["rules"]]
    for kind in router.kinds:
        assert verbs(rules, kind) == {"get", "list", "watch", "create", "patch", "delete"}
    for kind in router.needed_kinds:
        assert verbs(rules, kind) == {"list", "watch"}


def verbs(rules: list[dict[str, Any]], kind: Kind) -> set[str]:
    return {
        verb
        for rule in rules
        if kind.group in rule["apiGroups"] and kind.plural in rule["resources"]
        for verb in rule["verbs"]
    }


def test_people_read_by_the_role_view_and_write_by_edit_and_nobody_writes_a_status() -> None:
    objects = render()
    view, edit = (objects["ClusterRole", f"canary-{name}"] for name in ("view", "edit"))
    to = "rbac.authorization.k8s.io/aggregate-to"
    assert {key for key in view["metadata"]["labels"] if key.startswith(to)} == {f"{to}-view"}
    assert {key for key in edit["metadata"]["labels"] if key.startswith(to)} == {
        f"{to}-edit",
        f"{to}-admin",
    }
    written = {
        resource
        for role in (view, edit)
        for rule in role["rules"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
        for resource in rule["resources"]
    }
    assert written == {"modeldeployments", "modeldeployments/scale"}


def test_secrets_reach_the_operator_as_files_that_its_flags_name() -> None:
    objects = render(
        prometheus__caSecret__name="authorities",
        prometheus__basicAuthSecret__name="login",
        prometheus__basicAuthSecret__passwordKey="pass",
    )
    pod, container = operator(objects)
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    files = {
        Path(mount["mountPath"], item["path"]): (source["secret"]["name"], item["key"])
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    read = options(objects)
    assert files == {
        read.prometheus_ca_file: ("authorities", "ca.crt"),
        read.prometheus_username_file: ("login", "username"),
        read.prometheus_password_file: ("login", "pass"),
    }
    assert read.prometheus_token_file is None


def test_how_series_are_read_reaches_the_operator_as_it_was_given() -> None:
    """Lists of values by --set-json, as a values file has them."""
    headers = [
        {"name": "X-Scope-OrgID", "value": "team a, b"},
        {"name": "X-Key", "secret": {"name": "tenant", "key": "id"}},
    ]
    prometheus = {
        "namespaceLabel": "ns",
        "podLabel": "p",
        "replicaLabels": ["replica", "prometheus"],
        "matchers": ['cluster="a \\"b\\""', 'env=~"prod|canary"'],
        "headers": headers,
        "readOffset": "30s",
    }
    sets = [f"--set-json=prometheus.{key}={json.dumps(of)}" for key, of in prometheus.items()]
    rendered = helm("template", "canary", str(CHART), *settings(GIVEN), *sets)
    assert rendered.returncode == 0, rendered.stderr
    objects = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(rendered.stdout)}
    pod, _ = operator(objects)
    (item,) = pod["volumes"][0]["projected"]["sources"]
    file = Path("/etc/serinus/prometheus", item["secret"]["items"][0]["path"])
    assert item["secret"]["name"] == "tenant"
    assert reading(options(objects)) == {
        "labelling": Labelling(
            "ns",
            "p",
            ("replica", "prometheus"),
            (matcher('cluster="a \\"b\\""'), matcher('env=~"prod|canary"')),
        ),
        "headers": (Header("X-Scope-OrgID", "team a, b"), Header("X-Key", file)),
        "read_offset": 30.0,
    }


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ('prometheus.matchers=["cluster=a"]', "/prometheus/matchers/0"),
        ('prometheus.replicaLabels=["a-b"]', "/prometheus/replicaLabels/0"),
        ('prometheus.headers=[{"name":"A"}]', "/prometheus/headers/0"),
        ('prometheus.headers=[{"name":"A","value":"b","secret":{"name":"c","key":"d"}}]', "/0"),
        ('prometheus.podLabel="a b"', "/prometheus/podLabel"),
        ('prometheus.readOffset="soon"', "/prometheus/readOffset"),
    ],
)
def test_a_wrong_way_to_read_series_is_refused_by_its_name(value: str, complaint: str) -> None:
    rendered = helm("template", "canary", str(CHART), *settings(GIVEN), f"--set-json={value}")
    assert rendered.returncode != 0
    assert complaint in rendered.stderr


def test_the_operator_leads_by_the_lease_that_its_role_is_about() -> None:
    objects = render()
    read = options(objects)
    role = objects["Role", "ops-canary-leader"]
    assert role["metadata"]["namespace"] == read.lease_namespace == "kube-system"
    (about_one,) = [rule for rule in role["rules"] if "resourceNames" in rule]
    assert about_one["resourceNames"] == [read.lease_name]


def test_the_lease_goes_with_the_release() -> None:
    objects = render()
    read = options(objects)
    lease = objects["Lease", read.lease_name]
    assert lease["metadata"]["namespace"] == read.lease_namespace
    assert "spec" not in lease  # it is the operator's; an upgrade must not write it


def test_releases_that_act_on_the_same_objects_contend_for_one_lease() -> None:
    one, other = (options(render(**{"class": name})) for name in ("default", "blue"))
    assert (one.class_name, one.lease_namespace, one.lease_name) == (
        "default",
        "kube-system",
        "serinus",
    )
    assert (other.class_name, other.lease_name) == ("blue", "serinus-blue")
    assert one.release == "ops/canary"


def test_a_release_for_a_namespace_says_so_to_one_for_the_cluster() -> None:
    lease = render(scope="Namespace", **{"class": "blue"})["Lease", "serinus-blue"]
    assert lease["metadata"]["namespace"] == "ops"
    assert lease["metadata"]["labels"][CLASS_LABEL] == "blue"
    assert CLASS_LABEL not in render()["Lease", "serinus"]["metadata"]["labels"]
    rules = render()["ClusterRole", "canary"]["rules"]
    assert {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["list"],
    } in rules


def test_without_secrets_nothing_is_mounted() -> None:
    pod, container = operator(render())
    assert "volumes" not in pod
    assert "volumeMounts" not in container


def test_the_service_leads_prometheus_to_the_operators_metrics() -> None:
    objects = render()
    service = objects["Service", "canary"]
    _, container = operator(objects)
    labels = objects["Deployment", "canary"]["spec"]["template"]["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    served = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert service["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(served[port["targetPort"]]),
    }
    assert service["spec"]["selector"].items() <= labels.items()
