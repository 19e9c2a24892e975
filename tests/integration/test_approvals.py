"""Steps that must be approved: the chart's policy, real users, and the operator, on a real API
server."""

import asyncio
import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cluster import ApiError, Cluster
from serinus.controller import reconcile
from serinus.manifests.revision import approval_digest
from tests.integration.conftest import ROOT, helm, kubectl, refused, serinus
from tests.support.colliding import LONG_NAME, colliding
from tests.support.documents import typed
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec

GATE: dict[str, Any] = {"approval": {}}
STEPS = [{"setWeight": 20}, GATE, {"setWeight": 50}]
ANN = "https://issuer.example.com/#ann"
"""As the API server names somebody who logs in by OpenID Connect."""
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def gated(version: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    rollout = {"steps": list(steps or STEPS), "analysis": ERRORS, **PATIENT}
    return spec(version, rollout=rollout, **more)


def documented(beginning: str) -> list[str]:
    """The words of a command of docs/operations.md, without the program."""
    (found,) = [each for each in typed(OPERATIONS) if each.startswith(beginning)]
    return shlex.split(found.partition(" | ")[0])[1:]


def policy_of(namespace: str) -> str:
    """What a cluster administrator installs; the binding is for this namespace only, since other
    tests run beside this one."""
    words = documented("helm template serinus charts/serinus")
    words[words.index("charts/serinus")] = str(ROOT / "charts" / "serinus")
    words[words.index("--namespace") + 1] = namespace
    objects = [each for each in yaml.safe_load_all(helm(*words)) if each]
    for each in objects:
        if each["kind"] == "ValidatingAdmissionPolicyBinding":
            only = {"kubernetes.io/metadata.name": namespace}
            each["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": only}}
    return yaml.safe_dump_all(objects)


@pytest.fixture
def policy(namespace: str, editor: str) -> Iterator[None]:
    """The policy, in force in the namespace."""
    objects = policy_of(namespace)
    kubectl("apply", "-f", "-", stdin=objects)
    until_in_force(namespace, editor)
    yield
    kubectl("delete", "-f", "-", stdin=objects)


def until_in_force(namespace: str, editor: str) -> None:
    """The API server reads a new policy within a second or so."""
    probe = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "probe", "annotations": {"serinus.dev/command": "approve/a/1/d/1/b"}},
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
def editor(namespace: str) -> str:
    """A service account that may edit ModelDeployments."""
    there = f"--namespace={namespace}"
    kubectl("create", "serviceaccount", "editor", there)
    verbs = "--verb=get,list,watch,create,update,patch,delete"
    kubectl("create", "role", "editor", verbs, "--resource=modeldeployments.serinus.dev", there)
    account = f"--serviceaccount={namespace}:editor"
    kubectl("create", "rolebinding", "editor", "--role=editor", account, there)
    return f"system:serviceaccount:{namespace}:editor"


@pytest.fixture
def approver(namespace: str, policy: None) -> tuple[str, ...]:
    """By the documented command, a user of a group that may approve; the flags to be her."""
    words = documented("kubectl create rolebinding approvers")
    assert words[words.index("--clusterrole") + 1] == "serinus-system-serinus-approver"
    words[words.index("--clusterrole") + 1] = f"{namespace}-serinus-approver"
    words[words.index("--namespace") + 1] = namespace
    kubectl(*words)
    return f"--as={ANN}", f"--as-group={words[words.index('--group') + 1]}"


def as_editor(environment: dict[str, str], namespace: str, folder: Path) -> dict[str, str]:
    """The environment of the editor, by a token."""
    token = kubectl("create", "token", "editor", f"-n={namespace}").stdout
    return _as_user(environment, {"token": token}, folder / "editor.json")


def as_approver(
    environment: dict[str, str], approver: tuple[str, ...], folder: Path
) -> dict[str, str]:
    """The environment of the approver, whom the administrator impersonates."""
    name, group = (word.partition("=")[2] for word in approver)
    return _as_user(environment, {"as": name, "as-groups": [group]}, folder / "approver.json")


def _as_user(environment: dict[str, str], user: dict[str, Any], path: Path) -> dict[str, str]:
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json").stdout)
    for each in config["users"]:
        each["user"] = user if "token" in user else {**each["user"], **user}
    path.write_text(json.dumps(config))
    return {**environment, "KUBECONFIG": str(path)}


async def waits(operator: Operator, name: str = "fraud", *steps: dict[str, Any]) -> str:
    """A candidate that waits to be approved; its revision."""
    await operator.apply(name, **gated("v1", *steps))
    await operator.until(name, healthy("v1"))
    await operator.apply(name, **gated("v2", *steps))
    status = await operator.until(name, awaits_approval, moving=5)
    return str(status["candidate"]["revision"])


async def digest(operator: Operator, name: str = "fraud") -> str:
    """Of what an approval is for now."""
    return approval_digest((await operator.get(name))["spec"])


def awaits_approval(status: Manifest) -> bool:
    return bool(status["candidate"]["hold"]["reason"] == "AwaitingApproval")


def rolled_out(version: str) -> Callable[[Manifest], bool]:
    """As the candidate, or as stable without one."""
    return lambda s: bool((s.get("candidate") or s["stable"])["version"] == version)


def refused_command(status: Manifest) -> bool:
    return bool(status["decisions"][0]["reason"] == "CommandRefused")


async def test_an_approver_passes_the_gate_and_the_status_says_who(
    operator: Operator,
    environment: dict[str, str],
    namespace: str,
    approver: tuple[str, ...],
    tmp_path: Path,
) -> None:
    candidate = await waits(operator)
    await operator.until("fraud", lambda s: s["phase"] == "Paused", moving=3600)
    assert (await operator.split("fraud"))[f"fraud-{candidate}"] == 20
    there = ("fraud", "-n", namespace)
    me = as_approver(environment, approver, tmp_path)

    code, _, err = await serinus(as_editor(environment, namespace, tmp_path), "approve", *there)
    assert code == 2
    assert "does not have the RBAC verb approve on modeldeployments.serinus.dev fraud" in err
    assert f"which the ClusterRole {namespace}-serinus-approver grants" in err
    for verb in ("advance", "promote"):
        code, _, err = await serinus(me, verb, *there)
        assert code == 1
        assert "use serinus approve fraud, which needs the RBAC verb approve" in err
    code, out, _ = await serinus(environment, "explain", *there)
    assert f"serinus approve fraud --namespace={namespace}" in out

    code, out, err = await serinus(me, "approve", *there)
    assert code == 0, err
    assert f"approve of {candidate} is obeyed." in out
    assert f"step 2 approved by {ANN}" in out
    status = (await operator.get("fraud"))["status"]
    (decision,) = [each for each in status["decisions"] if each["reason"] == "Approved"]
    assert decision["message"] == f"Step 2 is approved by {ANN}."
    assert status["timeline"]["commands"][-1]["command"].endswith(f"/{ANN}")
    told = await operator.until_announced("Approved")
    assert told["note"] == decision["message"]
    for shown in (("list",), ("get", "fraud"), ("explain", "fraud"), ("history", "fraud")):
        assert ANN in (await serinus(environment, *shown, "-n", namespace))[1], shown

    code, _, err = await serinus(me, "approve", *there)
    assert (code, "no approval is awaited now" in err) == (1, True)
    await operator.until("fraud", healthy("v2"), moving=5)
    code, _, err = await serinus(me, "approve", *there)
    assert (code, "no rollout is in progress" in err) == (1, True)


async def test_no_approval_can_be_forged(
    operator: Operator, namespace: str, approver: tuple[str, ...], editor: str
) -> None:
    candidate = await waits(operator)
    there = (f"-n={namespace}",)

    def annotated(name: str, *flags: str) -> tuple[str, ...]:
        written = f"serinus.dev/command=approve/{candidate}/2/d/1/{name}"
        return ("annotate", "--overwrite", "mdep/fraud", written, *flags, *there)

    for forged in (editor, ANN):
        told = refused("kubectl", *annotated(forged, f"--as={editor}"))
        assert f"user {editor} does not have the RBAC verb approve" in told
    for forged in (editor, f"x/{ANN}", f"{ANN}/x", "#ann", ""):
        told = refused("kubectl", *annotated(forged, *approver))
        assert f"it must end with the name of its user, which is {ANN}" in told
    forgery = {"metadata": {"annotations": {"serinus.dev/command": f"approve/{candidate}/2/d/1/b"}}}
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
    operator: Operator, namespace: str, approver: tuple[str, ...], editor: str
) -> None:
    await waits(operator)
    there = ("--type=merge", f"-n={namespace}")
    without = json.dumps({"spec": {"rollout": {"steps": [{"setWeight": 20}, {"setWeight": 50}]}}})
    by_editor = ("patch", "mdep/fraud", f"--as={editor}", *there)
    for change in (without, '{"spec": {"rollout": {"steps": []}}}', '{"spec": {"rollout": null}}'):
        told = refused("kubectl", *by_editor, f"-p={change}")
        assert "spec.rollout.steps are not changed, because they include an approval" in told
    kubectl(*by_editor, '-p={"spec": {"replicas": 6}}')
    kubectl(*by_editor, '-p={"spec": {"rollout": {"paused": true}}}')
    kubectl(*by_editor, '-p={"spec": {"rollout": {"paused": false}}}')
    kubectl("patch", "mdep/fraud", *approver, *there, f"-p={without}")
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_an_old_approval_approves_nothing_and_hinders_nobody(
    operator: Operator, namespace: str, approver: tuple[str, ...], editor: str
) -> None:
    candidate = await waits(operator)
    command = f"approve/{candidate}/2/{await digest(operator)}/1/{ANN}"
    change = ("annotate", "--overwrite", "mdep/fraud", f"-n={namespace}")
    kubectl(*change, f"serinus.dev/command={command}", *approver)
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["wanted"] == 50, moving=1)

    # back to v1 and to v2 again, with the annotation as it is, as by an editor and GitOps
    for version in ("v1", "v2"):
        live = await operator.get("fraud")
        live["spec"] = gated(version)
        del live["metadata"]["managedFields"]
        del live["metadata"]["resourceVersion"]
        manifest = json.dumps(live)
        kubectl("replace", "-f", "-", f"--as={editor}", stdin=manifest)
        await operator.until("fraud", rolled_out(version))
    status = await operator.until("fraud", awaits_approval, moving=5)
    assert status["candidate"]["revision"] == candidate
    assert (await operator.get("fraud"))["metadata"]["annotations"] == {
        "serinus.dev/command": command
    }
    # an editor cannot write it again, nor a copy of it
    kubectl(*change, "serinus.dev/command=advance/x", f"--as={editor}")
    await operator.until("fraud", refused_command)
    told = refused("kubectl", *change, f"serinus.dev/command={command}", f"--as={editor}")
    assert "does not have the RBAC verb approve" in told
    operator.move(3600)
    await asyncio.sleep(0.5)
    assert awaits_approval((await operator.get("fraud"))["status"])


async def test_without_the_policy_nobody_can_approve_and_the_status_says_what_to_install(
    operator: Operator, namespace: str, editor: str
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
    forged = f"serinus.dev/command=approve/{candidate}/2/{await digest(operator)}/1/admin"
    kubectl(*change, forged, f"--as={editor}")
    status = await operator.until("fraud", refused_command)
    assert "Nobody can approve" in status["command"]["outcome"]
    assert status["candidate"]["weight"]["wanted"] == 20

    # an approval that was forged while neither the policy nor the operator was there
    await operator.stop()
    kubectl(*change, f"{forged}/again", f"--as={editor}")
    objects = policy_of(namespace)
    kubectl("apply", "-f", "-", stdin=objects)
    try:
        until_in_force(namespace, editor)
        async with operator:
            again = forged.partition("=")[2] + "/again"
            status = await operator.until(
                "fraud", lambda s: s["command"]["command"] == again, moving=5
            )
            assert (
                "it may be older than the policy that guards approvals"
                in status["command"]["outcome"]
            )
            await operator.until("fraud", awaits_approval, moving=5)
            # the release is uninstalled, and installed again
            kubectl("delete", "-f", "-", stdin=objects)
            await operator.until("fraud", unguarded, moving=30)
            kubectl("apply", "-f", "-", stdin=objects)
            await operator.until("fraud", awaits_approval, moving=5)
            kubectl(
                *change,
                f"serinus.dev/command=approve/{candidate}/2/{await digest(operator)}/2/admin",
            )
            await operator.until("fraud", healthy("v2"), moving=5)
    finally:
        kubectl("delete", "-f", "-", stdin=objects)


async def test_an_approval_counts_for_the_spec_that_was_read_alone(
    operator: Operator, namespace: str, approver: tuple[str, ...], editor: str
) -> None:
    """An editor, who may not approve, changes it after the approver has read it."""
    candidate = await waits(operator)
    command = f"approve/{candidate}/2/{await digest(operator)}/1/{ANN}"
    there = ("mdep/fraud", f"-n={namespace}")
    lax = {"spec": {"rollout": {"analysis": {"onInconclusive": "Promote"}}}}
    kubectl("patch", *there, "--type=merge", f"-p={json.dumps(lax)}", f"--as={editor}")
    kubectl("annotate", "--overwrite", *there, f"serinus.dev/command={command}", *approver)
    status = await operator.until("fraud", refused_command, moving=1)
    assert (
        "spec.rollout has changed since. Read it and approve again" in status["command"]["outcome"]
    )
    assert status["candidate"]["weight"]["wanted"] == 20
    again = f"approve/{candidate}/2/{await digest(operator)}/2/{ANN}"
    kubectl("annotate", "--overwrite", *there, f"serinus.dev/command={again}", *approver)
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_a_template_with_the_hash_of_another_is_not_approved_in_its_place(
    operator: Operator, namespace: str, approver: tuple[str, ...]
) -> None:
    """The editor applies the malicious one, and then the harmless one, for the approver to read."""
    harmless, evil = colliding()
    await operator.apply(LONG_NAME, **gated("v1"))
    await operator.until(LONG_NAME, healthy("v1"))
    await operator.apply(LONG_NAME, **gated("v2", **evil, model=None))
    status = await operator.until(LONG_NAME, awaits_approval, moving=5)
    revision = status["candidate"]["revision"]
    await operator.apply(LONG_NAME, **gated("v2", **harmless, model=None))
    command = f"approve/{revision}/2/{await digest(operator, LONG_NAME)}/1/{ANN}"
    change = ("annotate", f"mdep/{LONG_NAME}", f"-n={namespace}", *approver)
    kubectl(*change, f"serinus.dev/command={command}")
    status = await operator.until(
        LONG_NAME, lambda s: s["command"]["command"] == command and s["phase"] == "Degraded"
    )
    assert (
        f"ControllerRevision {LONG_NAME}-{revision} has another model or template"
        in (status["message"])
    )
    assert "candidate" not in status
    await operator.until_split(LONG_NAME, {f"{LONG_NAME}-{status['stable']['revision']}": 100})

    harmless["template"]["metadata"]["annotations"]["build"] += "-2"
    await operator.apply(LONG_NAME, **gated("v2", **harmless, model=None))
    status = await operator.until(LONG_NAME, awaits_approval, moving=5)
    assert status["candidate"]["revision"] != revision
    again = (
        f"approve/{status['candidate']['revision']}/2/{await digest(operator, LONG_NAME)}/2/{ANN}"
    )
    kubectl(*change, "--overwrite", f"serinus.dev/command={again}")
    status = await operator.until(LONG_NAME, lambda s: s["phase"] == "Healthy", moving=5)
    name = f"{LONG_NAME}-{status['stable']['revision']}"
    serves = await operator.cluster.get("Deployment", namespace, name)
    assert serves["spec"]["template"]["spec"]["containers"][0]["image"] == "registry/fraud:1"


async def test_a_breach_at_the_gate_rolls_back(
    operator: Operator, namespace: str, approver: tuple[str, ...]
) -> None:
    candidate = await waits(operator)
    operator.traffic.errors = {f"fraud-{candidate}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"


async def test_a_policy_that_cannot_be_asked_for_delays_no_rollback(
    operator: Operator, namespace: str, approver: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = await waits(operator)

    async def changed(*_: Any) -> None:
        raise ApiError(409, "Conflict", "the object has been modified")

    monkeypatch.setattr(reconcile, "approval_policy", changed)
    await operator.command("fraud", f"abort/{candidate}")
    status = await operator.until("fraud", lambda s: s["rejected"])
    assert status["rejected"]["reason"] == "Aborted"


async def test_the_operator_writes_its_status_as_ever_with_the_policy(
    operator: Operator, cluster: Cluster, namespace: str, approver: tuple[str, ...]
) -> None:
    """An approval stays in the status and the annotation, also if it is removed from the latter."""
    candidate = await waits(operator, "fraud", {"setWeight": 20}, GATE, {"setWeight": 50}, GATE)
    command = f"approve/{candidate}/2/{await digest(operator)}/1/{ANN}"
    change = ("annotate", "--overwrite", "mdep/fraud", f"-n={namespace}", *approver)
    kubectl(*change, f"serinus.dev/command={command}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=1)
    kubectl(*change, "serinus.dev/command-")
    await operator.until("fraud", awaits_approval, moving=5)
    assert (await operator.get("fraud"))["status"]["command"]["command"] == command
    kubectl(*change, f"serinus.dev/command=approve/{candidate}/4/{await digest(operator)}/1/{ANN}")
    await operator.until("fraud", healthy("v2"), moving=5)
    assert cluster.refused_writes["ModelDeployment"] == 0
