"""What GitOps tools make of rollouts on a real API server."""

import asyncio
import json
import os
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster import parts
from tests.integration.conftest import kubectl
from tests.support.argo_cd import act, enabled_actions, health
from tests.support.inprocess import Manifest, Operator
from tests.support.kstatus import kstatus
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec

BY_HAND = {"steps": [{"setWeight": 20}, {"pause": {}}], "analysis": ERRORS, **PATIENT}

IN_ONE_STEP = {"steps": [{"setWeight": 20}], "analysis": ERRORS, **PATIENT}
"""Short, so that time can move slowly: a gateway that seems slow makes a rollout Stalled for a
moment, which ends a wait."""


async def run(client: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run kubectl or helm while the operator in this process goes on; its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        parts.clients() / client / client,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ,
    )
    said, _ = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


async def seen(operator: Operator, holds: Callable[[Manifest], bool]) -> tuple[str, str]:
    """What Argo CD shows and what kstatus computes, once the status is so."""
    await operator.until("fraud", holds, moving=5)
    live = await operator.get("fraud")
    found = health(live)
    assert found["message"] == live["status"]["message"]
    return found["status"], kstatus(live)


def paused(status: Manifest) -> bool:
    return bool(status["phase"] == "Paused")


async def chosen_in_argo_cd(operator: Operator, action: str) -> None:
    """The action, as Argo CD patches the object."""
    live = await operator.get("fraud")
    assert action in enabled_actions(live)
    changed = act(action, live)["metadata"]["annotations"]
    assert changed != live["metadata"].get("annotations")

    def annotate(fresh: Manifest) -> None:
        fresh["metadata"]["annotations"] = changed

    await operator.edit("fraud", annotate)


async def test_argo_cd_and_flux_see_what_the_status_says(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    assert await seen(operator, healthy("v1")) == ("Healthy", "Current")
    await operator.apply("fraud", **spec("v2", rollout=BY_HAND))
    assert await seen(operator, paused) == ("Suspended", "InProgress")
    await chosen_in_argo_cd(operator, "advance")
    assert await seen(operator, healthy("v2")) == ("Healthy", "Current")

    await operator.apply("fraud", **spec("v3"))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    assert await seen(operator, lambda s: "candidate" in s) == ("Progressing", "InProgress")
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    assert await seen(operator, lambda s: s["rejected"]) == ("Degraded", "Failed")
    operator.traffic.errors = {}
    await chosen_in_argo_cd(operator, "retry")
    assert await seen(operator, healthy("v3")) == ("Healthy", "Current")


async def test_the_actions_of_argo_cd_are_obeyed_each_time(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=BY_HAND))
    for _ in range(2):
        await operator.until("fraud", lambda s: s["candidate"])
        await chosen_in_argo_cd(operator, "abort")
        status = await operator.until("fraud", lambda s: s["rejected"])
        assert status["rejected"]["reason"] == "Aborted"
        await chosen_in_argo_cd(operator, "retry")
    await operator.until("fraud", lambda s: s["candidate"])
    await chosen_in_argo_cd(operator, "promote")
    await operator.until("fraud", healthy("v2"))
    await chosen_in_argo_cd(operator, "undo")
    status = await operator.until("fraud", lambda s: s["stable"]["version"] == "v1", moving=1)
    assert "undo" not in enabled_actions(await operator.get("fraud")), "the spec has v2: retry it"


async def test_a_manifest_applied_over_and_over_changes_nothing_and_is_promoted(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": operator.namespace},
        "spec": spec("v2"),
    }
    apply = ("kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager=argocd")
    generations, applied = set[int](), 0
    deadline = time.monotonic() + 60
    while True:
        before = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
        code, said = await run(
            *apply, "-f-", "-ojson", "--show-managed-fields", stdin=json.dumps(manifest)
        )
        assert code == 0, said
        after = json.loads(said)
        applied += 1
        generations.add(after["metadata"]["generation"])
        if after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
            assert after["status"] == before["status"]
        if healthy("v2")(after["status"]):
            break
        assert time.monotonic() < deadline, after["status"]
        operator.move(30)
    assert len(generations) == 1, "the spec changed once"
    assert applied >= 5
    managers = {
        (each["manager"], each.get("subresource")) for each in after["metadata"]["managedFields"]
    }
    assert not [manager for manager, part in managers if part == "status" and manager == "argocd"]
    reasons = [each["reason"] for each in after["status"]["decisions"]]
    raised = [each for each in reasons if each == "WeightRaised"]
    assert len(raised) == 1 and reasons[0] == "Promoted", "no step was taken twice"
    full = (await operator.get("fraud"))["status"]
    assert full["timeline"]["weights"][0]["weight"] == 20


async def test_helm_waits_until_it_is_promoted_and_fails_at_once_after_a_rollback(
    operator: Operator, tmp_path: Path
) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: fraud, version: 0.1.0}")

    def release(version: str) -> None:
        manifest: dict[str, Any] = {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "fraud"},
            "spec": spec(version, rollout=IN_ONE_STEP),
        }
        (chart / "templates/fraud.yaml").write_text(json.dumps(manifest))

    words = ("upgrade", "--install", "fraud", str(chart), "--namespace", operator.namespace)
    release("v1")
    code, said = await run("helm", *words, "--wait", "--timeout=60s")
    assert code == 0, said
    await operator.until("fraud", healthy("v1"))

    release("v2")
    waiting = asyncio.create_task(run("helm", *words, "--wait", "--timeout=1h"))
    await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    assert not waiting.done()
    await operator.until("fraud", healthy("v2"), moving=1)
    async with asyncio.timeout(60):
        code, said = await waiting
    assert code == 0, said

    release("v3")
    waiting = asyncio.create_task(run("helm", *words, "--wait", "--timeout=1h"))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    await operator.until("fraud", lambda s: s["rejected"], moving=1)
    async with asyncio.timeout(60):
        code, said = await waiting
    assert code != 0
    assert "Candidate errors" in said, "it ends with the evidence, long before the hour is over"


async def test_the_customization_is_added_to_the_settings_of_argo_cd(operator: Operator) -> None:
    theirs: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"url": "https://argocd.example.com"},
    }
    theirs["metadata"] = {"name": "argocd-cm", "namespace": operator.namespace}
    kubectl("create", "-f-", stdin=json.dumps(theirs))
    ours = Path("examples/argo-cd/ConfigMap.yaml").read_text(encoding="utf-8")
    ours = ours.replace("namespace: argocd", f"namespace: {operator.namespace}")
    kubectl("apply", "--server-side", "--field-manager=serinus", "-f-", stdin=ours)
    got = kubectl("get", "configmap", "argocd-cm", "-n", operator.namespace, "-ojson").stdout
    data = json.loads(got)["data"]
    assert data["url"] == "https://argocd.example.com"
    assert len(data) == 3


async def test_a_pipeline_waits_for_the_end_of_a_rollout_and_not_for_ready(
    operator: Operator,
) -> None:
    docs = Path("docs/gitops.md").read_text(encoding="utf-8")
    waits = re.findall(r"^kubectl (wait mdep/loan .*)$", docs, re.MULTILINE)
    ended, promoted = (
        ("kubectl", *shlex.split(command), "-n", operator.namespace) for command in waits
    )
    await operator.apply("loan", **spec("v1"))
    assert (await run(*ended))[0] == 0
    assert (await run(*promoted))[0] == 0

    await operator.apply("loan", **spec("v2", rollout=IN_ONE_STEP))
    waiting = asyncio.create_task(run(*ended))
    status = await operator.until("loan", lambda s: s["candidate"]["effectiveSince"])
    assert not waiting.done()
    operator.traffic.errors = {f"loan-{status['candidate']['revision']}": 0.05}
    await operator.until("loan", lambda s: s["rejected"], moving=1)
    async with asyncio.timeout(60):
        assert (await waiting)[0] == 0
    code, said = await run(*promoted)
    assert code == 1 and "timed out" in said
