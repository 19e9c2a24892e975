"""A guard whose end is moved, or that goes on after it, finds new faults as another one does."""

from random import Random

from serinus.judge import GuardWindow
from serinus.simulation.draws import poisson
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, error_rate

HOUR = 3600.0
LOOK = 60.0


def found_after(windows: dict[float, GuardWindow], onset: float) -> float:
    """Minutes from the onset (hours after the promotion) of 5% errors until Fail, with the window
    of the guard from each moment on, in hours."""
    rng, simulated = Random(1), SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    while True:
        passed = (simulated.at - SINCE) / HOUR
        simulated.guard = windows[max(each for each in windows if each <= max(passed, 0.0))]
        share = 0.05 if passed >= onset else 0.01
        of_the_previous = poisson(rng, 5 * LOOK * 0.01), int(5 * LOOK)
        simulated.errors((poisson(rng, 95 * LOOK * share), int(95 * LOOK)), of_the_previous)
        if simulated.look(LOOK).verdict == "Fail" or passed > onset + 3:
            return (simulated.at - SINCE - onset * HOUR) / 60


def test_a_guard_that_is_extended_finds_a_new_fault_in_minutes() -> None:
    short, long = GuardWindow(SINCE, 3 * HOUR), GuardWindow(SINCE, 21 * HOUR)
    at = SINCE + 2.5 * HOUR
    moved = GuardWindow(at, SINCE + 21 * HOUR - at, short.reserved(at))
    from_the_start = found_after({0.0: long}, onset=7.5)
    assert from_the_start < 10
    assert found_after({0.0: short, 2.5: moved}, onset=7.5) <= from_the_start + 4
    # shortened, and extended once more
    again = GuardWindow(at + HOUR, 17.5 * HOUR, GuardWindow(at, HOUR / 2, 0.4).reserved(at + HOUR))
    assert found_after({0.0: short, 3.5: again}, onset=7.5) <= from_the_start + 7


def test_a_guard_that_cannot_end_finds_a_new_fault_after_its_end() -> None:
    over = GuardWindow(SINCE, 3 * HOUR)
    assert found_after({0.0: over}, onset=5) <= 9
