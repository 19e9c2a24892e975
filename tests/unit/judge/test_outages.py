"""What both arms share fails, and pods are scraped at different moments: nobody is to blame."""

from collections.abc import Callable

import pytest

from tests.support.simulated_analysis import SimulatedAnalysis, drift, error_rate, latency


def errors(simulated: SimulatedAnalysis, bad: int) -> None:
    simulated.errors((bad, 75), (14, 1425))


def durations(simulated: SimulatedAnalysis, bad: int) -> None:
    simulated.durations({0.1: 75 - bad, 1.0: bad}, {0.1: 1411, 1.0: 14})


def classes(simulated: SimulatedAnalysis, bad: int) -> None:
    simulated.classes({"cat": 75 - bad, "dog": bad}, {"cat": 1411, "dog": 14})


@pytest.mark.parametrize("good_looks", [0, 3, 200])
@pytest.mark.parametrize(
    ("check", "serve"),
    [
        (error_rate(), errors),
        (error_rate(tolerance=1, absoluteTolerance="0%"), errors),
        (latency(), durations),
        (drift(classes={"metric": "model_predictions_total"}), classes),
    ],
    ids=["errors", "errors by a ratio", "latency", "drift"],
)
def test_one_look_is_not_enough_and_two_are_however_late(
    check: dict[str, object], serve: Callable[[SimulatedAnalysis, int], None], good_looks: int
) -> None:
    simulated = SimulatedAnalysis(check)
    serve(simulated, 0)
    simulated.scrape()
    for _ in range(2 + good_looks):
        serve(simulated, 0)
        simulated.look()
    serve(simulated, 75)
    assert simulated.look().verdict != "Fail"
    serve(simulated, 75)
    assert simulated.look().verdict == "Fail"
