"""What is told of stable's inputs, and that it decides nothing of a rollout."""

from typing import Any

from serinus.api.spec import Spec
from serinus.api.status import (
    Condition,
    FeatureStatus,
    Monitored,
    MonitoredShare,
    Stable,
    Status,
    Unknown,
)
from serinus.judge.drift import DriftState
from serinus.manifests.owner import Owner
from serinus.plan.monitored import quantities_of
from serinus.plan.monitoring import MonitoringState, monitoring_request
from tests.support.simulated_rollout import TEMPLATE, A, B, SimulatedRollout, serving
from tests.unit.plan.monitored import errors

GIVEN = {"given": [{"feature": "income", "buckets": [{"upTo": 2000, "share": "10%"}]}]}
OWNER = Owner("shop", "fraud", "4f7c")


def monitored(**reference: Any) -> dict[str, Any]:
    return {"monitoring": {"featureDrift": {"reference": reference}}}


def found(
    rollout: SimulatedRollout, *drifted: str, unknown: Unknown | None = None
) -> SimulatedRollout:
    """The watch finds these of income and age to have drifted."""
    features = [
        FeatureStatus(
            feature=name, drifted=name in drifted, since=0.0, message=f"{name}: evidence."
        )
        for name in ("age", "income")
    ]
    spec = Spec.model_validate({"template": TEMPLATE, **rollout.spec})
    assert rollout.status.stable
    features_of = quantities_of(spec.monitoring)["featureDrift"]
    basis = features_of.basis(rollout.status.stable.revision)
    watched = Monitored(basis=basis, features=features, unknown=unknown)
    rollout.rollout.status = rollout.status.replace(monitoring=watched)
    return rollout.settle()


def condition(rollout: SimulatedRollout) -> Condition | None:
    return next((c for c in rollout.status.conditions if c.type == "Drifted"), None)


def reported(rollout: SimulatedRollout) -> tuple[str, str, str]:
    about = condition(rollout)
    assert about
    return about.status, about.reason, about.message


def test_nothing_is_told_of_what_is_not_watched() -> None:
    assert condition(serving()) is None


def test_until_there_is_a_reference_nothing_is_known() -> None:
    assert reported(serving(**monitored(recordFor="2h"))) == (
        "Unknown",
        "RecordingReference",
        "Recording the reference: the inputs of stable for 2h, and at least 1000 values. If the "
        "operator restarts, it begins again.",
    )
    assert reported(serving(**monitored(**GIVEN))) == ("Unknown", "NoData", "Not measured yet.")


def test_a_drift_is_told_by_a_condition_and_by_events_when_it_begins_and_ends() -> None:
    loan = serving(**monitored())
    found(loan)
    assert reported(loan) == ("False", "WithinReference", "Within the reference: age, income.")
    before = len(loan.reasons)
    found(loan, "income")
    assert reported(loan) == ("True", "FeaturesDrifted", "income: evidence.")
    assert loan.reasons[before:] == ["FeaturesDrifted"]
    found(loan, "income", "age")
    assert reported(loan) == ("True", "FeaturesDrifted", "age: evidence. income: evidence.")
    found(loan)
    assert reported(loan)[:2] == ("False", "WithinReference")
    assert loan.reasons[before:] == ["FeaturesDrifted", "WithinReference"]


def test_a_drift_leaves_phase_and_rollout_alone() -> None:
    loan = serving(**monitored())
    found(loan, "income")
    assert loan.status.phase == "Healthy"
    loan.apply(B)
    found(loan, "income", "age")
    assert loan.status.candidate
    assert loan.status.candidate.weight.wanted == 5
    for _ in range(3):
        loan.judged("Pass")
    assert loan.status.stable
    assert loan.status.stable.revision == B


def test_while_metrics_cannot_be_read_what_has_drifted_stays_so_and_the_rest_is_unknown() -> None:
    outage = Unknown(reason="MetricsUnavailable", message="Prometheus cannot be reached.")
    loan = serving(**monitored())
    found(loan, unknown=outage)
    assert reported(loan) == ("Unknown", "MetricsUnavailable", "Prometheus cannot be reached.")
    found(loan, "income", unknown=outage)
    assert reported(loan)[0] == "True"


def test_a_new_revision_records_anew_and_a_given_reference_holds_for_all() -> None:
    for reference, kept in (({}, False), (GIVEN, True)):
        loan = serving(A, **monitored(**reference))
        found(loan, "income")
        loan.given(steps=[]).apply(B)
        assert loan.status.stable
        assert loan.status.stable.revision == B
        assert (loan.status.monitoring is not None) is kept
        assert reported(loan)[0] == ("True" if kept else "Unknown")


def test_other_settings_start_anew_and_none_end_it() -> None:
    loan = serving(**monitored())
    found(loan, "income")
    loan.spec = monitored(recordFor="2h")
    loan.settle()
    assert reported(loan)[0] == "Unknown"
    found(loan, "income")
    loan.spec = {}
    loan.settle()
    assert loan.status.monitoring is None
    assert condition(loan) is None


def test_stable_alone_is_asked_about_as_far_back_as_it_was_not_counted() -> None:
    spec = Spec.model_validate({"template": TEMPLATE, **monitored()})
    assert monitoring_request(OWNER, spec, Status(), MonitoringState(), 1000.0) is None
    status = Status(stable=Stable(revision=A, number=1, since=0.0))
    first = monitoring_request(OWNER, spec, status, MonitoringState(), 1000.0)
    assert first
    assert {first.candidate.workload, first.stable.workload} == {f"fraud-{A}"}
    assert first.window(1000.0) == 60.0
    known = MonitoringState({"featureDrift": DriftState(900.0, 960.0, {"pod": 960.0})})
    later = monitoring_request(OWNER, spec, status, known, 1000.0)
    assert later
    assert later.window(1000.0) == 100.0


def error_share(rollout: SimulatedRollout, above: bool) -> SimulatedRollout:
    """The watch finds the share of errors to be above its limit, or not."""
    spec = Spec.model_validate({"template": TEMPLATE, **rollout.spec})
    assert spec.monitoring and spec.monitoring.error_rate
    share = MonitoredShare(
        basis=spec.monitoring.error_rate.digest, above_limit=above, since=0.0, message="Evidence."
    )
    rollout.rollout.status = rollout.status.replace(monitoring=Monitored(error_rate=share))
    return rollout.settle()


def errors_reported(rollout: SimulatedRollout) -> tuple[str, str, str]:
    [about] = [each for each in rollout.status.conditions if each.type == "ErrorsAboveLimit"]
    return about.status, about.reason, about.message


def test_errors_above_the_limit_are_told_by_a_condition_and_by_events_and_decide_nothing() -> None:
    loan = serving(monitoring=errors())
    assert condition(loan) is None
    assert errors_reported(loan) == ("Unknown", "NoData", "Not measured yet.")
    before = len(loan.reasons)
    error_share(loan, above=True)
    assert errors_reported(loan) == ("True", "ErrorsAboveLimit", "Evidence.")
    assert loan.reasons[before:] == ["ErrorsAboveLimit"]
    assert loan.status.phase == "Healthy"
    loan.apply(B)
    assert loan.status.candidate
    assert errors_reported(loan)[0] == "True"
    error_share(loan, above=False)
    assert errors_reported(loan)[:2] == ("False", "WithinLimit")
    assert loan.reasons[-1] == "WithinLimit"


def test_other_limits_start_anew_and_what_was_recorded_stays() -> None:
    loan = serving(monitoring={"featureDrift": {}, **errors()})
    found(loan, "income")
    error_share_too = loan.status.monitoring
    assert error_share_too
    spec = Spec.model_validate({"template": TEMPLATE, **loan.spec})
    assert spec.monitoring and spec.monitoring.error_rate
    share = MonitoredShare(basis=spec.monitoring.error_rate.digest, above_limit=True, since=0.0)
    loan.rollout.status = loan.status.replace(monitoring=error_share_too.replace(error_rate=share))
    loan.spec = {"monitoring": {"featureDrift": {}, **errors("2%")}}
    loan.settle()
    assert errors_reported(loan)[0] == "Unknown"
    assert reported(loan)[0] == "True"


def test_features_are_monitored_unless_something_else_is_named() -> None:
    def conditions(**monitoring: Any) -> set[str]:
        told = {each.type for each in serving(monitoring=monitoring).status.conditions}
        return told & {"Drifted", "ErrorsAboveLimit", "FeedbackAboveLimit"}

    assert conditions() == {"Drifted"}
    assert conditions(**errors()) == {"ErrorsAboveLimit"}
    assert conditions(featureDrift={}, feedback={"limit": "5%"}) == {
        "Drifted",
        "FeedbackAboveLimit",
    }
