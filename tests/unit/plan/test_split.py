"""A split that is not the one asked for: held, never rolled back, and on it goes once mended."""

from typing import Any

from serinus.judge import queries_of
from serinus.metrics.queries import CounterQuery, Measurement, Query, QueryResult
from serinus.plan.analysis import judged
from tests.unit.judge.metrics import Pods
from tests.unit.plan.rehearsal import B, Rehearsal, serving

CHECKS = [{"name": "split", "trafficShare": {}}, {"name": "errors", "errorRate": {}}]
STEPS = [{"setWeight": 5}, {"setWeight": 50}]


def rolling(**analysis: Any) -> Rehearsal:
    """A candidate at 5%."""
    return serving().given(steps=STEPS, analysis={"checks": CHECKS, **analysis}).apply(B)


def test_a_wrong_split_is_held_with_a_reason_of_its_own_and_rolls_nobody_back() -> None:
    story = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    story.judged("Pass", "12% where 5% is asked for.", split="Fail").after(3600)
    assert story.status.rejected is None
    assert (story.status.phase, story.reason, story.weight) == ("Degraded", "TrafficSplitWrong", 5)
    assert "Check split: 12% where 5% is asked for." in story.status.message


def test_once_it_is_mended_the_step_has_all_of_its_time_again() -> None:
    story = rolling(maxStepDuration="1m", onInconclusive="Rollback")
    story.judged("Inconclusive", split="Fail").after(3600)
    story.judged("Inconclusive", split="Pass").after(59)
    assert story.reason == "AwaitingVerdict"
    story.judged("Pass")
    assert story.weight == 50


def test_a_bad_candidate_is_rolled_back_though_the_split_is_wrong() -> None:
    story = rolling().judged("Fail", "errors 41/2045.")
    assert story.reason == "CheckFailed"
    assert "Check errors" in story.status.message and "Check split" not in story.status.message


def test_who_advances_by_hand_has_the_next_weight_judged_anew() -> None:
    story = rolling().judged("Pass", split="Fail").order(f"advance/{B}")
    assert story.weight == 50
    assert story.status.candidate
    assert {check.verdict for check in story.status.candidate.checks} == {"Inconclusive"}


def test_traffic_that_goes_astray_holds_the_rollout_until_the_routing_is_mended() -> None:
    story = rolling()
    candidate, stable = Pods(), Pods()

    def look(served: int) -> None:
        """Some time later the arms have served 1,500 requests, so many of them the candidate."""
        for pods, count in ((candidate, served), (stable, 1500 - served)):
            pods.add("pod", "model_requests_total", count, code="200")
            pods.scrape(story.rollout.now)
        now, spec = story.rollout.now, story.rollout.wish.spec
        asked = [q for q in queries_of(spec.rollout.analysis) if isinstance(q, CounterQuery)]
        arms: list[dict[Query, QueryResult]] = [
            {query: pods.answer(query, now - 120, now) for query in asked}
            for pods in (candidate, stable)
        ]
        story.rollout.status = judged(spec, story.status, Measurement(now, *arms))
        story.after(15)

    look(0)
    for _ in range(10):
        look(300)
    assert story.reason == "TrafficSplitWrong"
    assert story.told[-1] == "RolloutStarted"
    for _ in range(15):
        look(75)
    assert story.told[-1] == "WeightRaised"
    assert story.weight == 50
