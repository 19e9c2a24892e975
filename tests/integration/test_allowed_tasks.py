"""Other kinds than a Job that train a model: the chart's policy, real users, and the operator, on a
real API server with definitions in the shape of an Argo Workflow and a Tekton PipelineRun."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import yaml

from serinus.api.task_kinds import TaskKind
from serinus.cluster import Cluster
from serinus.manifests.allowed_task import as_kind
from tests.integration.conftest import ROOT, helm, kubectl, refused, wait_for_crd
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec
from tests.support.task_kinds import ACCOUNT, PIPELINE_RUN, TASK_KINDS, WORKFLOW, ended, task_of

LOOK = 60.0
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
UNRELATED = TaskKind.model_validate(
    {**WORKFLOW.to_json(), "apiVersion": "unserved.example.com/v1", "kind": "Nothing"}
)


def definition(kind: TaskKind) -> Manifest:
    """A CustomResourceDefinition of the kind, whose status is written by its controller alone."""
    group, version = kind.api_version.split("/")
    schema = {"type": "object", "properties": {"spec": ANYTHING, "status": ANYTHING}}
    served = {"name": version, "served": True, "storage": True}
    names = {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [
                {**served, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
            ],
        },
    }


def policy_of(namespace: str) -> str:
    """Of a release that allows these kinds; the binding is for this namespace only, since other
    tests run beside this one."""
    kinds = [each.to_json() for each in (*TASK_KINDS, UNRELATED)]
    chosen = ("--set", "prometheus.url=http://unused,image.repository=unused")
    only = "--show-only=templates/retraining.yaml"
    chart = str(ROOT / "charts" / "serinus")
    there = ("--namespace", namespace, "--set-json", f"taskKinds={json.dumps(kinds)}")
    objects = [
        each
        for each in yaml.safe_load_all(helm("template", "serinus", chart, only, *chosen, *there))
        if each
    ]
    for each in objects:
        if each["kind"] == "ValidatingAdmissionPolicyBinding":
            labels = {"kubernetes.io/metadata.name": namespace}
            each["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": labels}}
    return yaml.safe_dump_all(objects)


@pytest.fixture
def policy(namespace: str) -> Iterator[None]:
    """The policy, in force in the namespace."""
    objects = policy_of(namespace)
    kubectl("apply", "-f", "-", stdin=objects)
    nobody = user(namespace, "nobody", DEPLOYMENTS)
    deadline = time.monotonic() + 30
    while "is refused: user" not in (
        said := applied(namespace, "probe", monitored("v1"), nobody, dry=True)
    ):
        assert time.monotonic() < deadline, f"the policy is not in force: {said}"
        time.sleep(0.1)
    yield
    kubectl("delete", "-f", "-", stdin=objects)


def user(namespace: str, name: str, *rights: str) -> str:
    """A ServiceAccount with these rights, each as resource=verbs, or resource/name=verbs."""
    kubectl("create", "serviceaccount", name, f"-n={namespace}")
    for number, right in enumerate(rights):
        resource, _, verbs = right.partition("=")
        resource, _, one = resource.partition("/")
        named = (f"--resource-name={one}",) if one else ()
        role = f"{name}-{number}"
        words = (f"--verb={verbs}", f"--resource={resource}", f"-n={namespace}", *named)
        kubectl("create", "role", role, *words)
        account = f"--serviceaccount={namespace}:{name}"
        kubectl("create", "rolebinding", role, f"--role={role}", account, f"-n={namespace}")
    return f"system:serviceaccount:{namespace}:{name}"


def monitored(version: str, kind: TaskKind = WORKFLOW, **task: Any) -> dict[str, Any]:
    settings = {"alarms": ["errorRate"], "after": "1m", "cooldown": "1h"}
    retrain = {**settings, "task": task_of(kind, **task)}
    monitoring = {"errorRate": {"limit": "5%"}, "retrain": retrain}
    return spec(version, rollout={"steps": [], "progressDeadline": "2h"}, monitoring=monitoring)


def applied(
    namespace: str, name: str, wanted: dict[str, Any], as_user: str, *, dry: bool = False
) -> str:
    """What the API server says to this user; empty if it takes the object."""
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": wanted,
    }
    words = ["apply", f"-n={namespace}", f"--as={as_user}", "--server-side", "--force-conflicts"]
    path = ROOT / "build" / f"{namespace}.json"
    path.write_text(json.dumps(manifest))
    words += ["-f", str(path), *(["--dry-run=server"] if dry else [])]
    try:
        kubectl(*words)
    except AssertionError as error:
        return str(error)
    finally:
        path.unlink()
    return ""


DEPLOYMENTS = "modeldeployments.serinus.dev=get,create,patch"
WORKFLOWS = "workflows.argoproj.io=create"
TRAINER = f"serviceaccounts/{ACCOUNT}=impersonate"


def test_only_who_may_create_the_kind_and_use_the_account_can_write_it(
    namespace: str, policy: None, kinds: None
) -> None:
    may = user(namespace, "may", DEPLOYMENTS, WORKFLOWS, TRAINER)
    no_kind = user(namespace, "no-kind", DEPLOYMENTS, TRAINER)
    no_account = user(namespace, "no-account", DEPLOYMENTS, WORKFLOWS)
    said = applied(namespace, "fraud", monitored("v1"), no_kind)
    assert f"user {no_kind} may not create workflows.argoproj.io in namespace {namespace}" in said
    said = applied(namespace, "fraud", monitored("v1"), no_account)
    assert f"user {no_account} may not impersonate the ServiceAccount {ACCOUNT} in" in said
    assert applied(namespace, "fraud", monitored("v1"), may) == ""
    said = applied(namespace, "fraud", monitored("v1", serviceAccountName="admin"), may)
    assert "may not impersonate the ServiceAccount admin" in said
    said = applied(namespace, "fraud", monitored("v1", PIPELINE_RUN), may)
    assert f"user {may} may not create pipelineruns.tekton.dev in namespace {namespace}" in said


def test_who_may_not_can_change_everything_else_of_an_object_that_has_one(
    namespace: str, policy: None, kinds: None
) -> None:
    may = user(namespace, "may", DEPLOYMENTS, WORKFLOWS, TRAINER)
    editor = user(namespace, "editor", DEPLOYMENTS)
    assert applied(namespace, "fraud", monitored("v1"), may) == ""
    assert applied(namespace, "fraud", monitored("v2"), editor) == ""
    other = monitored("v2", spec={"workflowTemplateRef": {"name": "another"}})
    assert "is refused: user" in applied(namespace, "fraud", other, editor)
    longer = monitored("v2", timeout="48h")
    assert "is refused: user" in applied(namespace, "fraud", longer, editor)
    assert applied(namespace, "fraud", spec("v3"), editor) == "", "it may be removed"
    assert "is refused: user" in applied(namespace, "fraud", monitored("v3"), editor)


def test_a_spec_has_a_job_or_a_task(namespace: str) -> None:
    wanted = monitored("v1")
    del wanted["monitoring"]["retrain"]["task"]
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud"},
        "spec": wanted,
    }
    path = ROOT / "build" / f"{namespace}.json"
    path.write_text(json.dumps(manifest))
    assert "set exactly one of job and task" in (
        refused("kubectl", "create", f"-n={namespace}", "-f", str(path))
    )
    path.unlink()


@pytest.fixture(scope="module")
def kinds(kubeconfig: Any) -> None:
    """The API server knows both."""
    for each in TASK_KINDS:
        kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definition(each)))
        wait_for_crd(definition(each)["metadata"]["name"], kubeconfig)


@pytest.fixture
async def allowing(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """An operator that may run them."""
    operator = Operator(cluster, namespace)
    operator.task_kinds = (*TASK_KINDS, UNRELATED)
    async with operator:
        yield operator


def runs(status: Manifest) -> list[Manifest]:
    found: list[Manifest] = (status.get("retraining") or {}).get("history") or []
    return found


def waiting(status: Manifest) -> str:
    return str((status.get("retraining") or {}).get("waiting", ""))


async def training(operator: Operator, kind: TaskKind) -> Manifest:
    """What trains."""
    operator.traffic.errors["fraud"] = 0.2
    await operator.apply("fraud", **monitored("v1", kind))
    await operator.until("fraud", healthy("v1"))
    await operator.until("fraud", lambda s: bool(runs(s)), moving=LOOK)
    return await live(operator, kind)


async def live(operator: Operator, kind: TaskKind) -> Manifest:
    status = await operator.until("fraud", lambda s: bool(runs(s)))
    head = {"apiVersion": kind.api_version, "kind": kind.kind}
    place = {"name": runs(status)[0]["job"], "namespace": operator.namespace}
    deadline = time.monotonic() + 30
    while (found := await operator.cluster.find_like({**head, "metadata": place})) is None:
        assert time.monotonic() < deadline
    return found


async def ends(operator: Operator, found: Manifest, status: Manifest) -> None:
    """As its controller says it."""
    kind = next(each for each in TASK_KINDS if each.kind == found["kind"])
    path = as_kind(kind).path(operator.namespace, found["metadata"]["name"], "/status")
    patch = {"status": status}
    await operator.cluster._call(
        "merge", kind.kind, "PATCH", path, patch, content_type="application/merge-patch+json"
    )
    operator.move(LOOK)


@pytest.mark.parametrize("kind", TASK_KINDS)
async def test_it_is_created_under_its_account_and_its_end_is_read(
    allowing: Operator, policy: None, kinds: None, kind: TaskKind
) -> None:
    found = await training(allowing, kind)
    place = found["spec"]
    for key in kind.service_account.split(".")[1:]:
        place = place[key]
    assert place == ACCOUNT
    [reference] = found["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["name"]) == ("ModelDeployment", "fraud")
    cause = json.loads(found["metadata"]["annotations"]["serinus.dev/retraining"])
    assert cause["alarms"][0]["quantity"] == "errorRate"
    await ends(allowing, found, ended(kind, "Succeeded"))
    await allowing.until("fraud", lambda s: runs(s)[0]["outcome"] == "Succeeded", moving=LOOK)
    await allowing.until_announced("RetrainingSucceeded")


async def test_one_that_fails_is_told(allowing: Operator, policy: None, kinds: None) -> None:
    found = await training(allowing, WORKFLOW)
    await ends(allowing, found, ended(WORKFLOW, "Failed", "no data"))
    status = await allowing.until("fraud", lambda s: runs(s)[0]["outcome"] == "Failed")
    assert runs(status)[0]["message"] == (
        f"Workflow {found['metadata']['name']} has failed: no data. Another may start after 1h."
    )
    assert (await allowing.until_announced("RetrainingFailed"))["type"] == "Warning"


async def test_a_kind_that_the_api_server_does_not_have_is_told(
    allowing: Operator, policy: None, kinds: None
) -> None:
    allowing.traffic.errors["fraud"] = 0.2
    task = {**task_of(WORKFLOW), "apiVersion": UNRELATED.api_version, "kind": UNRELATED.kind}
    wanted = monitored("v1")
    wanted["monitoring"]["retrain"]["task"] = task
    await allowing.apply("fraud", **wanted)
    await allowing.until("fraud", healthy("v1"))
    await allowing.until("fraud", lambda s: bool(runs(s)), moving=LOOK)
    status = await allowing.until(
        "fraud", lambda s: runs(s)[0]["outcome"] == "Failed", moving=10 * LOOK
    )
    assert (
        "does not know Nothing in unserved.example.com/v1: install its CRD"
        in (runs(status)[0]["message"])
    )


async def test_without_the_policy_nothing_is_run(allowing: Operator, kinds: None) -> None:
    allowing.traffic.errors["fraud"] = 0.2
    await allowing.apply("fraud", **monitored("v1"))
    await allowing.until("fraud", healthy("v1"))
    status = await allowing.until("fraud", lambda s: bool(waiting(s)))
    assert "Install templates/retraining.yaml of the chart" in waiting(status)
    await allowing.until_announced("RetrainingRefused")
    for _ in range(20):
        allowing.move(LOOK)
    status = (await allowing.get("fraud"))["status"]
    assert runs(status) == []
