"""What is said of revisions that are asked differently."""

from collections.abc import Iterator, Mapping

from serinus.api.monitoring import FeatureDrift
from tests.support.simulated_analysis import SimulatedAnalysis, error_rate

USUAL: Mapping[float, int] = {2000: 140, 4000: 570, 8000: 570, float("inf"): 145}
POORER: Mapping[float, int] = {2000: 40, 4000: 25, 8000: 7, float("inf"): 3}


def input_rows() -> Iterator[tuple[str, str, str]]:
    """The reason or verdict, what happens and what is said of it."""
    simulated = SimulatedAnalysis(error_rate())
    simulated.features = FeatureDrift()
    for number in range(100):
        simulated.feature("income", POORER, USUAL)
        simulated.errors((75 if number == 1 else 0, 75), (0, 1425))
        found = simulated.look()
        if number == 1:
            yield found.verdict, "A check would fail before the difference is shown.", found.message
        inputs = simulated.progress.inputs
        if inputs and inputs.unlike:
            yield "ArmsDiffer", "The candidate gets lower incomes.", inputs.unlike.message
            yield found.verdict, "Any check, meanwhile.", found.message
            return
    raise ValueError("the arms are not found to differ")
