"""The numbered examples whose candidates are judged, driven to where their comments say they go."""

from collections.abc import Iterator, Mapping

import pytest

from tests.stage.deployed import Status
from tests.stage.examples import JUDGED, Applied, judged, verdicts
from tests.stage.stage import Stage

pytestmark = pytest.mark.quiet


@pytest.fixture(scope="module")
def applied(product: Stage) -> Iterator[Mapping[str, Applied]]:
    """All of them."""
    with judged(product, JUDGED) as found:
        yield found


def test_04_drift_rolls_back_a_candidate_that_answers_every_request(
    applied: Mapping[str, Applied],
) -> None:
    example = applied["04-drift"]
    rejected = example.deployed.until_rejected()["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert "Check scores:" in rejected["message"] or "Check classes:" in rejected["message"]
    assert not +example.load.seen.model_failures


def test_07_analysis_finds_what_each_check_asks_for(applied: Mapping[str, Applied]) -> None:
    def has_evidence(status: Status) -> bool:
        return len(verdicts(status)) == 7 and set(verdicts(status).values()) <= {
            *("Pass", "Inconclusive"),
        }

    applied["07-analysis"].deployed.until("every check has evidence", has_evidence)


def test_08_monitoring_tells_that_inputs_are_like_the_training_data(
    applied: Mapping[str, Applied],
) -> None:
    def within(status: Status) -> bool:
        reasons = {each["type"]: each["reason"] for each in status["conditions"]}
        told = reasons["Drifted"], reasons["ErrorsAboveLimit"]
        return told == ("WithinReference", "WithinLimit")

    applied["08-monitoring"].deployed.until("within the reference", within)
