"""What scripts are told about a rollout."""

from typing import Any

import pytest

from serinus.api.reasons import Reason
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Condition, Hold, Rejected, Stable, Status, Weight
from serinus.views.outcome import Outcome, outcome
from serinus.views.reading import Live

STABLE = Stable(revision="old", number=1, since=0.0)
CANDIDATE = Candidate(
    revision="new", number=2, stage=Stage.STEPPING, since=0.0, progress_since=0.0,
    weight=Weight(wanted=5, actual=5),
)  # fmt: skip
REJECTED = Rejected(revision="new", reason="CheckFailed", message="Worse.", at=1.0)


def held(reason: Reason) -> Candidate:
    return CANDIDATE.replace(hold=Hold(reason=reason, message="Because.", since=0.0))


def stalled(reason: Reason) -> list[Condition]:
    return [Condition(type="Stalled", status="True", reason=reason, last_transition_time=0.0)]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ({}, "Going"),
        ({"stable": STABLE, "phase": "Healthy"}, "Healthy"),
        ({"stable": STABLE, "phase": "Progressing"}, "Promoted"),
        ({"stable": STABLE, "candidate": CANDIDATE}, "Going"),
        ({"stable": STABLE, "candidate": CANDIDATE, "phase": "Paused"}, "Paused"),
        (
            {"stable": STABLE, "candidate": held(Reason.AWAITING_COMMAND), "phase": "Paused"},
            "Paused",
        ),
        # Prometheus may come back
        (
            {"stable": STABLE, "candidate": held(Reason.METRICS_UNAVAILABLE), "phase": "Paused"},
            "Going",
        ),
        ({"stable": STABLE, "candidate": held(Reason.NO_DATA), "phase": "Paused"}, "Going"),
        ({"stable": STABLE, "rejected": REJECTED, "phase": "Degraded"}, "RolledBack"),
        # an undo, or a retry, is under way
        ({"stable": STABLE, "rejected": REJECTED, "candidate": CANDIDATE}, "Going"),
        ({"stable": STABLE, "conditions": stalled(Reason.ROUTE_REFUSED)}, "Stalled"),
        # another spec than the rejected one, which nobody can run
        ({"rejected": REJECTED, "conditions": stalled(Reason.INVALID_SPEC)}, "Stalled"),
        # the operator has not seen the newest spec
        ({"stable": STABLE, "phase": "Healthy", "observed_generation": 1}, "Going"),
        ({"rejected": REJECTED, "observed_generation": 1}, "Going"),
    ],
    ids=str,
)
def test_an_outcome_is_told_once_the_operator_has_seen_the_spec(
    status: dict[str, Any], wanted: Outcome
) -> None:
    seen = Status(**{"observed_generation": 2, **status})
    assert outcome(Live("shop", "loan", 2, "", None, seen)) == wanted
