"""Steps that must be approved: the chart's policy, real users, and the operator, on a real API
server."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cluster import Cluster
from tests.integration.conftest import ROOT, helm, kubectl, refused, serinus
from tests.integration.inprocess import Manifest, Operator
from tests.integration.test_rollouts import ERRORS, PATIENT, healthy, spec

GATE: dict[str, Any] = {"approval": {}}
STEPS = [{"setWeight": 20}, GATE, {"setWeight": 50}]
CHART = str(ROOT / "charts" / "serinus")
VALUES = ("--set=image.repository=any", "--set=prometheus.url=http://127.0.0.1:9")


def gated(version: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    rollout = {"steps": list(steps or STEPS), "analysis": ERRORS, **PATIENT}
    return spec(version, rollout=rollout, **more)


def policy_of(namespace: str) -> str:
    """What the chart installs for approvals; the binding is for this namespace only, since other
    tests run beside this one."""
    template = ("template", "any", CHART, "--show-only=templates/approvals.yaml", *VALUES)
    objects = [each for each in yaml.safe_load_all(helm(*template, f"-n={namespace}")) if each]
    for each in objects:
        if each["kind"] == "ValidatingAdmissionPolicyBinding":
            only = {"kubernetes.io/metadata.name": namespace}
            each["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": only}}
    return yaml.safe_dump_all(objects)


@pytest.fixture
def policy(namespace: str, people: dict[str, str]) -> Iterator[str]:
    """The policy, in force in the namespace; the name of the role that grants the verb."""
    objects = policy_of(namespace)
    kubectl("apply", "-f", "-", stdin=objects)
    until_in_force(namespace, people["editor"])
    yield f"{namespace}-any-serinus-approver"
    kubectl("delete", "-f", "-", stdin=objects)


def until_in_force(namespace: str, editor: str) -> None:
    """The API server reads a new policy within a second or so."""
    probe = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "probe", "annotations": {"serinus.dev/command": "approve/a/1/1/b"}},
        "spec": spec("v1"),
    }
    dry = ("create", "--dry-run=server", f"-n={namespace}", f"--as={editor}", "-f", "-")
    deadline = time.monotonic() + 30
    while True:
        try:
            kubectl(*dry, stdin=json.dumps(probe))
        except AssertionError as error:
            if "does not have the RBAC verb approve" in str(error):
                return
        assert time.monotonic() < deadline, "the policy is not in force"
        time.sleep(0.1)


@pytest.fixture
def people(namespace: str) -> dict[str, str]:
    """User names by role: an editor, and an approver once the role is bound."""
    there = f"--namespace={namespace}"
    for name in ("editor", "approver"):
        kubectl("create", "serviceaccount", name, there)
    verbs = "--verb=get,list,watch,create,update,patch,delete"
    kubectl("create", "role", "editor", verbs, "--resource=modeldeployments.serinus.dev", there)
    bind(namespace, "editor", "--role=editor")
    return {name: f"system:serviceaccount:{namespace}:{name}" for name in ("editor", "approver")}


def bind(namespace: str, name: str, role: str) -> None:
    account = f"--serviceaccount={namespace}:{name}"
    kubectl("create", "rolebinding", f"{name}-binding", role, account, f"-n={namespace}")


@pytest.fixture
def approver(namespace: str, policy: str, people: dict[str, str]) -> str:
    """Who has the chart's role for approvers."""
    bind(namespace, "approver", f"--clusterrole={policy}")
    return people["approver"]


def as_account(
    environment: dict[str, str], namespace: str, account: str, folder: Path
) -> dict[str, str]:
    """The environment of a service account, by a token of its own."""
    token = kubectl("create", "token", account, f"-n={namespace}").stdout
    raw = kubectl("config", "view", "--raw", "-o", "json").stdout
    config = json.loads(raw)
    for user in config["users"]:
        user["user"] = {"token": token}
    path = folder / f"{account}.json"
    path.write_text(json.dumps(config))
    return {**environment, "KUBECONFIG": str(path)}


async def waits(operator: Operator, name: str = "fraud", *steps: dict[str, Any]) -> str:
    """A candidate that waits to be approved; its revision."""
    await operator.apply(name, **gated("v1", *steps))
    await operator.until(name, healthy("v1"))
    await operator.apply(name, **gated("v2", *steps))
    status = await operator.until(name, awaits_approval, moving=5)
    return str(status["candidate"]["revision"])


def awaits_approval(status: Manifest) -> bool:
    return bool(status["candidate"]["hold"]["reason"] == "AwaitingApproval")


def rolled_out(version: str) -> Callable[[Manifest], bool]:
    """As the candidate, or as stable without one."""
    return lambda s: bool(s.get("candidate", s["stable"])["version"] == version)


def refused_command(status: Manifest) -> bool:
    return bool(status["decisions"][0]["reason"] == "CommandRefused")


async def test_an_approver_passes_the_gate_and_the_status_says_who(
    operator: Operator,
    environment: dict[str, str],
    namespace: str,
    approver: str,
    tmp_path: Path,
) -> None:
    candidate = await waits(operator)
    await operator.until("fraud", lambda s: s["phase"] == "Paused", moving=3600)
    assert (await operator.split("fraud"))[f"fraud-{candidate}"] == 20
    there = ("fraud", "-n", namespace)
    editor = as_account(environment, namespace, "editor", tmp_path)
    me = as_account(environment, namespace, "approver", tmp_path)

    code, _, err = await serinus(editor, "approve", *there)
    assert code == 2
    assert "does not have the RBAC verb approve on modeldeployments.serinus.dev fraud" in err
    assert f"which the ClusterRole {namespace}-any-serinus-approver grants" in err
    for verb in ("advance", "promote"):
        code, _, err = await serinus(me, verb, *there)
        assert code == 1
        assert "use serinus approve fraud, which needs the RBAC verb approve" in err
    code, out, _ = await serinus(environment, "explain", *there)
    assert f"serinus approve fraud --namespace={namespace}" in out

    code, out, err = await serinus(me, "approve", *there)
    assert code == 0, err
    assert f"approve of {candidate} is obeyed." in out
    assert f"step 2 approved by {approver}" in out
    status = (await operator.get("fraud"))["status"]
    (decision,) = [each for each in status["decisions"] if each["reason"] == "Approved"]
    assert decision["message"] == f"Step 2 is approved by {approver}."
    assert status["timeline"]["commands"][-1]["command"].endswith(f"/{approver}")
    told = await operator.until_announced("Approved")
    assert told["note"] == decision["message"]
    for shown in (("list",), ("get", "fraud"), ("explain", "fraud"), ("history", "fraud")):
        assert approver in (await serinus(environment, *shown, "-n", namespace))[1], shown

    code, _, err = await serinus(me, "approve", *there)
    assert (code, "no approval is awaited now" in err) == (1, True)
    await operator.until("fraud", healthy("v2"), moving=5)
    code, _, err = await serinus(me, "approve", *there)
    assert (code, "no rollout is in progress" in err) == (1, True)


async def test_no_approval_can_be_forged(
    operator: Operator, namespace: str, approver: str, people: dict[str, str]
) -> None:
    candidate = await waits(operator)
    there = (f"-n={namespace}",)

    def annotated(person: str, command: str) -> tuple[str, ...]:
        written = f"serinus.dev/command={command}"
        return ("annotate", "--overwrite", "mdep/fraud", written, f"--as={person}", *there)

    editor = people["editor"]
    for forged in (editor, approver):
        told = refused("kubectl", *annotated(editor, f"approve/{candidate}/2/1/{forged}"))
        assert f"user {editor} does not have the RBAC verb approve" in told
    for forged in (editor, f"x/{approver}", f"{approver}/x", ""):
        told = refused("kubectl", *annotated(approver, f"approve/{candidate}/2/1/{forged}"))
        assert f"it must end with the name of its user, which is {approver}" in told
    forgery = {"metadata": {"annotations": {"serinus.dev/command": f"approve/{candidate}/2/1/b"}}}
    for part in ("status", "scale"):
        subresource = ("patch", "mdep/fraud", f"--subresource={part}", "--type=merge")
        refused("kubectl", *subresource, f"-p={json.dumps(forgery)}", f"--as={editor}", *there)
        # even who may write it changes no annotation by it
        kubectl(*subresource, f"-p={json.dumps(forgery)}", *there)
        assert "annotations" not in (await operator.get("fraud"))["metadata"]
    created = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "other", **forgery["metadata"]},
        "spec": spec("v1"),
    }
    with pytest.raises(AssertionError, match="does not have the RBAC verb approve"):
        kubectl("create", "-f", "-", f"--as={editor}", *there, stdin=json.dumps(created))
    status = (await operator.get("fraud"))["status"]
    assert awaits_approval(status) and "command" not in status


async def test_the_steps_are_not_removed_by_who_may_not_approve(
    operator: Operator, namespace: str, approver: str, people: dict[str, str]
) -> None:
    await waits(operator)
    there = ("--type=merge", f"-n={namespace}")
    without = json.dumps({"spec": {"rollout": {"steps": [{"setWeight": 20}, {"setWeight": 50}]}}})
    by_editor = ("patch", "mdep/fraud", f"--as={people['editor']}", *there)
    for change in (without, '{"spec": {"rollout": {"steps": []}}}', '{"spec": {"rollout": null}}'):
        told = refused("kubectl", *by_editor, f"-p={change}")
        assert "spec.rollout.steps are not changed, because they include an approval" in told
    kubectl(*by_editor, '-p={"spec": {"replicas": 6}}')
    kubectl(*by_editor, '-p={"spec": {"rollout": {"paused": true}}}')
    kubectl(*by_editor, '-p={"spec": {"rollout": {"paused": false}}}')
    kubectl("patch", "mdep/fraud", f"--as={approver}", *there, f"-p={without}")
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_an_old_approval_approves_nothing_and_hinders_nobody(
    operator: Operator, namespace: str, approver: str, people: dict[str, str]
) -> None:
    candidate = await waits(operator)
    command = f"approve/{candidate}/2/1/{approver}"
    change = ("annotate", "--overwrite", "mdep/fraud", f"-n={namespace}")
    kubectl(*change, f"serinus.dev/command={command}", f"--as={approver}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["wanted"] == 50, moving=1)

    # back to v1 and to v2 again, with the annotation as it is, as by an editor and GitOps
    for version in ("v1", "v2"):
        live = await operator.get("fraud")
        live["spec"] = gated(version)
        del live["metadata"]["managedFields"]
        del live["metadata"]["resourceVersion"]
        manifest = json.dumps(live)
        kubectl("replace", "-f", "-", f"--as={people['editor']}", stdin=manifest)
        await operator.until("fraud", rolled_out(version))
    status = await operator.until("fraud", awaits_approval, moving=5)
    assert status["candidate"]["revision"] == candidate
    assert (await operator.get("fraud"))["metadata"]["annotations"] == {
        "serinus.dev/command": command
    }
    # an editor cannot write it again, nor a copy of it
    kubectl(*change, "serinus.dev/command=advance/x", f"--as={people['editor']}")
    await operator.until("fraud", refused_command)
    told = refused("kubectl", *change, f"serinus.dev/command={command}", f"--as={people['editor']}")
    assert "does not have the RBAC verb approve" in told
    operator.move(3600)
    await asyncio.sleep(0.5)
    assert awaits_approval((await operator.get("fraud"))["status"])


async def test_without_the_policy_nobody_can_approve_and_the_status_says_what_to_install(
    operator: Operator, namespace: str, people: dict[str, str]
) -> None:
    await operator.apply("fraud", **gated("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **gated("v2"))

    def unguarded(status: Manifest) -> bool:
        return bool(status["candidate"]["hold"]["reason"] == "ApprovalsUnguarded")

    status = await operator.until("fraud", unguarded, moving=5)
    assert "templates/approvals.yaml" in status["message"]
    assert status["phase"] == "Degraded"
    candidate = status["candidate"]["revision"]
    change = ("annotate", "--overwrite", "mdep/fraud", f"-n={namespace}")
    forged = f"serinus.dev/command=approve/{candidate}/2/1/admin"
    kubectl(*change, forged, f"--as={people['editor']}")
    status = await operator.until("fraud", refused_command)
    assert "Nobody can approve" in status["command"]["outcome"]
    assert status["candidate"]["weight"]["wanted"] == 20

    # an approval that was forged while neither the policy nor the operator was there
    await operator.stop()
    kubectl(*change, f"{forged}/again", f"--as={people['editor']}")
    objects = policy_of(namespace)
    kubectl("apply", "-f", "-", stdin=objects)
    try:
        until_in_force(namespace, people["editor"])
        async with operator:
            again = forged.partition("=")[2] + "/again"
            status = await operator.until(
                "fraud", lambda s: s["command"]["command"] == again, moving=5
            )
            assert "it may be older than what guards approvals" in status["command"]["outcome"]
            await operator.until("fraud", awaits_approval, moving=5)
            kubectl(*change, f"serinus.dev/command=approve/{candidate}/2/2/admin")
            await operator.until("fraud", healthy("v2"), moving=5)
    finally:
        kubectl("delete", "-f", "-", stdin=objects)


async def test_a_breach_at_the_gate_rolls_back(
    operator: Operator, namespace: str, approver: str
) -> None:
    candidate = await waits(operator)
    operator.traffic.errors = {f"fraud-{candidate}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"


async def test_the_operator_writes_its_status_as_ever_with_the_policy(
    operator: Operator, cluster: Cluster, namespace: str, approver: str
) -> None:
    """An approval stays in the status and the annotation, also if it is removed from the latter."""
    candidate = await waits(operator, "fraud", {"setWeight": 20}, GATE, {"setWeight": 50}, GATE)
    command = f"approve/{candidate}/2/1/{approver}"
    change = ("annotate", "--overwrite", "mdep/fraud", f"-n={namespace}", f"--as={approver}")
    kubectl(*change, f"serinus.dev/command={command}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=1)
    kubectl(*change, "serinus.dev/command-")
    await operator.until("fraud", awaits_approval, moving=5)
    assert (await operator.get("fraud"))["status"]["command"]["command"] == command
    kubectl(*change, f"serinus.dev/command=approve/{candidate}/4/1/{approver}")
    await operator.until("fraud", healthy("v2"), moving=5)
    assert cluster.refused_writes["ModelDeployment"] == 0
