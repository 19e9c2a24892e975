"""The Helm chart, rendered by helm itself."""

import json
import re
import subprocess
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import promql_parser
import pytest
import yaml

from serinus import __version__
from serinus.api.initializer import Initializer
from serinus.api.notifications import MOST_ENDPOINTS, Endpoint, Form, NoticeKind
from serinus.api.registry import MOST_REGISTRIES, Registry, RegistryKindName
from serinus.api.task_kinds import MOST_TASK_KINDS, TaskKind
from serinus.controller.__main__ import arguments
from serinus.controller.approval_policy import REFUSAL
from serinus.controller.scope import CLASS_LABEL
from serinus.controller.task_policy import PROBE, TASK_REFUSAL
from serinus.manifests.kinds import KINDS, Kind
from serinus.manifests.routers import ROUTERS
from serinus.manifests.routers.router import Router
from serinus.metrics.labelling import Labelling, matcher
from serinus.page.__main__ import arguments as page_arguments
from serinus.prometheus import Header
from serinus.prometheus import settings as reading
from tests.cluster import parts
from tests.support.documents import fenced
from tests.support.parent_chart import CHART, parent_of_two

ROOT = Path(__file__).parents[2]
GIVEN = {"image.repository": "registry/serinus", "prometheus.url": "https://prometheus:9090"}

Objects = dict[tuple[str, str], dict[str, Any]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = parts.clients() / "helm" / "helm"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def settings(values: dict[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def render(**values: str) -> Objects:
    """Objects of release serinus by (kind, name); dots in names of values are written `__`."""
    chosen = GIVEN | {key.replace("__", "."): value for key, value in values.items()}
    return rendered("serinus", CHART, *settings(chosen))


def rendered(release: str, chart: Path, *more: str) -> Objects:
    done = helm("template", release, str(chart), "--namespace=ops", *more)
    assert done.returncode == 0, done.stderr
    objects = [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(found) == len(objects), "two objects have the same kind and name"
    return found


def operator(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operator's pod spec and its container."""
    pod = objects["Deployment", "serinus"]["spec"]["template"]["spec"]
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
        ({"image.digest": "0f0f"}, "/image/digest"),
        ({"crds.enable": "true"}, "additional properties 'enable' not allowed"),
        ({"fullnameOverride": "My_Name"}, "/fullnameOverride"),
        ({"serviceAccount.create": "false"}, "serviceAccount.name is required"),
        ({r"podLabels.app\.kubernetes\.io/name": "mine"}, "/podLabels"),
        ({"topologySpreadConstraints[0].labelSelector": "mine"}, "'labelSelector' not allowed"),
        ({"extraArgs[0]": "workers=2"}, "/extraArgs/0"),
        ({"resources.limit.memory": "1Gi"}, "additional properties 'limit' not allowed"),
        ({"affinity.nodeAfinity.a": "b"}, "additional properties 'nodeAfinity' not allowed"),
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
    refused = helm("template", "serinus", str(CHART), *settings(GIVEN | values))
    assert refused.returncode != 0
    assert complaint in refused.stderr


def test_every_value_is_described_and_every_described_value_exists() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    described = dict(descriptions(schema))
    assert all(described.values())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    of_parents = {"global", "global.imageRegistry"}
    assert set(described) - of_parents == set(paths(values, schema))


def descriptions(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, str | None]]:
    for name, of in schema.get("properties", {}).items():
        yield f"{at}{name}", of.get("description")
        yield from descriptions(of, f"{at}{name}.")


def paths(values: dict[str, Any], schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """The values of our own; what is within one that Kubernetes defines is not ours to describe."""
    for name, value in values.items():
        yield f"{at}{name}"
        of = schema.get("properties", {}).get(name, {})
        if "properties" in of and of["type"] == "object":
            yield from paths(value, of, f"{at}{name}.")


def test_the_schema_of_each_object_with_known_keys_refuses_others() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    # a parent's own values, and a volume, whose kinds only the API server knows
    assert set(open_objects(schema)) == {"global", "extraVolumes[]"}


def open_objects(schema: dict[str, Any], at: str = "") -> Iterator[str]:
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield at
    for name, of in schema.get("properties", {}).items():
        yield from open_objects(of, f"{at}.{name}".lstrip("."))
    if "items" in schema:
        yield from open_objects(schema["items"], f"{at}[]")


def test_the_pods_meet_the_restricted_pod_security_standard() -> None:
    objects = render()
    test = objects["Pod", "serinus-test"]["spec"]
    for pod, container in (operator(objects), (test, test["containers"][0])):
        restricted(pod, container)


def restricted(pod: dict[str, Any], container: dict[str, Any]) -> None:
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
    objects = render(scope="Namespace", crds__enabled="false")
    assert not [kind for kind, _ in objects if kind.startswith("Cluster")]
    assert {each["metadata"]["namespace"] for each in objects.values()} == {"ops"}
    assert options(objects).namespace == "ops"


def test_over_the_cluster_the_operator_is_bound_to_no_namespace() -> None:
    objects = render()
    assert ("ClusterRoleBinding", "ops-serinus") in objects
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
    spoken_to = {
        (kind.group, kind.plural)
        for kind in KINDS.values()
        if scope == "Cluster" or not kind.in_no_namespace
    }
    assert named == spoken_to | {("serinus.dev", "modeldeployments/status"), ("", "pods/eviction")}


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
    view, edit = (objects["ClusterRole", f"ops-serinus-{name}"] for name in ("view", "edit"))
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


def test_who_may_approve_is_decided_by_a_role_of_its_own_and_a_policy_in_force_everywhere() -> None:
    objects = render()
    verbs = {
        name: {verb for rule in of["rules"] for verb in rule["verbs"]}
        for (kind, name), of in objects.items()
        if kind in ("ClusterRole", "Role")
    }
    assert [name for name, may in verbs.items() if may & {"approve", "*"}] == [
        "ops-serinus-approver"
    ]
    approver = objects["ClusterRole", "ops-serinus-approver"]
    assert not [key for key in approver["metadata"]["labels"] if "aggregate" in key]
    policy = objects["ValidatingAdmissionPolicy", "ops-serinus-approvals"]
    binding = objects["ValidatingAdmissionPolicyBinding", "ops-serinus-approvals"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
    }
    assert REFUSAL in str(policy["spec"]["validations"])


@pytest.mark.parametrize("without", [("--set=scope=Namespace",), ("--kube-version=1.29.0",)])
def test_where_there_can_be_no_policy_there_is_no_role_for_approvers(
    without: tuple[str, ...],
) -> None:
    names = {name for _, name in rendered("serinus", CHART, *settings(GIVEN), *without)}
    assert not names & {"ops-serinus-approvals", "ops-serinus-approver"}


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
    objects = rendered("serinus", CHART, *settings(GIVEN), *sets)
    pod, _ = operator(objects)
    (item,) = pod["volumes"][0]["projected"]["sources"]
    file = Path("/etc/serinus/prometheus", item["secret"]["items"][0]["path"])
    assert item["secret"]["name"] == "tenant"
    without_credentials = dict.fromkeys(("ca_file", "token_file", "username_file", "password_file"))
    assert reading(options(objects)) == {
        **without_credentials,
        "labelling": Labelling(
            "ns",
            "p",
            ("replica", "prometheus"),
            (matcher('cluster="a \\"b\\""'), matcher('env=~"prod|canary"')),
        ),
        "headers": (Header("X-Scope-OrgID", "team a, b"), Header("X-Key", file)),
        "read_offset": 30.0,
    }


def told(*more: str) -> Objects:
    """With the values of docs/notifications.md."""
    page = (ROOT / "docs" / "notifications.md").read_text()
    [values] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    sets = [f"--set-json={key}={json.dumps(of)}" for key, of in yaml.safe_load(values).items()]
    return rendered("serinus", CHART, *settings(GIVEN), *sets, *more)


def test_endpoints_reach_the_operator_with_the_files_of_their_secrets() -> None:
    objects = told()
    pod, container = operator(objects)
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    files = {
        Path(mount["mountPath"], item["path"]): source["secret"]["name"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    chat, audit = options(objects).notify
    assert files == {
        Path(chat.folder, "url"): "serinus-chat",
        Path(audit.folder, "url"): "serinus-audit",
        Path(audit.folder, "signing-key"): "serinus-audit",
    }
    assert (chat.name, chat.form, chat.namespaces) == ("chat", "Slack", ["shop", "fraud"])
    assert (audit.form, len(audit.events), audit.allow_http) == ("CloudEvents", 8, False)
    assert options(objects).dashboard_url == "https://serinus.example.com"
    assert mount["readOnly"]


def test_the_schema_knows_the_forms_and_events_of_the_operator() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["notifications"]
    of = schema["items"]["properties"]
    assert schema["maxItems"] == MOST_ENDPOINTS
    assert tuple(of["form"]["enum"]) == get_args(Form)
    assert tuple(of["events"]["items"]["enum"]) == get_args(NoticeKind)
    fields = set(Endpoint.model_json_schema()["properties"])
    assert set(of) == fields - {"folder"} | {"secret"}


def test_endpoints_need_no_right_and_no_change_of_the_roles() -> None:
    for kind in ("ClusterRole", "Role"):
        names = {key for key in render() if key[0] == kind}
        assert {key: told()[key] for key in names} == {key: render()[key] for key in names}


def test_a_cluster_that_is_upgraded_with_its_former_values_renders() -> None:
    values = ["--set-json=dashboard=null", "--set-json=notifications=null"]
    assert not options(rendered("serinus", CHART, *settings(GIVEN), *values)).notify


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ({"form": "Email"}, "/notifications/0/form"),
        ({"name": "My Chat"}, "/notifications/0/name"),
        ({"secret": ""}, "/notifications/0/secret"),
        ({"events": ["Failed"]}, "/notifications/0/events/0"),
        ({"events": []}, "/notifications/0/events"),
        ({"namespaces": ["*"]}, "/notifications/0/namespaces/0"),
        ({"url": "https://hooks.slack.com/services/T/B/X"}, "'url' not allowed"),
    ],
)
def test_a_wrong_endpoint_is_refused_by_its_name(endpoint: dict[str, Any], complaint: str) -> None:
    valid = {"name": "chat", "form": "Slack", "secret": "serinus-chat"}
    value = f"--set-json=notifications={json.dumps([{**valid, **endpoint}])}"
    refused = helm("template", "serinus", str(CHART), *settings(GIVEN), value)
    assert refused.returncode != 0
    assert complaint in refused.stderr


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ('dashboard.url="serinus.example.com"', "/dashboard/url"),
        ('prometheus.matchers=["cluster=a"]', "/prometheus/matchers/0"),
        ('prometheus.replicaLabels=["a-b"]', "/prometheus/replicaLabels/0"),
        ('prometheus.headers=[{"name":"A"}]', "/prometheus/headers/0"),
        ('prometheus.headers=[{"name":"A","value":"b","secret":{"name":"c","key":"d"}}]', "/0"),
        ('prometheus.podLabel="a b"', "/prometheus/podLabel"),
        ('prometheus.readOffset="soon"', "/prometheus/readOffset"),
    ],
)
def test_a_wrong_way_to_read_series_is_refused_by_its_name(value: str, complaint: str) -> None:
    refused = helm("template", "serinus", str(CHART), *settings(GIVEN), f"--set-json={value}")
    assert refused.returncode != 0
    assert complaint in refused.stderr


def test_the_operator_leads_by_the_lease_that_its_role_is_about() -> None:
    objects = render()
    read = options(objects)
    role = objects["Role", "ops-serinus-leader"]
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
    assert one.release == "ops/serinus"


def test_a_release_for_a_namespace_says_so_to_one_for_the_cluster() -> None:
    lease = render(scope="Namespace", **{"class": "blue"})["Lease", "serinus-blue"]
    assert lease["metadata"]["namespace"] == "ops"
    assert lease["metadata"]["labels"][CLASS_LABEL] == "blue"
    assert CLASS_LABEL not in render()["Lease", "serinus"]["metadata"]["labels"]
    rules = render()["ClusterRole", "ops-serinus"]["rules"]
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
    service = objects["Service", "serinus"]
    _, container = operator(objects)
    labels = objects["Deployment", "serinus"]["spec"]["template"]["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    served = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert service["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(served[port["targetPort"]]),
    }
    assert service["spec"]["selector"].items() <= labels.items()


# what the chart calls things


def test_names_follow_the_release_and_can_be_set() -> None:
    given = settings(GIVEN)
    assert ("Deployment", "prod-serinus") in rendered("prod", CHART, *given)
    assert ("Deployment", "serinus-prod") in rendered("serinus-prod", CHART, *given)
    named = rendered("prod", CHART, *given, "--set=nameOverride=canary")
    assert ("Deployment", "prod-canary") in named
    full = rendered("prod", CHART, *given, "--set=fullnameOverride=canary")
    assert {name for kind, name in full if kind in ("Deployment", "Service")} == {"canary"}


def test_cluster_wide_names_of_two_releases_of_one_name_differ() -> None:
    given = settings(GIVEN | {"crds.enabled": "false"})
    here = helm("template", "serinus", str(CHART), "--namespace=here", *given)
    there = helm("template", "serinus", str(CHART), "--namespace=there", *given)
    one, other = ({*shared(yaml.safe_load_all(done.stdout))} for done in (here, there))
    assert len(one) == len(other) == 10
    # the Lease is what they have in common, and elects one of them
    assert one & other == {("Lease", "serinus")}


def shared(objects: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Objects that are in no namespace, or in one that releases share."""
    for each in objects:
        if each["metadata"].get("namespace") in (None, "kube-system"):
            yield each["kind"], each["metadata"]["name"]


def test_a_parent_can_have_the_chart_twice(tmp_path: Path) -> None:
    parent = parent_of_two(tmp_path)
    objects = rendered("platform", parent)  # asserts that no name is there twice
    deployments = [of for (kind, _), of in objects.items() if kind == "Deployment"]
    services = [of for (kind, _), of in objects.items() if kind == "Service"]
    assert len(deployments) == len(services) == 2
    for service in services:
        led_to = [
            of["metadata"]["name"]
            for of in deployments
            if service["spec"]["selector"].items()
            <= of["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert led_to == [service["metadata"]["name"]]


def test_the_image_can_be_pinned_and_its_registry_be_the_parents(tmp_path: Path) -> None:
    digest = "sha256:" + "0" * 64
    _, pinned = operator(render(image__digest=digest, image__tag="next"))
    assert pinned["image"] == f"registry/serinus@{digest}"
    objects = rendered("platform", parent_of_two(tmp_path))
    images = {
        container["image"]
        for (kind, _), of in objects.items()
        if kind in ("Deployment", "Pod")
        for container in (of["spec"].get("template") or of)["spec"]["containers"]
    }
    assert images == {f"registry.example.com/serinus:{__version__}"}


# the definition


def test_the_release_has_the_definition_and_keeps_it() -> None:
    generated = yaml.safe_load((ROOT / "crds" / "modeldeployments.serinus.dev.yaml").read_text())
    ours = ("CustomResourceDefinition", generated["metadata"]["name"])
    crd = render()[ours]
    assert crd["spec"] == generated["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in render(crds__keep="false")[ours]["metadata"]
    assert ours not in render(crds__enabled="false")


# the pods


def test_the_service_account_can_be_someone_elses() -> None:
    objects = render(serviceAccount__create="false", serviceAccount__name="theirs")
    assert not [kind for kind, _ in objects if kind == "ServiceAccount"]
    assert operator(objects)[0]["serviceAccountName"] == "theirs"
    subjects = [of["subjects"] for (kind, _), of in objects.items() if kind.endswith("RoleBinding")]
    assert len(subjects) == 2
    assert all(each["name"] == "theirs" for (each,) in subjects)


def test_two_replicas_are_spread_and_evicted_one_at_a_time() -> None:
    objects = render()
    pod, _ = operator(objects)
    labels = objects["Deployment", "serinus"]["spec"]["selector"]["matchLabels"]
    assert objects["Deployment", "serinus"]["spec"]["replicas"] == 2
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    budget = objects["PodDisruptionBudget", "serinus"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert spread["labelSelector"] == budget["selector"] == {"matchLabels": labels}
    assert ("PodDisruptionBudget", "serinus") not in render(replicas="1")


def test_what_a_cluster_demands_of_pods_reaches_the_operators() -> None:
    more = {
        "podLabels": {"team": "ml"},
        "priorityClassName": "high",
        "extraArgs": ["--workers=16"],
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
        "extraVolumes": [{"name": "tmp", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "prometheus.caSecret": {"name": "ca", "key": "ca.crt"},
    }
    objects = rendered(
        "serinus",
        CHART,
        *settings(GIVEN),
        *(f"--set-json={key}={json.dumps(value)}" for key, value in more.items()),
    )
    pod, container = operator(objects)
    labels = objects["Deployment", "serinus"]["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "ml"
    assert pod["priorityClassName"] == "high"
    assert options(objects).workers == 16
    assert container["env"] == more["extraEnv"]
    assert [volume["name"] for volume in pod["volumes"]] == ["prometheus", "tmp"]
    assert [mount["name"] for mount in container["volumeMounts"]] == ["prometheus", "tmp"]


# what is there only if it is wanted

WANTED = {"NetworkPolicy", "ServiceMonitor", "PrometheusRule", "ConfigMap"}


def test_what_needs_other_software_is_off() -> None:
    assert not {kind for kind, _ in render()} & WANTED


def everything_wanted() -> Objects:
    names = ("networkPolicy", "serviceMonitor", "prometheusRule", "grafanaDashboard")
    objects = render(**{f"{name}__enabled": "true" for name in names})
    assert {kind for kind, _ in objects} >= WANTED
    return objects


def test_a_monitor_reads_the_operators_service_with_the_labels_that_select_it() -> None:
    objects = render(serviceMonitor__enabled="true", serviceMonitor__labels__release="stack")
    monitor, service = objects["ServiceMonitor", "serinus"], objects["Service", "serinus"]
    assert monitor["metadata"]["labels"]["release"] == "stack"
    selected = monitor["spec"]["selector"]["matchLabels"]
    assert selected.items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_a_policy_lets_the_test_of_helm_through() -> None:
    peers = '[{"namespaceSelector":{"matchLabels":{"name":"monitoring"}}}]'
    objects = rendered(
        "serinus",
        CHART,
        *settings(GIVEN | {"networkPolicy.enabled": "true"}),
        f"--set-json=networkPolicy.from={peers}",
    )
    policy = objects["NetworkPolicy", "serinus"]["spec"]
    labels = objects["Deployment", "serinus"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress"]
    ((theirs, test),) = (rule["from"] for rule in policy["ingress"])
    assert [theirs] == json.loads(peers)
    pod = objects["Pod", "serinus-test"]["metadata"]["labels"]
    assert test["podSelector"]["matchLabels"].items() <= pod.items()
    service = objects["Service", "serinus"]["spec"]["selector"]
    assert not service.items() <= pod.items(), "the Service leads to the test"


def test_the_dashboard_reads_only_metrics_that_the_operator_exports() -> None:
    written = everything_wanted()["ConfigMap", "serinus-dashboard"]["data"]["serinus.json"]
    panels = json.loads(written)["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(expressions) > 5
    # a unit test of the metrics keeps this page complete
    page = (ROOT / "docs" / "operator.md").read_text()
    exported = set(re.findall(r"^\| `(serinus_\w+)`", page, re.MULTILINE))
    for expression in expressions:
        promql_parser.parse(expression.replace("$__rate_interval", "5m"))
        read = set(re.findall(r"\bserinus_[a-z_]+", expression))
        assert read
        assert {name.removesuffix("_bucket") for name in read} <= exported


# the web page


def page(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """The page's pod spec and its container."""
    pod = objects["Deployment", "serinus-page"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def test_the_page_is_there_only_if_it_is_wanted() -> None:
    assert not [name for _, name in render() if "page" in name]


@pytest.mark.parametrize("scope", ["Cluster", "Namespace"])
def test_the_page_may_read_modeldeployments_and_nothing_else(scope: str) -> None:
    objects = render(dashboard__enabled="true", scope=scope)
    pod, container = page(objects)
    restricted(pod, container)
    bound = [
        each
        for (kind, _), each in objects.items()
        if kind.endswith("RoleBinding")
        if pod["serviceAccountName"] in [subject["name"] for subject in each["subjects"]]
    ]
    (binding,) = bound
    assert binding["kind"].startswith("Cluster") == (scope == "Cluster")
    role = objects[binding["roleRef"]["kind"], binding["roleRef"]["name"]]
    assert role["rules"] == [
        {
            "apiGroups": ["serinus.dev"],
            "resources": ["modeldeployments"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    assert container["command"][-2:] == ["-m", "serinus.page"]
    read = page_arguments().parse_args(container["args"])
    assert (read.namespace, read.port) == ("" if scope == "Cluster" else "ops", 8080)
    assert container["image"] == operator(objects)[1]["image"]


def test_the_services_lead_to_the_operator_and_to_the_page_and_not_to_each_others_pods() -> None:
    objects = render(dashboard__enabled="true", networkPolicy__enabled="true")
    for name, other in (("serinus", "serinus-page"), ("serinus-page", "serinus")):
        chosen = objects["Service", name]["spec"]["selector"]
        policy = objects["NetworkPolicy", name]["spec"]["podSelector"]["matchLabels"]
        own, others = (
            objects["Deployment", each]["spec"]["template"]["metadata"]["labels"]
            for each in (name, other)
        )
        assert chosen == policy
        assert chosen.items() <= own.items()
        assert not chosen.items() <= others.items()


def test_the_page_of_a_long_name_has_a_name_that_a_service_may_have() -> None:
    objects = render(dashboard__enabled="true", fullnameOverride="a" * 63)
    services = {name for kind, name in objects if kind == "Service"}
    assert services == {"a" * 63, "a" * 58 + "-page"}


def test_the_rule_has_the_alerts_of_the_file_as_they_are() -> None:
    spec = everything_wanted()["PrometheusRule", "serinus"]["spec"]
    assert spec == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert spec["groups"]


def test_alerts_lead_to_the_runbook_where_users_read_it() -> None:
    page = "https://docs.example.com/serinus/runbook/"
    objects = render(prometheusRule__enabled="true", prometheusRule__runbookURL=page)
    groups = objects["PrometheusRule", "serinus"]["spec"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["annotations"]["runbook_url"] == f"{page}#{rule['alert'].lower()}"


# what downloads models


def test_without_an_image_nothing_downloads_models() -> None:
    assert options(render()).storage_initializer is None


def test_the_operator_reads_what_the_chart_says_of_the_initializer() -> None:
    found = options(
        render(
            storage__initializer__image="registry/initializer:1",
            storage__initializer__resources__limits__cpu="2",
            storage__initializer__sizeLimit="20Gi",
            **{
                "storage__initializer__env[0]__name": "HTTPS_PROXY",
                "storage__initializer__env[0]__value": "http://proxy:3128",
            },
        )
    ).storage_initializer
    assert found == Initializer.model_validate(
        {
            "image": "registry/initializer:1",
            "imagePullPolicy": "IfNotPresent",
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "2", "memory": "1Gi"},
            },
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
            "sizeLimit": "20Gi",
        }
    )


@pytest.mark.parametrize(
    "value", ["sizeLimit=much", "secretName=bucket", "env[0].valueFrom=x", "imagePullPolicy=Often"]
)
def test_the_chart_refuses_what_an_initializer_cannot_have(value: str) -> None:
    given = settings({**GIVEN, "storage.initializer.image": "i:1"})
    done = helm("template", "serinus", str(CHART), *given, "--set", f"storage.initializer.{value}")
    assert done.returncode != 0 and "initializer" in done.stderr, done.stderr


def following(*more: str) -> Objects:
    """With the values of docs/registry.md."""
    text = (ROOT / "docs" / "registry.md").read_text()
    values = next(each for each in fenced(text, "yaml") if each.startswith("# values"))
    sets = [f"--set-json={key}={json.dumps(of)}" for key, of in yaml.safe_load(values).items()]
    return rendered("serinus", CHART, *settings(GIVEN), *sets, *more)


def test_registries_reach_the_operator_with_the_files_of_their_secrets() -> None:
    objects = following()
    pod, container = operator(objects)
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    company, images = options(objects).registry
    assert volume["secret"] == {"secretName": "serinus-mlflow"}
    assert (mount["name"], mount["mountPath"]) == (volume["name"], company.folder)
    assert mount["readOnly"]
    assert (company.kind, company.namespaces, company.webhook) == (
        "MLflow",
        ["shop", "fraud"],
        True,
    )
    assert (images.kind, images.folder, images.interval) == ("OCI", "", "5m")


def test_a_registry_with_webhooks_opens_a_port_to_its_peers() -> None:
    peers = '[{"podSelector":{"matchLabels":{"app":"mlflow"}}}]'
    policy = [
        *(
            "--set-json=networkPolicy.enabled=true",
            f"--set-json=networkPolicy.webhooksFrom={peers}",
        ),
    ]
    objects = following(*policy)
    _, container = operator(objects)
    assert {"name": "registries", "containerPort": 8081} in container["ports"]
    ports = objects["Service", "serinus"]["spec"]["ports"]
    assert {"name": "registries", "port": 8081, "targetPort": "registries"} in ports
    ingress = objects["NetworkPolicy", "serinus"]["spec"]["ingress"]
    assert {"ports": [{"port": "registries"}], "from": json.loads(peers)} in ingress
    without = rendered("serinus", CHART, *settings(GIVEN), *policy)
    assert "registries" not in json.dumps(list(without.values()))


def test_the_schema_knows_the_fields_of_a_registry() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["registries"]
    of = schema["items"]["properties"]
    assert schema["maxItems"] == MOST_REGISTRIES
    assert tuple(of["kind"]["enum"]) == get_args(RegistryKindName)
    fields = Registry.model_json_schema()["properties"]
    assert set(of) == set(fields) - {"folder"} | {"secret"}
    for name in ("name", "url", "tokenUrl"):
        assert of[name]["pattern"] == fields[name]["pattern"]


def task_kinds() -> list[dict[str, Any]]:
    """Of docs/retraining.md."""
    text = (ROOT / "docs" / "retraining.md").read_text()
    (found,) = [yaml.safe_load(each) for each in fenced(text, "yaml") if "taskKinds" in each]
    kinds: list[dict[str, Any]] = found["taskKinds"]
    return kinds


def test_kinds_that_may_be_run_reach_the_operator_with_rights_for_these_alone() -> None:
    kinds = task_kinds()
    objects = rendered(
        "serinus", CHART, *settings(GIVEN), f"--set-json=taskKinds={json.dumps(kinds)}"
    )
    assert options(objects).task_kind == [TaskKind.model_validate(each) for each in kinds]
    (role,) = [each for each in operator_roles(objects) if each["kind"] == "ClusterRole"]
    before = [each for each in operator_roles(render()) if each["kind"] == "ClusterRole"]
    more = [each for each in role["rules"] if each not in before[0]["rules"]]
    assert more == [
        {
            "apiGroups": [each["apiVersion"].split("/")[0]],
            "resources": [each["plural"]],
            "verbs": ["create", "delete", "get"],
        }
        for each in kinds
    ]
    policy = json.dumps(objects["ValidatingAdmissionPolicy", "ops-serinus-retraining"])
    assert TASK_REFUSAL in policy
    for each in kinds:
        assert f"{PROBE}{each['apiVersion']}/{each['kind']}" in policy
    binding = objects["ValidatingAdmissionPolicyBinding", "ops-serinus-retraining"]
    assert binding["spec"]["validationActions"] == ["Deny"]


def test_no_policy_for_kinds_without_any_and_for_a_namespace_alone() -> None:
    kinds = json.dumps(task_kinds())
    chosen = [*settings(GIVEN), "--set=scope=Namespace", f"--set-json=taskKinds={kinds}"]
    alone = rendered("serinus", CHART, *chosen)
    for objects in (render(), alone):
        assert ("ValidatingAdmissionPolicy", "ops-serinus-retraining") not in objects


def test_the_schema_knows_the_fields_of_a_kind_that_may_be_run() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["taskKinds"]
    assert schema["maxItems"] == MOST_TASK_KINDS
    fields = {field.alias or name: field for name, field in TaskKind.model_fields.items()}
    assert set(schema["items"]["properties"]) == set(fields)
    assert set(schema["items"]["required"]) == {k for k, f in fields.items() if f.is_required()}


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ({"apiVersion": "batch/v1"}, "/taskKinds/0/apiVersion"),
        ({"serviceAccount": "metadata.name"}, "/taskKinds/0/serviceAccount"),
        ({"succeeded": {"path": "status.phase"}}, "/taskKinds/0/succeeded"),
        ({"failed": {"path": "status[0]..x", "values": ["a"]}}, "/taskKinds/0/failed/path"),
    ],
)
def test_a_wrong_kind_is_refused_by_its_field(kind: dict[str, Any], complaint: str) -> None:
    value = f"--set-json=taskKinds={json.dumps([{**task_kinds()[0], **kind}])}"
    done = helm("template", "serinus", str(CHART), *settings(GIVEN), value)
    assert done.returncode != 0
    assert complaint in done.stderr.replace("taskKinds.0.", "/taskKinds/0/")


def test_a_cluster_that_is_upgraded_without_registries_renders() -> None:
    values = ["--set-json=registries=null", "--set-json=networkPolicy.webhooksFrom=null"]
    assert not options(rendered("serinus", CHART, *settings(GIVEN), *values)).registry


@pytest.mark.parametrize(
    ("registry", "complaint"),
    [
        ({"kind": "SageMaker"}, "/registries/0/kind"),
        ({"url": "https://user:secret@mlflow"}, "/registries/0/url"),
        ({"namespaces": []}, "/registries/0/namespaces"),
        ({"webhook": True}, "secret"),
        ({"folder": "/etc"}, "'folder' not allowed"),
    ],
)
def test_a_wrong_registry_is_refused_by_its_name(registry: dict[str, Any], complaint: str) -> None:
    valid = {"name": "a", "kind": "MLflow", "url": "https://mlflow", "namespaces": ["shop"]}
    value = f"--set-json=registries={json.dumps([{**valid, **registry}])}"
    refused = helm("template", "serinus", str(CHART), *settings(GIVEN), value)
    assert refused.returncode != 0
    assert complaint in refused.stderr
