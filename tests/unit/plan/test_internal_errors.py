"""A candidate that our own code cannot judge loses its traffic, and everybody is told why."""

from dataclasses import replace

import pytest

from serinus.api.isolation import Part, collected
from serinus.plan.silence import UNJUDGED_FOR
from serinus.plan.situation import InternalError, World
from serinus.simulation.cluster import SimulatedCluster
from tests.campaign.raising import planted, targets
from tests.support.simulated_rollout import B, SimulatedRollout, serving
from tests.unit.plan.test_silence import rolling

MESSAGE = "Check errors: An internal error of Serinus."


def world_with(rollout: SimulatedRollout, *errors: InternalError) -> SimulatedRollout:
    def at(now: float) -> World:
        return replace(SimulatedCluster.at(rollout.world, now), internal_errors=errors)

    rollout.world.at = at  # type: ignore[method-assign]
    return rollout


def raising(
    rollout: SimulatedRollout, seconds: float, part: Part = Part.CHECK, times: int = 9
) -> SimulatedRollout:
    """A part of the operator has raised for so long, until now."""
    now = rollout.rollout.now
    error = InternalError(part, MESSAGE, now - seconds, times, now)
    return world_with(rollout, error).judged("Error", MESSAGE)


def test_a_candidate_that_cannot_be_judged_for_two_minutes_loses_its_traffic() -> None:
    rollout = raising(rolling(), UNJUDGED_FOR)
    assert rollout.weight == 0 and rollout.status.rejected is None
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "InternalError")
    assert MESSAGE in rollout.status.message and f"advance/{B}" in rollout.status.message


@pytest.mark.parametrize(
    ("part", "times", "seconds"),
    [
        (Part.CHECK, 9, UNJUDGED_FOR - 1),
        (Part.CHECK, 1, UNJUDGED_FOR),
        (Part.NOTIFICATIONS, 9, 3600.0),
        (Part.FORECAST, 9, 3600.0),
        (Part.INPUTS, 9, 3600.0),
    ],
)
def test_what_judges_all_the_same_goes_on(part: Part, times: int, seconds: float) -> None:
    rollout = raising(rolling(), seconds, part, times)
    assert rollout.weight == 20
    [condition] = [each for each in rollout.status.conditions if each.type == "InternalError"]
    assert (condition.status, condition.message) == ("True", MESSAGE)


def test_a_step_that_is_resumed_gets_its_time_again() -> None:
    rollout = raising(rolling(), UNJUDGED_FOR).order(f"advance/{B}")
    assert rollout.weight == 20
    rollout.after(UNJUDGED_FOR - 1)
    assert raising(rollout, 2 * UNJUDGED_FOR).weight == 20
    rollout.after(1)
    assert raising(rollout, 2 * UNJUDGED_FOR).weight == 0


def test_the_condition_goes_with_the_error() -> None:
    rollout = world_with(raising(rolling(), 10)).after(15)
    assert not [each for each in rollout.status.conditions if each.type == "InternalError"]


def test_a_message_that_cannot_be_made_stops_no_decision() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).after(150)
    named = {each.name: each for each in targets()}
    with collected() as faults, planted(named["plan.summary.report"], []):
        rollout.judged("Fail", "Candidate errors 50%.")
    assert rollout.weight == 0 and rollout.status.rejected
    assert {each.part for each in faults.raised} == {Part.REPORT}
