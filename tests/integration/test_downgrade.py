"""An older operator over what a newer one wrote, by the newer one's definition."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, STEPS, healthy, spec

CRD = ROOT / "crds" / "modeldeployments.serinus.dev.yaml"

pytestmark = pytest.mark.disturbs_api_server


@pytest.fixture
def newer_definition(kubeconfig: Path) -> Iterator[None]:
    """A definition that has fields and values that this version does not know."""
    definition = yaml.safe_load(CRD.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    rollout, status = schema["spec"]["properties"]["rollout"], schema["status"]["properties"]
    rollout["properties"]["mirror"] = {"type": "string", "default": "1h", "maxLength": 8}
    status["mirror"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    status["phase"]["enum"].append("Guarding")
    candidate = status["candidate"]["properties"]
    candidate["shadowed"] = {"type": "integer"}
    check = candidate["checks"]["items"]["properties"]
    check["verdict"]["enum"].append("Advised")
    check["strata"] = {"type": "array", "items": {"type": "string"}}
    apply = ("apply", "--server-side", "--force-conflicts", "-f")
    kubectl(*apply, "-", stdin=json.dumps(definition))
    yield
    kubectl(*apply, str(CRD))


async def test_an_older_operator_reads_what_a_newer_one_wrote_keeps_it_and_goes_on(
    operator: Operator, newer_definition: None
) -> None:
    rollout = {"steps": STEPS, "analysis": ERRORS, **PATIENT}
    await operator.apply("fraud", **spec("v1", replicas=1, rollout={**rollout, "mirror": "2h"}))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", replicas=1, rollout={**rollout, "mirror": "2h"}))
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    await operator.stop()

    def by_a_newer_one(status: Manifest) -> None:
        status["mirror"] = {"until": "2026-11-25T08:00:00Z"}
        status["phase"] = "Guarding"
        status["candidate"]["shadowed"] = 2
        check, _ = status["candidate"]["checks"]
        check["strata"] = ["eu", "us"]
        status["candidate"]["checks"].append({**check, "name": "shadow", "verdict": "Advised"})

    live = await operator.get("fraud")
    by_a_newer_one(live["status"])
    step = live["status"]["candidate"]["step"]
    await operator.cluster.update_status(live, live["status"])
    assert (await operator.get("fraud"))["status"]["mirror"], "the definition lets it through"

    async with operator:
        status = await operator.until("fraud", lambda s: s["phase"] != "Guarding", moving=0.5)
        assert status["candidate"]["step"] >= step
        assert status["candidate"]["shadowed"] == 2
        assert status["candidate"]["checks"][0]["strata"] == ["eu", "us"]
        assert status["mirror"] == {"until": "2026-11-25T08:00:00Z"}
        told = await operator.until_announced("StatusUnreadable")
        assert "status.phase" in told["note"]
        assert "status.candidate.checks[2].verdict" in told["note"]
        ignored = next(c for c in status["conditions"] if c["type"] == "FieldsIgnored")
        assert "spec.rollout.mirror is unknown" in ignored["message"]
        status = await operator.until("fraud", healthy("v2"), moving=5, within=90)
        assert status["mirror"] == {"until": "2026-11-25T08:00:00Z"}

        await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
        await asyncio.sleep(1)
        resting = (await operator.get("fraud"))["metadata"]["resourceVersion"]
        operator.move(60)
        await asyncio.sleep(2)
        assert (await operator.get("fraud"))["metadata"]["resourceVersion"] == resting


async def test_a_status_that_was_lost_costs_no_pods(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    before = await operator.cluster.list("Deployment", operator.namespace)
    await operator.stop()
    live = await operator.get("fraud")
    kubectl("replace", "--subresource=status", "-f", "-", stdin=json.dumps({**live, "status": {}}))
    async with operator:
        status = await operator.until("fraud", healthy("v1"))
        assert [each["reason"] for each in status["decisions"]] == ["TakenUp"]
    after = await operator.cluster.list("Deployment", operator.namespace)
    assert [one["metadata"]["uid"] for one in after] == [one["metadata"]["uid"] for one in before]
