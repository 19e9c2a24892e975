"""Revisions that are asked differently: held, nobody blamed, and on it goes once they are alike."""

from typing import Any

from serinus.api.stages import Stage
from serinus.api.status import Inputs, Unlike
from serinus.judge import queries_of
from serinus.judge.drift import feature_queries
from serinus.manifests.owner import Owner
from serinus.metrics.requests import Request
from serinus.plan.analysis import compared_features, requested
from tests.support.simulated_rollout import B, SimulatedRollout, serving

CHECKS = [{"name": "errors", "errorRate": {}}]
STEPS = [{"setWeight": 5}, {"setWeight": 50}]
INCOME = Unlike(feature="income", message="Feature income, up to 2000: 60%, 6%.")
OWNER = Owner("default", "loan", "uid")


def rolling(**analysis: Any) -> SimulatedRollout:
    """A candidate at 5%."""
    return serving().given(steps=STEPS, analysis={"checks": CHECKS, **analysis}).apply(B)


def found(rollout: SimulatedRollout, inputs: Inputs | None, **more: Any) -> SimulatedRollout:
    """What a look found of the inputs."""
    assert rollout.status.candidate
    candidate = rollout.status.candidate.replace(inputs=inputs, **more)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    return rollout


def differing(rollout: SimulatedRollout) -> SimulatedRollout:
    return found(rollout, Inputs(unlike=INCOME))


def asks_for_features(rollout: SimulatedRollout) -> bool:
    """Whether the next measurement reads them."""
    spec = rollout.rollout.desired.spec
    request = requested(OWNER, spec, rollout.status)
    assert isinstance(request, Request)
    features = feature_queries(compared_features(spec))
    assert set(request.queries) - set(features) == set(queries_of(spec.rollout.analysis))
    return set(features) <= set(request.queries)


def test_revisions_that_are_asked_differently_are_held_with_the_feature() -> None:
    rollout = differing(rolling(maxStepDuration="1m", onInconclusive="Rollback"))
    rollout.judged("Pass").after(3600)
    assert rollout.status.rejected is None
    assert (rollout.status.phase, rollout.reason, rollout.weight) == ("Degraded", "ArmsDiffer", 5)
    assert (
        "Held until both revisions receive similar inputs. Feature income" in rollout.status.message
    )


def test_once_they_are_asked_alike_the_step_has_all_of_its_time_again() -> None:
    rollout = differing(rolling(maxStepDuration="1m", onInconclusive="Rollback"))
    rollout.judged("Inconclusive").after(3600)
    found(rollout, Inputs()).judged("Inconclusive").after(59)
    assert rollout.reason == "AwaitingVerdict"
    rollout.judged("Pass")
    assert rollout.weight == 50


def unlike_for(rollout: SimulatedRollout, seconds: float, until: float = 0.0) -> SimulatedRollout:
    """Looks have found it for so long, the last one so many seconds ago."""
    now = rollout.rollout.now
    unlike = INCOME.replace(since=now - until - seconds)
    found(rollout, Inputs(policy="p", looked_at=now - until, unlike=unlike))
    return rollout.judged("Inconclusive")


def test_what_stays_unlike_gets_no_traffic_and_is_not_rejected() -> None:
    rollout = unlike_for(rolling().after(600), 600)
    assert (rollout.weight, rollout.reason) == (0, "ArmsStillDiffer")
    assert rollout.reasons[-1] == "ArmsStillDiffer"
    assert rollout.status.rejected is None
    assert "Feature income, up to 2000" in rollout.status.message
    assert "send the same requests to the Services of both" in rollout.status.message


def test_where_sessions_stay_with_a_revision_that_is_named_as_a_cause() -> None:
    rules = [{"sessionPersistence": {"sessionName": "client"}}]
    traffic = {"gateway": {"parentRefs": [{"name": "public"}], "rules": rules}}
    sticky = serving(traffic=traffic).given(steps=STEPS, analysis={"checks": CHECKS}).apply(B)
    told = unlike_for(sticky.after(600), 600).status.message
    assert "With sessionPersistence, clients stay with one revision: send the same" in told


def test_before_that_it_keeps_its_weight_and_so_it_does_while_nothing_is_looked_at() -> None:
    assert unlike_for(rolling().after(600), 599).reason == "ArmsDiffer"
    assert unlike_for(rolling().after(7200), 599, until=3600).weight == 5
    assert unlike_for(rolling(onUnlike={"after": "1h"}).after(600), 600).weight == 5


def test_it_was_unlike_for_no_longer_because_the_clock_was_set_back() -> None:
    rollout = unlike_for(rolling().after(7200), 300)
    rollout.rollout.now -= 3600
    assert rollout.pass_once().weight == 5


def test_in_a_step_that_is_resumed_it_may_be_unlike_for_as_long_again() -> None:
    rollout = unlike_for(rolling().after(600), 600).order(f"advance/{B}")
    assert (rollout.weight, rollout.reason) == (5, "AwaitingVerdict")
    assert rollout.status.candidate and rollout.status.candidate.inputs == Inputs()
    assert asks_for_features(rollout)
    assert unlike_for(rollout.after(300), 300).weight == 5
    assert unlike_for(rollout.after(300), 600).weight == 0


def test_a_person_may_go_on_all_the_same() -> None:
    rollout = differing(rolling()).judged("Inconclusive").order(f"advance/{B}")
    assert rollout.weight == 50


def test_a_difference_found_after_the_last_step_keeps_it_from_being_promoted() -> None:
    rollout = rolling().judged("Pass")
    rollout.world.pods_ready_after = 60
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    differing(rollout).after(60)
    assert rollout.reason == "ArmsDiffer"
    found(rollout, Inputs()).settle()
    assert rollout.reasons[-1] == "Promoted"


def test_features_are_read_until_it_is_known_that_stable_exports_none() -> None:
    rollout = rolling()
    assert asks_for_features(rollout)
    assert asks_for_features(found(rollout, Inputs(), measured_at=1000.0))
    assert not asks_for_features(found(rollout, None, measured_at=1000.0))


def test_monitoring_names_the_metrics_of_features() -> None:
    rollout = serving(monitoring={"featureDrift": {"features": "loan_feature"}})
    rollout.given(steps=STEPS, analysis={"checks": CHECKS}).apply(B)
    spec = rollout.rollout.desired.spec
    assert [query.metric for query in feature_queries(compared_features(spec))] == [
        "loan_feature_bucket",
        "model_feature_category_total",
    ]
    assert asks_for_features(rollout)


def test_features_that_only_one_revision_exports_are_told_and_hold_nothing() -> None:
    told = "Features exported only by stable: age."
    rollout = found(rolling(), Inputs(unmatched=told))
    rollout.judged("Inconclusive").after(10)
    assert told in rollout.status.message
    assert rollout.reason == "AwaitingVerdict"
    found(rollout.judged("Pass").after(60), Inputs(unmatched=told))
    metrics = next(c for c in rollout.status.conditions if c.type == "MetricsAvailable")
    assert told in metrics.message
    while rollout.status.candidate:
        rollout.judged("Pass").after(60)
    promoted = [each for each in rollout.status.decisions if each.reason == "Promoted"]
    assert told in promoted[0].message
