"""The scenarios of `make bench-scenarios`, and one of them."""

import pytest

from serinus.api.spec import Spec
from tests.bench.scenarios.__main__ import NAMED, run, table
from tests.bench.scenarios.nights import SCENARIOS
from tests.bench.scenarios.scenario import Grade, Outcome, Scenario, held, promoted, rolled_back


def test_each_scenario_has_a_name_of_its_own() -> None:
    assert len(NAMED) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_is_a_spec_that_a_user_may_apply_and_says_what_is_wanted(
    scenario: Scenario,
) -> None:
    spec = Spec.model_validate(scenario.spec("v2"))
    assert spec.rollout.choice_within is not None, "the steps are left to the operator"
    assert scenario.right
    assert scenario.forbidden
    assert sum(part.share for part in scenario.parts) > 0


def test_the_first_wish_that_is_met_grades_an_end() -> None:
    scenario = Scenario(
        *("models", "any", "Any night."),
        right=[promoted("1h")],
        acceptable=[held("node-7")],
        forbidden=[rolled_back()],
    )

    def ends(how: str, after: float = 60.0, said: str = "") -> Outcome:
        return Outcome(how, after, said, 5.0, 100, 1)  # type: ignore[arg-type]

    assert scenario.graded(ends("Promoted")) is Grade.RIGHT
    assert scenario.graded(ends("Promoted", 7200.0)) is Grade.POOR
    assert scenario.graded(ends("Held", said="Node-7 is bad")) is Grade.ACCEPTABLE
    assert scenario.graded(ends("Held")) is Grade.POOR
    assert scenario.graded(ends("RolledBack")) is Grade.FORBIDDEN


def test_a_scenario_runs_through_the_whole_operator_and_twice_the_same() -> None:
    once, again = run(("fails-everything", 1)), run(("fails-everything", 1))
    assert not once.crash
    assert once.outcome is not None
    assert once.outcome.ending == "RolledBack"
    assert 0 < once.outcome.failed == once.outcome.requests
    assert once.outcome == again.outcome
    assert "| models | " in table([once])
