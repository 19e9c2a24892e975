"""The numbered examples whose candidates are judged, driven to where their comments say they go."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.examples import JUDGED, apply_candidate, running, until_candidate_runs
from tests.stage.load import Load, Target
from tests.stage.stage import Stage

pytestmark = pytest.mark.quiet

HEARD: Final = {"07-analysis"}
"""Those whose clients tell what became of the answers."""


@dataclass(frozen=True)
class Applied:
    """An example whose candidate has begun, and its clients."""

    deployed: Deployed
    load: Load


Begin = Callable[[str], Applied]


@pytest.fixture(scope="module")
def begin(product: Stage) -> Iterator[Begin]:
    """Begins the rollout of one of them, with its clients; v1 of all serves beside each other."""
    with running(product, JUDGED) as found, ExitStack() as stack:

        def begun(name: str) -> Applied:
            feedback = name in HEARD
            load = _load(product, found[name].namespace, JUDGED[name], feedback=feedback)
            applied = Applied(found[name], stack.enter_context(load))
            apply_candidate(product, name, found[name])
            until_candidate_runs(found[name])
            return applied

        yield begun


@pytest.fixture(scope="module")
def applied(begin: Begin) -> Mapping[str, Applied]:
    """Those that are judged beside each other; they start one after another, for a start takes a
    core from the pods that serve."""
    return {name: begin(name) for name in JUDGED if name != "02-canary"}


def _load(product: Stage, namespace: str, rate: float, *, feedback: bool) -> Load:
    url = f"http://loan.{namespace}.svc.cluster.local"
    target = Target(url, namespace, rate, keep_alive=False, feedback=feedback)
    return Load(product.api, product.model_image, namespace, target)


def test_04_drift_rolls_back_a_candidate_that_answers_every_request(
    applied: Mapping[str, Applied],
) -> None:
    example = applied["04-drift"]
    rejected = example.deployed.until_rejected()["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert "Check scores:" in rejected["message"] or "Check classes:" in rejected["message"]
    assert not +example.load.seen.model_failures


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


def test_05_threshold_holds_a_value_of_any_query_against_its_bounds(
    applied: Mapping[str, Applied],
) -> None:
    status = applied["05-threshold"].deployed.until(
        "approved is shown to be within bounds",
        lambda s: _verdicts(s).get("approved") == "Pass",
    )
    assert status["candidate"]["weight"]["wanted"] == 5


def test_02_canary_rolls_v2_out(begin: Begin) -> None:
    example = begin("02-canary")  # when the pods of the others have started: it has most requests
    example.deployed.until_healthy("v2", within=300.0)
    clients = example.load.stop()
    assert not clients.unexplained, example.load.unexplained_at
    assert not +clients.model_failures


def _verdicts(status: Status) -> dict[str, str]:
    checks = (status.get("candidate") or {}).get("checks", [])
    return {check["name"]: check["verdict"] for check in checks}
