"""What people should see first is listed first."""

from typing import Literal

import pytest

from serinus.api.reasons import Reason
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Condition, Guarding, Phase, Stable, Status, Weight
from serinus.views.rollout import rollout_view
from serinus.views.urgency import Urgency, urgency
from tests.support.simulated_rollout import B, SimulatedRollout

STABLE = Stable(revision="old", number=1, since=0.0)
CANDIDATE = Candidate(
    revision="new", number=2, stage=Stage.STEPPING, since=0.0, progress_since=0.0,
    weight=Weight(wanted=5, actual=5),
)  # fmt: skip
GUARDED = CANDIDATE.replace(stage=Stage.GUARDED, guarding=Guarding(since=0.0, until=9.0))


def of(phase: Phase, candidate: Candidate | None = None, *amiss: Condition) -> Urgency:
    status = Status(stable=STABLE, phase=phase, candidate=candidate, conditions=list(amiss))
    return urgency(rollout_view(None, status, 0.0))


def condition(
    name: str, reason: str = "Because", status: Literal["True", "False", "Unknown"] = "True"
) -> Condition:
    return Condition(type=name, status=status, reason=reason, last_transition_time=0.0)


DOWN = condition("Available", Reason.UNAVAILABLE, "False")
LED_NOWHERE = condition("Available", Reason.AWAITING_ROUTE, "False")
NEVER_UP = condition("Available", Reason.FIRST_DEPLOYMENT, "False")
UNKNOWN = condition("Available", Reason.INVALID_SPEC, "Unknown")
NO_METRICS = condition("MetricsAvailable", Reason.NO_DATA, "False")


@pytest.mark.parametrize("candidate", [None, CANDIDATE, GUARDED], ids=["none", "steps", "guard"])
@pytest.mark.parametrize("phase", ["Healthy", "Progressing", "Paused", "Degraded"])
@pytest.mark.parametrize("down", [DOWN, LED_NOWHERE])
def test_who_serves_nobody_is_first_whatever_a_rollout_does(
    phase: Phase, candidate: Candidate | None, down: Condition
) -> None:
    assert of(phase, candidate, down, condition("Drifted")) == Urgency.OUTAGE


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (of("Degraded"), Urgency.PERSON),
        (of("Degraded", None, UNKNOWN), Urgency.PERSON),
        (of("Degraded", CANDIDATE, NEVER_UP), Urgency.PERSON),
        (of("Paused", CANDIDATE), Urgency.PERSON),
        (of("Healthy", None, condition("Drifted")), Urgency.PERSON),
        (of("Healthy", GUARDED, condition("Overridden")), Urgency.PERSON),
        (of("Progressing", CANDIDATE), Urgency.UNDER_WAY),
        (of("Progressing", CANDIDATE, NO_METRICS), Urgency.UNDER_WAY),
        (of("Progressing", CANDIDATE, NEVER_UP), Urgency.UNDER_WAY),
        (of("Progressing"), Urgency.UNDER_WAY),
        (of("Healthy", GUARDED), Urgency.UNDER_WAY),
        (of("Healthy"), Urgency.REST),
        (of("Healthy", None, condition("Available")), Urgency.REST),
        (of("Healthy", None, condition("Drifted", status="False")), Urgency.REST),
    ],
)
def test_then_comes_what_needs_a_person_then_what_goes_on_then_the_rest(
    found: Urgency, wanted: Urgency
) -> None:
    assert found == wanted


def test_what_no_operator_has_seen_is_not_taken_for_done() -> None:
    assert urgency(rollout_view(None, Status(), 0.0)) == Urgency.UNDER_WAY


def test_a_real_rollout_rises_when_it_waits_for_a_person_and_sinks_when_it_is_over() -> None:
    steps = [{"setWeight": 5}, {"pause": {"duration": "10m"}}, {"pause": {}}]
    rollout = SimulatedRollout(spec={"rollout": {"steps": steps}}).settle()
    seen = [urgency(rollout_view(None, rollout.status, 0.0))]
    rollout = rollout.apply(B)
    seen.append(urgency(rollout_view(None, rollout.status, 0.0)))
    rollout.judged("Pass").after(601)
    seen.append(urgency(rollout_view(None, rollout.status, 0.0)))
    promoted = rollout.order(f"promote/{B}").settle()
    seen.append(urgency(rollout_view(None, promoted.status, 0.0)))
    assert seen == [Urgency.REST, Urgency.UNDER_WAY, Urgency.PERSON, Urgency.REST]
