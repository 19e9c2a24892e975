"""A newer operator by an older definition, or over what was stored by one."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl
from tests.support.inprocess import Operator
from tests.support.rollouts import ERRORS, healthy, spec

CRD = ROOT / "crds" / "modeldeployments.serinus.dev.yaml"

pytestmark = pytest.mark.disturbs_api_server


@pytest.fixture
def older_definition(kubeconfig: Path) -> Iterator[None]:
    """A definition without two fields of the status."""
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    candidate = schema["status"]["properties"]["candidate"]["properties"]
    del (
        candidate["entries"],
        candidate["checks"]["items"]["properties"]["state"]["properties"]["peak"],
    )
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    try:
        kubectl(*apply, "-", stdin=json.dumps(definition))
        until_described(lambda description: '"entries"' not in description)
        yield
    finally:
        kubectl(*apply, str(CRD))
        until_described(lambda description: '"entries"' in description)


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
    assert 'unknown field "status.candidate.entries"' in told["note"]
    assert "kubectl apply --server-side -f crds/" in told["note"]
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    await operator.until("fraud", healthy("v1"), moving=5)
    [warning] = [each for each in caplog.messages if "is older than this operator" in each]
    assert "has no status.candidate.entries, status.candidate.checks[].state.peak:" in warning
    assert "kubectl apply --server-side -f crds/" in warning


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
    del candidate["properties"]["stage"]
    candidate["properties"]["mode"] = {"type": "string"}
    candidate["required"] = ["revision", "number", "mode", "since", "progressSince"]
    kubectl(*apply, "-", stdin=json.dumps(definition))
    until_described(lambda description: '"stage"' not in description)
    try:
        live = await operator.get("fraud")
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
            "spec.rollout.analysis.onePodToBlame: must be 'Rollback' or 'Hold', not \"RollBack\""
        )
        await operator.apply("fraud", **spec("v1"))
        await operator.until("fraud", healthy("v1"), moving=5)
