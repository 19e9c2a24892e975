"""No candidate takes traffic before it is known how stable's counts vary."""

from typing import Any

import pytest

from serinus.metrics.queries import QueryError
from tests.support.simulated_rollout import GATEWAY, NO_HISTORY, B, SimulatedRollout, serving

DOWN = QueryError("Prometheus is down.")


def rolling_out(history: QueryError | None, **spec: Any) -> SimulatedRollout:
    rollout = serving(**spec)
    rollout.history = history
    return rollout.apply(B)


@pytest.mark.parametrize("traffic", [GATEWAY, {}], ids=["gateway", "replicas"])
def test_the_candidates_pods_start_and_take_no_traffic_until_the_history_is_read(
    traffic: dict[str, Any],
) -> None:
    rollout = rolling_out(None, traffic=traffic)
    assert rollout.plan
    assert rollout.plan.wanted
    assert rollout.plan.wanted.replicas[B] == 1
    assert rollout.weight == 0
    assert rollout.status.candidate
    assert rollout.status.candidate.analysis_since is None
    assert rollout.reason == "NoData"
    assert "Reading stable's last hour" in rollout.status.message
    rollout.history = NO_HISTORY
    assert rollout.after(1).weight > 0
    assert rollout.status.candidate
    assert rollout.status.candidate.baseline


def test_pods_that_are_awaited_are_told_before_the_history() -> None:
    rollout = serving()
    rollout.history = None
    rollout.world.broken.add(B)
    assert rollout.apply(B).reason == "AwaitingPods"


def test_a_prometheus_that_cannot_be_read_holds_before_the_first_traffic_and_is_told() -> None:
    rollout = rolling_out(DOWN)
    assert (rollout.weight, rollout.reason) == (0, "MetricsUnavailable")
    assert DOWN.message in rollout.status.message
    [available] = [c for c in rollout.status.conditions if c.type == "MetricsAvailable"]
    assert (available.status, available.reason) == ("False", "MetricsUnavailable")
    for _ in range(5):
        rollout.after(15)
    told = [rollout.status.phase]
    rollout.history = NO_HISTORY
    assert rollout.after(15).weight == 5
    assert [*told, rollout.status.phase] == ["Paused", "Progressing"]


def test_no_history_is_no_obstacle() -> None:
    rollout = serving().apply(B)
    assert rollout.weight == 5
    assert rollout.status.candidate
    assert rollout.status.candidate.baseline
    assert (
        "requests in only 0 minutes of the last hour" in rollout.status.candidate.baseline.message
    )


def test_what_is_to_be_expected_is_told_until_something_is_measured() -> None:
    rollout = serving().apply(B)
    assert rollout.status.candidate
    baseline = rollout.status.candidate.baseline
    assert baseline
    assert baseline.message in rollout.status.message
    measured = rollout.status.candidate.replace(measured_at=1.0)
    rollout.rollout.status = rollout.status.replace(candidate=measured)
    assert baseline.message not in rollout.after(1).status.message


def test_what_a_rollout_waits_for_is_told_before_what_is_to_be_expected() -> None:
    """A message is cut at 1024 characters, and notes about metrics may be long."""
    rollout = serving()
    rollout.world.broken = {B}
    rollout.apply(B)
    assert rollout.status.candidate and rollout.status.candidate.baseline
    message = rollout.status.message
    expected = message.index(rollout.status.candidate.baseline.message)
    assert 0 < message.index("0 of 1 pods are ready.") < expected


def test_without_checks_nothing_is_read() -> None:
    rollout = serving().given(analysis={"checks": []})
    rollout.history = None
    assert rollout.apply(B).reasons[-1] == "Promoted"


def test_the_split_alone_is_checked_without_waiting_for_a_history() -> None:
    rollout = serving().given(analysis={"checks": [{"name": "split", "trafficShare": {}}]})
    rollout.history = None
    assert rollout.apply(B).weight == 5


def test_promoted_by_hand_it_waits_for_no_history() -> None:
    rollout = rolling_out(None)
    assert rollout.order(f"promote/{B}").reasons[-1] == "Promoted"


def test_what_was_learned_is_kept_with_the_rollout_that_went_by_it() -> None:
    rollout = serving().apply(B)
    assert rollout.status.candidate
    baseline = rollout.status.candidate.baseline
    rollout.order(f"abort/{B}")
    assert rollout.status.timeline
    assert rollout.status.timeline.baseline == baseline
