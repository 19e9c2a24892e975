"""No candidate takes traffic before it is known how stable's counts vary."""

from typing import Any

import pytest

from serinus.metrics.queries import QueryError
from tests.unit.plan.rehearsal import GATEWAY, NO_HISTORY, B, Rehearsal, serving

DOWN = QueryError("Prometheus is down.")


def rolling_out(history: QueryError | None, **spec: Any) -> Rehearsal:
    rehearsal = serving(**spec)
    rehearsal.history = history
    return rehearsal.apply(B)


@pytest.mark.parametrize("traffic", [GATEWAY, {}], ids=["gateway", "replicas"])
def test_the_candidates_pods_start_and_take_no_traffic_until_the_history_is_read(
    traffic: dict[str, Any],
) -> None:
    rehearsal = rolling_out(None, traffic=traffic)
    assert rehearsal.plan
    assert rehearsal.plan.wanted
    assert rehearsal.plan.wanted.replicas[B] == 1
    assert rehearsal.weight == 0
    assert rehearsal.status.candidate
    assert rehearsal.status.candidate.analysis_since is None
    assert rehearsal.reason == "NoData"
    assert "Stable's last hour is read" in rehearsal.status.message
    rehearsal.history = NO_HISTORY
    assert rehearsal.after(1).weight > 0
    assert rehearsal.status.candidate
    assert rehearsal.status.candidate.baseline


def test_pods_that_are_awaited_are_told_before_the_history() -> None:
    rehearsal = serving()
    rehearsal.history = None
    rehearsal.world.broken.add(B)
    assert rehearsal.apply(B).reason == "AwaitingPods"


def test_a_prometheus_that_cannot_be_read_holds_before_the_first_traffic_and_is_told() -> None:
    rehearsal = rolling_out(DOWN)
    assert (rehearsal.weight, rehearsal.reason) == (0, "MetricsUnavailable")
    assert DOWN.message in rehearsal.status.message
    [available] = [c for c in rehearsal.status.conditions if c.type == "MetricsAvailable"]
    assert (available.status, available.reason) == ("False", "MetricsUnavailable")
    for _ in range(5):
        rehearsal.after(15)
    told = [rehearsal.status.phase]
    rehearsal.history = NO_HISTORY
    assert rehearsal.after(15).weight == 5
    assert [*told, rehearsal.status.phase] == ["Paused", "Progressing"]


def test_no_history_is_no_obstacle() -> None:
    rehearsal = serving().apply(B)
    assert rehearsal.weight == 5
    assert rehearsal.status.candidate
    assert rehearsal.status.candidate.baseline
    assert "requests in 0 of the last hour's minutes" in rehearsal.status.candidate.baseline.message


def test_what_is_to_be_expected_is_told_until_something_is_measured() -> None:
    rehearsal = serving().apply(B)
    assert rehearsal.status.candidate
    baseline = rehearsal.status.candidate.baseline
    assert baseline
    assert baseline.message in rehearsal.status.message
    measured = rehearsal.status.candidate.replace(measured_at=1.0)
    rehearsal.rollout.status = rehearsal.status.replace(candidate=measured)
    assert baseline.message not in rehearsal.after(1).status.message


def test_without_checks_nothing_is_read() -> None:
    rehearsal = serving().given(analysis={"checks": []})
    rehearsal.history = None
    assert rehearsal.apply(B).told[-1] == "Promoted"


def test_the_split_alone_is_checked_without_waiting_for_a_history() -> None:
    rehearsal = serving().given(analysis={"checks": [{"name": "split", "trafficShare": {}}]})
    rehearsal.history = None
    assert rehearsal.apply(B).weight == 5


def test_promoted_by_hand_it_waits_for_no_history() -> None:
    rehearsal = rolling_out(None)
    assert rehearsal.order(f"promote/{B}").told[-1] == "Promoted"


def test_what_was_learned_is_kept_with_the_rollout_that_went_by_it() -> None:
    rehearsal = serving().apply(B)
    assert rehearsal.status.candidate
    baseline = rehearsal.status.candidate.baseline
    rehearsal.order(f"abort/{B}")
    assert rehearsal.status.course
    assert rehearsal.status.course.baseline == baseline
