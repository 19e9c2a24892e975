"""What raises while a candidate is judged becomes the Error of that part, and the rest goes on."""

from collections.abc import Iterator

import pytest

from serinus.api.isolation import Faults, Part, collected
from serinus.api.monitoring import FeatureDrift
from serinus.judge import judge, learn
from serinus.metrics.queries import History
from tests.campaign.raising import planted, targets
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis
from tests.unit.judge.test_analysis import serve, serving

NAMED = {each.name: each for each in targets()}


@pytest.fixture
def faults() -> Iterator[Faults]:
    with collected() as found:
        yield found


def failing(function: str) -> tuple[SimulatedAnalysis, dict[str, str]]:
    """Half of the candidate's requests fail, and a function raises at each look; the verdicts."""
    simulated = serving()
    with planted(NAMED[function], []):
        for _ in range(14):
            serve(simulated, errors=47)
            simulated.look()
    return simulated, {each.name: each.verdict for each in simulated.progress.checks}


def test_a_check_that_raises_is_an_error_and_another_fails_the_candidate(faults: Faults) -> None:
    simulated, verdicts = failing("judge.checks.prediction_drift.PredictionDriftCheck.judge")
    assert verdicts == {"errors": "Fail", "drift": "Error"}
    [said] = {each.message for each in simulated.progress.checks if each.name == "drift"}
    assert said.startswith("An internal error of Serinus (PlantedError in ")
    assert {(each.part, each.name) for each in faults.raised} == {(Part.CHECK, "drift")}


def test_a_comparison_of_inputs_that_raises_stops_no_check(faults: Faults) -> None:
    simulated = serving()
    progress = simulated.progress
    with planted(NAMED["judge.inputs.comparing.compare_inputs"], []):
        for _ in range(14):
            serve(simulated, errors=47)
            simulated.look()
            measured, features = simulated.measurement(), FeatureDrift()
            weight = simulated.weight
            progress = judge(
                simulated.analysis, progress, measured, SINCE, weight, features=features
            )
    assert progress.checks[0].verdict == "Fail"
    assert {each.part for each in faults.raised} == {Part.INPUTS}


def test_a_test_for_silence_that_raises_stops_no_check(faults: Faults) -> None:
    _, verdicts = failing("judge.silence.listen")
    assert verdicts["errors"] == "Fail"
    assert {each.part for each in faults.raised} == {Part.SILENCE}


def test_what_could_not_be_counted_is_counted_once_it_can(faults: Faults) -> None:
    simulated = serving()
    with planted(NAMED["metrics.counters.count"], []):
        serve(simulated, errors=47)
        simulated.look()
    assert {each.verdict for each in simulated.progress.checks} == {"Error"}
    serve(simulated)
    simulated.look()
    errors = next(each for each in simulated.progress.checks if each.name == "errors")
    assert errors.state.candidate == {"requests": 2 * 95}


def test_a_candidate_that_has_failed_stays_failed(faults: Faults) -> None:
    simulated = serving()
    for _ in range(14):
        serve(simulated, errors=47)
        simulated.look()
    with planted(NAMED["judge.checks.event_share.EventShare.judge"], []):
        serve(simulated, errors=47)
        simulated.look()
    assert simulated.progress.checks[0].verdict == "Fail"


def test_a_forecast_that_raises_leaves_the_checks_what_they_learned(faults: Faults) -> None:
    simulated = serving()
    serve(simulated)
    simulated.look()
    history = History(simulated.at, simulated.measurement().stable)  # type: ignore[arg-type]
    known = learn(simulated.analysis, history, [20])
    with planted(NAMED["judge.forecast.waits.waits"], []):
        found = learn(simulated.analysis, history, [20])
    assert not isinstance(found, type(None))
    assert getattr(found, "checks", None) == getattr(known, "checks", 0)


def test_where_nobody_collects_a_check_raises() -> None:
    simulated = serving()
    serve(simulated)
    with planted(NAMED["judge.silence.listen"], []), pytest.raises(Exception, match="listen"):
        judge(
            simulated.analysis,
            simulated.progress,
            simulated.measurement(),
            SINCE,
            simulated.weight,
            features=FeatureDrift(),
        )
