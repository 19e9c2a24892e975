"""A candidate whose metrics cannot be judged keeps its traffic for a bounded time."""

from serinus.api.status import OwnMetrics
from tests.support.simulated_rollout import GATEWAY, A, B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]
ERROR = "model_predictions_total: class ccc... has a name of more than 100 characters."


def unjudged(rollout: SimulatedRollout, seconds: float, *, own: bool = True) -> SimulatedRollout:
    """Looks have found an Error for so long, until now."""
    rollout.judged("Error", ERROR)
    assert rollout.status.candidate
    now = rollout.rollout.now
    found = OwnMetrics(since=now - seconds, until=now) if own else None
    checks = [each.replace(own_metrics=found) for each in rollout.status.candidate.checks]
    candidate = rollout.status.candidate.replace(checks=checks)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    return rollout.settle()


def rolling(mode: str = "Enforce") -> SimulatedRollout:
    analysis = {"checks": [{"name": "drift", "mode": mode, "predictionDrift": {}}]}
    return serving(traffic=GATEWAY).given(steps=STEPS, analysis=analysis).apply(B).after(150)


def test_its_traffic_is_withdrawn_with_what_cannot_be_judged_and_how_to_resume() -> None:
    rollout = unjudged(rolling(), 120)
    assert rollout.weight == 0
    assert rollout.plan and rollout.plan.wanted and rollout.plan.wanted.replicas == {A: 4, B: 1}
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "CandidateMetricsUnusable")
    assert rollout.reasons[-1] == "CandidateMetricsUnusable"
    assert rollout.status.rejected is None
    assert "For 2m, the candidate's metrics could not be judged" in rollout.status.message
    assert ERROR.removesuffix(".") in rollout.status.message
    assert f"advance/{B}" in rollout.status.message


def test_before_that_it_is_held_at_its_weight() -> None:
    rollout = unjudged(rolling(), 119)
    assert (rollout.weight, rollout.reason) == (20, "MetricsUnavailable")


def test_prometheus_that_is_down_withdraws_nothing() -> None:
    rollout = unjudged(rolling(), 0, own=False).after(86400)
    assert (rollout.weight, rollout.reason) == (20, "MetricsUnavailable")


def test_a_check_in_audit_mode_withdraws_nothing() -> None:
    assert unjudged(rolling("Audit"), 3600).weight > 0


def test_advance_resumes_the_step_with_as_much_time_again() -> None:
    rollout = unjudged(rolling(), 120).order(f"advance/{B}")
    assert rollout.weight == 20
    assert rollout.status.candidate and rollout.status.candidate.withdrawn is None
    assert all(each.own_metrics is None for each in rollout.status.candidate.checks)
    assert unjudged(rollout.after(150), 120).weight == 0


def test_other_settings_resume_it_and_evidence_still_rolls_it_back() -> None:
    rollout = unjudged(rolling(), 120)
    rollout.judged("Fail")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"
    rollout = unjudged(rolling(), 120).given(analysis={"preset": "KServe"}).settle()
    assert rollout.weight == 20


def test_if_stable_has_no_pods_the_candidate_serves_on() -> None:
    rollout = rolling()
    rollout.world.broken.add(A)
    assert unjudged(rollout.after(1), 120).reason != "CandidateMetricsUnusable"
