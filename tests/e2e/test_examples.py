"""Every numbered example, applied to a cluster and driven to where its comment says it goes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from serinus.manifests.revision import approval_digest
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.stage import Stage

pytestmark = pytest.mark.quiet

EXAMPLES: Final = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
IMAGE: Final = "localhost/serinus-model-server:dev"
LONGEST: Final = 300.0

RATES: Final = {
    "02-canary": 60.0,
    "04-drift": 20.0,
    "05-threshold": 20.0,
    "07-analysis": 6.0,
    "08-monitoring": 4.0,
}
"""Requests a second to those that wait for evidence."""
HEARD: Final = {"07-analysis"}
"""Those whose clients tell what became of the answers."""
CANDIDATES: Final = {"04-drift": "v4"}
"""Other versions than the example's own, where it is about those that are refused."""


@dataclass(frozen=True)
class Applied:
    """An example that was applied over a running v1, in a namespace of its own."""

    deployed: Deployed
    load: Load | None


@pytest.fixture(scope="module")
def applied(product: Stage) -> Iterator[Mapping[str, Applied]]:
    """All of them beside each other, since most of their time goes by waiting; but candidates
    start one after another, for a start takes a core from the pods that serve."""
    names = [path.stem for path in EXAMPLES]
    found = {name: Deployed(product.api, f"e2e-example-{name}", "loan") for name in names}
    for name, deployed in found.items():
        product.fresh_namespace(deployed.namespace)
        product.api.apply(_manifest(product, name, deployed.namespace, "v1"))
    for deployed in found.values():
        deployed.until_healthy("v1")
    with ExitStack() as stack:
        loads = {
            name: stack.enter_context(
                _load(product, found[name].namespace, rate, feedback=name in HEARD)
            )
            for name, rate in RATES.items()
        }
        for name in names[1:]:
            version = CANDIDATES.get(name, "v2")
            product.api.apply(_manifest(product, name, found[name].namespace, version))
            found[name].until("the candidate's pods run", _candidate_runs)
        yield {name: Applied(deployed, loads.get(name)) for name, deployed in found.items()}
    for deployed in found.values():
        product.delete_namespace(deployed.namespace)


def _manifest(product: Stage, name: str, namespace: str, version: str) -> dict[str, Any]:
    path = next(path for path in EXAMPLES if path.stem == name)
    text = path.read_text(encoding="utf-8").replace(IMAGE, product.model_image)
    manifest: dict[str, Any] = yaml.safe_load(text)
    manifest["metadata"]["namespace"] = namespace
    manifest["spec"]["model"]["version"] = version
    return manifest


def _candidate_runs(status: Status) -> bool:
    return bool((status.get("candidate") or {}).get("readyReplicas"))


def _load(product: Stage, namespace: str, rate: float, *, feedback: bool) -> Load:
    url = f"http://loan.{namespace}.svc.cluster.local"
    target = Target(url, namespace, rate, keep_alive=False, feedback=feedback)
    return Load(product.api, product.model_image, namespace, target)


def test_01_first_serves_at_once(applied: Mapping[str, Applied]) -> None:
    status = applied["01-first"].deployed.until_healthy("v1")
    assert status["stable"]["readyReplicas"] == 1


def test_03_gateway_splits_to_the_percent_whatever_the_number_of_pods(
    applied: Mapping[str, Applied],
) -> None:
    loan = applied["03-gateway"].deployed
    status = loan.until_weight(5)
    assert status["candidate"]["readyReplicas"] == 1
    [route] = loan.children("HTTPRoute")
    weights = [backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]]
    assert weights == [95, 5]


def test_11_routes_splits_in_each_rule_that_leads_to_the_model(
    applied: Mapping[str, Applied],
) -> None:
    loan = applied["12-routes"].deployed
    loan.until_weight(5)
    [route] = loan.children("HTTPRoute")
    served, redirect = route["spec"]["rules"]
    assert [backend["weight"] for backend in served["backendRefs"]] == [95, 5]
    assert "backendRefs" not in redirect


def test_04_drift_rolls_back_a_candidate_that_answers_every_request(
    applied: Mapping[str, Applied],
) -> None:
    example = applied["04-drift"]
    rejected = example.deployed.until_rejected()["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert "Check scores:" in rejected["message"] or "Check classes:" in rejected["message"]
    assert example.load
    assert not +example.load.seen.model_failures


def test_05_threshold_holds_a_value_of_any_query_against_its_bounds(
    applied: Mapping[str, Applied],
) -> None:
    status = applied["05-threshold"].deployed.until(
        "slow is shown to be within bounds",
        lambda s: _verdicts(s).get("slow") == "Pass",
    )
    assert status["candidate"]["weight"]["wanted"] == 5


def test_06_by_hand_waits_until_someone_says_go_on(applied: Mapping[str, Applied]) -> None:
    loan = applied["06-by-hand"].deployed
    status = loan.until(
        "waits for a person",
        lambda s: (s.get("candidate") or {}).get("hold", {}).get("reason") == "AwaitingCommand",
    )
    assert status["phase"] == "Paused"
    loan.command(f"promote/{status['candidate']['revision']}")
    loan.until_healthy("v2")


def test_07_analysis_finds_what_each_check_asks_for(applied: Mapping[str, Applied]) -> None:
    def judged(status: Status) -> bool:
        return len(_verdicts(status)) == 7 and set(_verdicts(status).values()) <= {
            *("Pass", "Inconclusive"),
        }

    applied["07-analysis"].deployed.until("every check has evidence", judged)


def test_08_monitoring_tells_that_inputs_are_like_the_training_data(
    applied: Mapping[str, Applied],
) -> None:
    def within(status: Status) -> bool:
        reasons = {each["type"]: each["reason"] for each in status["conditions"]}
        told = reasons["Drifted"], reasons["ErrorsAboveLimit"]
        return told == ("WithinReference", "WithinLimit")

    applied["08-monitoring"].deployed.until("within the reference", within)


def test_09_approval_waits_until_someone_with_the_verb_approves(
    applied: Mapping[str, Applied],
) -> None:
    loan = applied["09-approval"].deployed
    status = loan.until(
        "waits to be approved",
        lambda s: (s.get("candidate") or {}).get("hold", {}).get("reason") == "AwaitingApproval",
    )
    assert status["phase"] == "Paused"
    me = loan.api.run("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    digest = approval_digest(loan.live()["spec"])
    loan.command(f"approve/{status['candidate']['revision']}/2/{digest}/1/{me}")
    status = loan.until(
        "is approved", lambda s: "Approved" in {each["reason"] for each in s["decisions"]}
    )
    assert f"step 2 approved by {me}" in status["message"]


def test_10_guard_stays_behind_when_v2_is_promoted(applied: Mapping[str, Applied]) -> None:
    loan = applied["10-guard"].deployed
    loan.command(f"promote/{loan.status()['candidate']['revision']}")
    status = loan.until_weight(95)
    assert status["phase"] == "Healthy"
    assert "is guarded until" in status["message"]


def test_11_validation_gives_v2_its_weight_and_v4_nothing(
    applied: Mapping[str, Applied],
) -> None:
    loan = applied["11-validation"].deployed
    status = loan.until(
        "waits for a person",
        lambda s: (s.get("candidate") or {}).get("hold", {}).get("reason") == "AwaitingCommand",
    )
    warm, result = (each["said"] for each in status["candidate"]["results"])
    assert warm == "1 pods are warm", "as many as the first weight needs"
    assert json.loads(result)["accuracy"] > json.loads(result)["stable"]["accuracy"]
    loan.patch(model={"version": "v4"})
    status = loan.until_rejected(within=LONGEST)
    assert status["rejected"]["reason"] == "JobFailed"
    assert (
        "result.accuracy >= result.stable.accuracy - 0.005 is not met"
        in (status["rejected"]["message"])
    )


def test_02_canary_rolls_v2_out(applied: Mapping[str, Applied]) -> None:
    example = applied["02-canary"]
    example.deployed.until_healthy("v2", within=LONGEST)
    assert example.load
    clients = example.load.stop()
    assert not clients.unexplained, example.load.unexplained_at
    assert not +clients.model_failures


def _verdicts(status: Status) -> dict[str, str]:
    checks = (status.get("candidate") or {}).get("checks", [])
    return {check["name"]: check["verdict"] for check in checks}
