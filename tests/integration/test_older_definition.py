"""A newer operator by an older definition, or over what was stored by one."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl
from tests.support.guards import promoted
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, STEPS, healthy, spec

CRD = ROOT / "crds" / "modeldeployments.serinus.dev.yaml"

pytestmark = pytest.mark.disturbs_api_server


@pytest.fixture
def older_definition(kubeconfig: Path) -> Iterator[None]:
    """A definition without two fields of the status, of a version that kept nothing apart."""
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for each in (schema["status"], schema["status"]["properties"]["candidate"], checks(schema)):
        del each["x-kubernetes-preserve-unknown-fields"]
    del schema["status"]["properties"]["evidence"], checks(schema)["properties"]["requests"]
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    try:
        kubectl(*apply, "-", stdin=json.dumps(definition))
        until_described(lambda description: '"evidence"' not in description)
        yield
    finally:
        kubectl(*apply, str(CRD))
        until_described(lambda description: '"evidence"' in description)


def checks(schema: Manifest) -> Manifest:
    """The schema of a check in a status."""
    candidate = schema["status"]["properties"]["candidate"]["properties"]
    found: Manifest = candidate["checks"]["items"]
    return found


def until_described(holds: Callable[[str], bool]) -> None:
    """The API server describes a definition some time after it has taken it.

    A group that another module has just deleted and created again has no description at first.
    """
    deadline = time.monotonic() + 30
    while (description := described()) is None or not holds(description):
        assert time.monotonic() < deadline, "the description has not changed"
        time.sleep(0.2)


def described() -> str | None:
    """What the API server says of ModelDeployments' fields, None where it knows no group."""
    groups = json.loads(kubectl("get", "--raw", "/openapi/v3").stdout)["paths"]
    if "apis/serinus.dev/v1alpha1" not in groups:
        return None
    return kubectl("get", "--raw", "/openapi/v3/apis/serinus.dev/v1alpha1").stdout


async def test_fields_that_an_older_definition_lacks_are_named_at_the_start_and_when_refused(
    older_definition: None, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    await operator.apply("fraud", **spec("v1"))
    told = await operator.until_announced("StatusNotWritten")
    assert 'unknown field "status.evidence"' in told["note"]
    assert "kubectl apply --server-side -f crds/" in told["note"]
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    await operator.until("fraud", healthy("v1"), moving=5)
    [warning] = [each for each in caplog.messages if "is older than this operator" in each]
    assert "has no status.candidate.checks[].requests, status.evidence:" in warning
    assert "kubectl apply --server-side -f crds/" in warning


async def test_a_field_that_it_lacks_below_those_that_preserve_unknown_ones_is_named_too(
    operator: Operator, kubeconfig: Path, caplog: pytest.LogCaptureFixture
) -> None:
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    stable = schema["status"]["properties"]["stable"]["properties"]
    assert schema["status"]["x-kubernetes-preserve-unknown-fields"]
    del stable["readyReplicas"]
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    await operator.stop()
    kubectl(*apply, "-", stdin=json.dumps(definition))
    until_described(lambda description: description.count('"readyReplicas"') == 1)
    try:
        async with operator:
            await operator.apply("fraud", **spec("v1"))
            told = await operator.until_announced("StatusNotWritten", within=30)
            assert 'unknown field "status.stable.readyReplicas"' in told["note"]
    finally:
        kubectl(*apply, str(CRD))
    [warning] = [each for each in caplog.messages if "is older than this operator" in each]
    assert "has no status.stable.readyReplicas:" in warning


def counted(status: Manifest) -> bool:
    """Whether a check has compared requests of the candidate."""
    return any(each["requests"]["candidate"] for each in status["candidate"]["checks"])


async def test_what_a_version_without_evidence_counted_is_kept_over_an_upgrade(
    operator: Operator,
) -> None:
    rollout = {"steps": STEPS, "analysis": ERRORS, **PATIENT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    await operator.until("fraud", counted, moving=5)
    await operator.stop()
    in_full = await operator.get("fraud")
    for check in in_full["status"]["candidate"]["checks"]:
        check["state"]["peak"] = 1.25
        del check["requests"]
    await operator.cluster.update_status(in_full, in_full["status"])
    stored = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
    assert stored["status"] == in_full["status"], "the API server prunes nothing of it"
    assert "evidence" not in stored["status"]
    async with operator:
        status = await operator.until("fraud", counted, moving=1)
        stored = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
        assert "state" not in stored["status"]["candidate"]["checks"][0]
        assert status["candidate"]["checks"][0]["state"]["peak"] >= 1.25
        status = await operator.until("fraud", healthy("v2"), moving=5, within=90)
    assert "StatusUnreadable" not in [each["reason"] for each in status["decisions"]]


async def test_a_guard_that_an_earlier_version_began_goes_on_over_an_upgrade(
    operator: Operator,
) -> None:
    before, after = await promoted(operator)
    await operator.stop()
    in_full = await operator.get("fraud")
    await operator.cluster.update_status(in_full, in_full["status"])
    stored = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
    assert stored["status"] == in_full["status"], "the API server prunes nothing of it"
    looked = stored["status"]["candidate"]["measuredAt"]
    async with operator:
        status = await operator.until(
            "fraud", lambda s: s["candidate"]["measuredAt"] > looked, moving=31
        )
        for kept in ("decisions", "timeline", "stable"):
            assert status[kept] == stored["status"][kept]
        for kept in ("stage", "step", "entries", "guarding"):
            assert status["candidate"][kept] == stored["status"]["candidate"][kept]
        [was], [is_now] = (each["candidate"]["checks"] for each in (stored["status"], status))
        assert is_now["requests"]["candidate"] > was["requests"]["candidate"] > 0
        operator.traffic.errors = {f"fraud-{after}": 0.05}
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "GuardFailed"
        await operator.until_split("fraud", {f"fraud-{before}": 100})


async def test_what_an_earlier_version_counted_after_a_downgrade_comes_before_older_evidence(
    operator: Operator,
) -> None:
    rollout = {"steps": [{"setWeight": 20}, {"pause": {}}], "analysis": ERRORS, **PATIENT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    await operator.until("fraud", counted, moving=5)
    await operator.stop()
    live = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
    evidence = live["status"]["evidence"]
    # it does not know the field, leaves it as it is, and has a timeline and counts of its own
    status = (await operator.get("fraud"))["status"]
    del status["timeline"]
    status["candidate"]["entries"] = 7
    status["candidate"]["checks"][0]["state"]["peak"] = 1.25
    written = await operator.cluster.update_status(live, {**status, "evidence": evidence})
    assert written["status"]["evidence"] == evidence
    async with operator:
        looked = status["candidate"]["measuredAt"]
        status = await operator.until(
            "fraud", lambda s: s["candidate"]["measuredAt"] > looked, moving=31
        )
        stored = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
    assert "state" not in stored["status"]["candidate"]["checks"][0]
    assert stored["status"]["evidence"] != evidence
    assert status["candidate"]["entries"] == 7
    assert status["candidate"]["checks"][0]["state"]["peak"] >= 1.25
    assert "timeline" not in status


async def test_evidence_of_a_later_version_starts_again_and_costs_no_decision(
    operator: Operator,
) -> None:
    rollout = {"steps": STEPS, "analysis": ERRORS, **PATIENT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    await operator.stop()
    live = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
    step = live["status"]["candidate"]["step"]
    live["status"]["evidence"] = "2:later"
    await operator.cluster.update_status(live, live["status"])
    async with operator:
        told = await operator.until_announced("StatusUnreadable")
        assert "status.evidence: is of version '2', and this version reads '1'" in told["note"]
        assert (await operator.get("fraud"))["status"]["candidate"]["step"] >= step
        status = await operator.until("fraud", healthy("v2"), moving=5, within=90)
    assert [each["reason"] for each in status["decisions"]].count("RolloutStarted") == 1


async def test_a_rollout_of_a_version_without_stages_goes_on_over_an_upgrade(
    operator: Operator, kubeconfig: Path
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    await operator.stop()
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    candidate = schema["status"]["properties"]["candidate"]
    del candidate["properties"]["stage"], candidate["x-kubernetes-preserve-unknown-fields"]
    candidate["properties"]["mode"] = {"type": "string"}
    candidate["required"] = ["revision", "number", "mode", "since", "progressSince"]
    kubectl(*apply, "-", stdin=json.dumps(definition))
    until_described(lambda description: '"stage"' not in description)
    try:
        live = await operator.cluster.get("ModelDeployment", operator.namespace, "fraud")
        assert "stage" not in live["status"]["candidate"], "what is stored is read by it too"
        live["status"]["candidate"]["mode"] = "Steps"
        await operator.cluster.update_status(live, live["status"])
    finally:
        kubectl(*apply, str(CRD))
        until_described(lambda description: '"stage"' in description)
    async with operator:
        status = await operator.until("fraud", healthy("v2"), moving=5, within=90)
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons.count("RolloutStarted") == 1
    assert "StatusUnreadable" not in reasons


async def test_nothing_is_said_of_the_definition_of_this_version(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    assert not [each for each in caplog.messages if "definition of ModelDeployments" in each]


async def test_a_stored_value_that_this_version_does_not_know_is_named_with_those_it_knows(
    operator: Operator, kubeconfig: Path
) -> None:
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    analysis = schema["spec"]["properties"]["rollout"]["properties"]["analysis"]["properties"]
    analysis["onePodToBlame"]["enum"].append("RollBack")
    await operator.stop()
    kubectl(*apply, "-", stdin=json.dumps(definition))
    until_described(lambda description: '"RollBack"' in description)
    try:
        written = {"analysis": {**ERRORS, "onePodToBlame": "RollBack"}}
        await operator.apply("fraud", **spec("v1", rollout=written))
    finally:
        kubectl(*apply, str(CRD))
        until_described(lambda description: '"RollBack"' not in description)
    async with operator:
        status = await operator.until("fraud", lambda s: s["phase"] == "Degraded", moving=0.5)
        [stalled] = [each for each in status["conditions"] if each["type"] == "Stalled"]
        assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
        assert stalled["message"] == (
            "spec.rollout.analysis.onePodToBlame: must be 'Replace', 'Hold' or 'Rollback', not "
            '"RollBack"'
        )
        await operator.apply("fraud", **spec("v1"))
        await operator.until("fraud", healthy("v1"), moving=5)
