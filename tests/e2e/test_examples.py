"""The numbered examples that wait for pods and people, driven to where their comments go, and those
of `test_long_examples.py` to their first weight."""

import json
from collections.abc import Iterator, Mapping

import pytest

from serinus.manifests.revision import approval_digest
from tests.stage.deployed import Deployed
from tests.stage.examples import EXAMPLES, JUDGED, apply_candidate, running, until_candidate_runs
from tests.stage.stage import Stage

pytestmark = pytest.mark.quiet


@pytest.fixture(scope="module")
def applied(product: Stage) -> Iterator[Mapping[str, Deployed]]:
    """All of them beside each other, since most of their time goes by waiting."""
    names = [name for name in EXAMPLES if name not in JUDGED]
    with running(product, names) as found:
        rolled_out = {name: found[name] for name in names[1:]}
        for name, deployed in rolled_out.items():
            apply_candidate(product, name, deployed)
        for deployed in rolled_out.values():
            until_candidate_runs(deployed)
        yield found


def test_01_first_serves_at_once(applied: Mapping[str, Deployed]) -> None:
    status = applied["01-first"].until_healthy("v1")
    assert status["stable"]["readyReplicas"] == 1


@pytest.mark.parametrize(("name", "first"), [("02-canary", 20), ("05-threshold", 5)])
def test_a_candidate_that_waits_for_evidence_gets_its_first_weight(
    applied: Mapping[str, Deployed], name: str, first: int
) -> None:
    status = applied[name].until(
        "its candidate has traffic",
        lambda s: ((s.get("candidate") or {}).get("weight") or {}).get("actual", 0) > 0,
    )
    assert status["candidate"]["weight"]["wanted"] == first


def test_03_gateway_splits_to_the_percent_whatever_the_number_of_pods(
    applied: Mapping[str, Deployed],
) -> None:
    loan = applied["03-gateway"]
    status = loan.until_weight(5)
    assert status["candidate"]["readyReplicas"] == 1
    [route] = loan.children("HTTPRoute")
    weights = [backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]]
    assert weights == [95, 5]


def test_12_routes_splits_in_each_rule_that_leads_to_the_model(
    applied: Mapping[str, Deployed],
) -> None:
    loan = applied["12-routes"]
    loan.until_weight(5)
    [route] = loan.children("HTTPRoute")
    served, redirect = route["spec"]["rules"]
    assert [backend["weight"] for backend in served["backendRefs"]] == [95, 5]
    assert "backendRefs" not in redirect


def test_06_by_hand_waits_until_someone_says_go_on(applied: Mapping[str, Deployed]) -> None:
    loan = applied["06-by-hand"]
    status = loan.until(
        "waits for a person",
        lambda s: (s.get("candidate") or {}).get("hold", {}).get("reason") == "AwaitingCommand",
    )
    assert status["phase"] == "Paused"
    loan.command(f"promote/{status['candidate']['revision']}")
    loan.until_healthy("v2")


def test_09_approval_waits_until_someone_with_the_verb_approves(
    applied: Mapping[str, Deployed],
) -> None:
    loan = applied["09-approval"]
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


def test_10_guard_stays_behind_when_v2_is_promoted(applied: Mapping[str, Deployed]) -> None:
    loan = applied["10-guard"]
    loan.command(f"promote/{loan.status()['candidate']['revision']}")
    status = loan.until_weight(95)
    assert status["phase"] == "Healthy"
    assert "is guarded until" in status["message"]


def test_11_validation_gives_v2_its_weight_and_v4_nothing(
    applied: Mapping[str, Deployed],
) -> None:
    loan = applied["11-validation"]
    status = loan.until(
        "waits for a person",
        lambda s: (s.get("candidate") or {}).get("hold", {}).get("reason") == "AwaitingCommand",
    )
    warm, result = (each["said"] for each in status["candidate"]["results"])
    assert warm == "1 pods are warm", "as many as the first weight needs"
    assert json.loads(result)["accuracy"] > json.loads(result)["stable"]["accuracy"]
    loan.patch(model={"version": "v4"})
    status = loan.until_rejected(within=300.0)
    assert status["rejected"]["reason"] == "JobFailed"
    assert (
        "result.accuracy >= result.stable.accuracy - 0.005 is not met"
        in (status["rejected"]["message"])
    )
