"""A split that is not the one asked for: held, never rolled back, and on it goes once mended."""

from typing import Any

from serinus.judge import queries_of
from serinus.metrics.queries import CounterQuery, Measurement, Query, QueryResult
from serinus.plan.analysis import judged
from tests.support.simulated_pods import Pods
from tests.support.simulated_rollout import B, SimulatedRollout, serving

CHECKS = [{"name": "split", "trafficShare": {}}, {"name": "errors", "errorRate": {}}]
STEPS = [{"setWeight": 5}, {"setWeight": 50}]


def rolling(**analysis: Any) -> SimulatedRollout:
    """A candidate at 5%."""
    return serving().given(steps=STEPS, analysis={"checks": CHECKS, **analysis}).apply(B)


def test_a_wrong_split_is_held_with_a_reason_of_its_own_and_rolls_nobody_back() -> None:
    rollout = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    rollout.judged("Pass", "The candidate served 12%.", split="Fail").after(3600)
    assert rollout.status.rejected is None
    assert (rollout.status.phase, rollout.reason, rollout.weight) == (
        "Degraded",
        "TrafficSplitWrong",
        5,
    )
    assert "Check split: The candidate served 12%." in rollout.status.message


def test_once_it_is_mended_the_step_has_all_of_its_time_again() -> None:
    rollout = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    rollout.judged("Inconclusive", split="Fail").after(3600)
    rollout.judged("Inconclusive", split="Pass").after(59)
    assert rollout.reason == "AwaitingVerdict"
    rollout.judged("Pass")
    assert rollout.weight == 50


def test_a_bad_candidate_is_rolled_back_though_the_split_is_wrong() -> None:
    rollout = rolling().judged("Fail", "errors 41/2045.")
    assert rollout.reason == "CheckFailed"
    assert "Check errors" in rollout.status.message and "Check split" not in rollout.status.message


def test_who_advances_by_hand_has_the_next_weight_judged_anew() -> None:
    rollout = rolling().judged("Pass", split="Fail").order(f"advance/{B}")
    assert rollout.weight == 50
    assert rollout.status.candidate
    assert {check.verdict for check in rollout.status.candidate.checks} == {"Inconclusive"}


def test_misrouted_traffic_holds_the_rollout_until_the_routing_is_mended() -> None:
    rollout = rolling()
    candidate, stable = Pods(), Pods()

    def look(served: int) -> None:
        """Some time later the arms have served 1,500 requests, so many of them the candidate."""
        for pods, count in ((candidate, served), (stable, 1500 - served)):
            pods.add("pod", "model_requests_total", count, code="200")
            pods.scrape(rollout.rollout.now)
        now, spec = rollout.rollout.now, rollout.rollout.desired.spec
        asked = [q for q in queries_of(spec.rollout.analysis) if isinstance(q, CounterQuery)]
        arms: list[dict[Query, QueryResult]] = [
            {query: pods.answer(query, now - 120, now) for query in asked}
            for pods in (candidate, stable)
        ]
        rollout.rollout.status = judged(spec, rollout.status, Measurement(now, *arms))
        rollout.after(15)

    look(0)
    for _ in range(10):
        look(300)
    assert rollout.reason == "TrafficSplitWrong"
    assert rollout.reasons[-1] == "RolloutStarted"
    for _ in range(15):
        look(75)
    assert rollout.reasons[-1] == "WeightRaised"
    assert rollout.weight == 50


def test_the_status_has_room_for_it_beside_as_many_checks_as_may_be_listed() -> None:
    listed = [{"name": f"errors-{number}", "errorRate": {}} for number in range(16)]
    rollout = rolling(checks=listed).judged("Pass")
    assert rollout.status.candidate
    assert len(rollout.status.candidate.checks) == 17
