"""What a rollout wants measured, and when."""

from typing import Any

from serinus.api.spec import Spec
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.judge.questions import Arm
from serinus.manifests.owner import Owner
from serinus.plan.analysis import LONGEST_WINDOW, LOOKBACK, next_look, requested
from tests.unit.plan.rehearsal import TEMPLATE

OWNER = Owner("shop", "fraud", "4f7c")
ERRORS = {"analysis": {"interval": "5s", "checks": [{"name": "errors", "errorRate": {}}]}}
STABLE = Stable(revision="old", number=1, since=0.0)


def candidate(analysis_since: float | None = 1000.0) -> Candidate:
    return Candidate(
        revision="new",
        number=2,
        mode="Steps",
        weight=Weight(wanted=20, actual=20),
        since=900.0,
        progress_since=900.0,
        analysis_since=analysis_since,
    )


def spec(**rollout: Any) -> Spec:
    return Spec.model_validate({"template": TEMPLATE, "rollout": rollout or ERRORS})


def test_nothing_is_measured_before_the_analysis_begins_or_without_checks() -> None:
    assert requested(OWNER, spec(), Status(stable=STABLE)) is None
    assert requested(OWNER, spec(), Status(candidate=candidate())) is None
    waiting = Status(stable=STABLE, candidate=candidate(analysis_since=None))
    assert requested(OWNER, spec(), waiting) is None
    running = Status(stable=STABLE, candidate=candidate())
    assert requested(OWNER, spec(analysis={"checks": []}), running) is None


def test_both_arms_are_measured_by_the_names_of_their_deployments() -> None:
    asked = requested(OWNER, spec(), Status(stable=STABLE, candidate=candidate()))
    assert asked is not None
    assert (asked.interval, asked.covered_until) == (5.0, 1000.0)
    assert asked.candidate == Arm("shop", "fraud-new")
    assert asked.stable == Arm("shop", "fraud-old")
    assert len(asked.questions) > 0


def test_the_window_reaches_back_to_what_was_counted_and_has_an_end() -> None:
    asked = requested(OWNER, spec(), Status(stable=STABLE, candidate=candidate()))
    assert asked is not None
    assert asked.window(1030.0) == 30.0 + LOOKBACK
    assert asked.window(1e6) == LONGEST_WINDOW


def test_looks_are_at_multiples_of_the_interval() -> None:
    assert next_look(5.0, 1003.0) == 1005.0
    assert next_look(5.0, 1005.0) == 1010.0, "the look of this very moment has been taken"
