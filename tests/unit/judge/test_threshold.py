"""threshold: held in time, honest about what it proves."""

import math

import pytest

from serinus.api.status import CheckStatus
from serinus.metrics.queries import ExpressionQuery, QueryError, QueryResult, Series
from tests.support.simulated_analysis import SimulatedAnalysis

QUERY = "max(model_drift_psi{$arm})"


def judging(**settings: object) -> SimulatedAnalysis:
    return SimulatedAnalysis(
        {"name": "psi", "threshold": {"query": QUERY, "max": 0.25, **settings}}
    )


def look(simulated: SimulatedAnalysis, answer: float | QueryResult) -> CheckStatus:
    vector = (Series({}, ((simulated.at, answer),)),) if isinstance(answer, float | int) else answer
    simulated.values = {ExpressionQuery(QUERY): vector}
    return simulated.look()


def test_a_breach_fails_only_once_it_has_been_held() -> None:
    simulated = judging(**{"for": "30s"})
    assert look(simulated, 0.4).verdict == "Inconclusive"
    assert look(simulated, 0.5).verdict == "Inconclusive"
    found = look(simulated, 0.31)
    assert found.verdict == "Fail"
    assert found.message == (
        "max(model_drift_psi{$arm}) is 0.31, out of bounds (max 0.25) for 30s. "
        "A threshold has no statistical guarantee."
    )


def test_a_breach_that_is_interrupted_starts_anew() -> None:
    simulated = judging(**{"for": "30s"})
    for value in (0.4, 0.4, 0.1, 0.4, 0.4):
        assert look(simulated, value).verdict == "Inconclusive"
    assert look(simulated, 0.4).verdict == "Fail"


@pytest.mark.parametrize("value", [0.4, 0.1])
def test_time_in_which_nothing_was_read_is_not_held(value: float) -> None:
    simulated = judging(**{"for": "10m"})
    assert look(simulated, value).verdict == "Inconclusive"
    simulated.at += 900
    assert look(simulated, value).verdict == "Inconclusive"
    found = [look(simulated, value).verdict for _ in range(40)]
    assert found[-1] == ("Fail" if value > 0.25 else "Pass")


def test_being_in_bounds_passes_only_once_it_has_been_held() -> None:
    simulated = judging(**{"for": "30s"})
    assert look(simulated, 0.1).verdict == "Inconclusive"
    assert look(simulated, 0.1).message == (
        "max(model_drift_psi{$arm}) is 0.1, within bounds (max 0.25) for 15s of 30s."
    )
    assert look(simulated, 0.1).verdict == "Pass"


def test_a_clock_that_is_set_back_by_an_hour_lets_no_breach_be_held_for_that_hour() -> None:
    simulated = judging(**{"for": "30s"})
    assert look(simulated, 0.4).verdict == "Inconclusive"
    simulated.at -= 3600
    assert look(simulated, 0.4).verdict == "Inconclusive"
    look(simulated, 0.4)
    assert look(simulated, 0.4).verdict == "Fail"


def test_without_a_time_to_hold_the_first_value_decides() -> None:
    assert look(judging(), 0.25).verdict == "Pass"
    assert look(judging(), 0.26).verdict == "Fail"
    assert look(judging(min=0.1), 0.05).verdict == "Fail"


def test_of_several_elements_the_worst_decides_and_is_named() -> None:
    answer = tuple(Series({"feature": f}, ((0.0, v),)) for f, v in (("age", 0.1), ("income", 0.7)))
    found = look(judging(), answer)
    assert found.verdict == "Fail"
    assert "is 0.7 for feature=income, out of bounds" in found.message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_an_error_and_breaks_the_time_held(value: float) -> None:
    simulated = judging(**{"for": "30s"})
    look(simulated, 0.4)
    look(simulated, 0.4)
    found = look(simulated, value)
    assert found.verdict == "Error"
    assert found.message == f"{QUERY} is {value}, not a finite number."
    assert look(simulated, 0.4).verdict == "Inconclusive"


def test_an_empty_answer_is_no_data() -> None:
    found = look(judging(), ())
    assert found.verdict == "NoData"
    assert "has no value" in found.message


def test_a_query_that_was_refused_is_an_error_that_tells_why() -> None:
    found = look(judging(), QueryError("Prometheus rejected the query (HTTP 400): parse error."))
    assert (found.verdict, found.message) == (
        "Error",
        "Prometheus rejected the query (HTTP 400): parse error.",
    )
