"""What is monitored of the stable revision, and how it is reported; it decides nothing."""

from dataclasses import dataclass
from typing import Literal

from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import Monitored, Status
from serinus.judge.drift import DriftState, feature_queries, given, watch
from serinus.manifests.owner import Owner
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, Measurement
from serinus.metrics.requests import Request
from serinus.plan.situation import Situation


def monitoring_request(
    owner: Owner, spec: Spec, status: Status, known: DriftState | None, now: float
) -> Request | None:
    """What to measure; None: nothing."""
    monitoring, stable = spec.monitoring, status.stable
    if monitoring is None or stable is None:
        return None
    arm = Arm(owner.namespace, owner.child(stable.revision))
    return Request(
        interval=seconds(monitoring.interval),
        queries=feature_queries(monitoring.feature_drift),
        candidate=arm,  # not compared with another arm: it is used for both, and queried once
        stable=arm,
        covered_until=covered_until(known.counted, known.since) if known else now,
    )


def monitored(
    spec: Spec, status: Status, known: DriftState | None, measurement: Measurement
) -> tuple[Status, DriftState | None]:
    """The status with the evidence of a measurement of stable, and the state in memory."""
    monitoring, basis = spec.monitoring, basis_of(spec, status)
    if monitoring is None or basis is None:
        return status, None
    settings = monitoring.feature_drift
    begun = status.monitoring
    if begun is None or begun.basis != basis:
        begun = Monitored(basis=basis, reference=given(settings.reference.given or ()))
        known = None
    known = known or DriftState.begin(measurement.at)
    interval = seconds(monitoring.interval)
    begun, known = watch(settings, begun, known, measurement.stable, measurement.at, interval)
    return status.replace(monitoring=begun), known


def basis_of(spec: Spec, status: Status) -> str | None:
    """Basis of the monitoring: a given reference applies to every revision, a recorded one to its
    own revision only."""
    if spec.monitoring is None or status.stable is None:
        return None
    settings = spec.monitoring.feature_drift
    return settings.digest + ("" if settings.reference.given else f"-{status.stable.revision}")


def forget_the_monitoring_of_something_else(s: Situation) -> Situation | None:
    """Drop monitoring with other settings, or of a revision that is no longer stable."""
    if s.status.monitoring is None or s.status.monitoring.basis == basis_of(
        s.desired.spec, s.status
    ):
        return None
    return s.to(monitoring=None)


@dataclass(frozen=True, slots=True)
class Drift:
    """The condition Drifted."""

    status: Literal["True", "False", "Unknown"]
    reason: Reason
    message: str


def drift(s: Situation) -> Drift | None:
    """The state of the features; None if they are not monitored."""
    monitoring, known = s.desired.spec.monitoring, s.status.monitoring
    if monitoring is None:
        return None
    if known is not None and (drifted := [each for each in known.features if each.drifted]):
        message = " ".join(each.message for each in drifted)
        return Drift("True", Reason.FEATURES_DRIFTED, message)
    if known is not None and known.unknown is not None:
        return Drift("Unknown", Reason(known.unknown.reason), known.unknown.message)
    if known is not None and known.features:
        names = ", ".join(each.feature for each in known.features)
        return Drift("False", Reason.WITHIN_REFERENCE, f"Within the reference: {names}.")
    reference = monitoring.feature_drift.reference
    if reference.given:
        return Drift("Unknown", Reason.NO_DATA, "Not measured yet.")
    message = (
        f"Recording the reference: the inputs of stable for {reference.record_for}, and at "
        f"least {reference.min_values} values."
    )
    return Drift("Unknown", Reason.RECORDING_REFERENCE, message)


def announce_drift(s: Situation, before: str | None, found: Drift | None) -> Situation:
    """An event when drift begins and when it ends; `before` is the previous state of the
    condition."""
    began = found is not None and found.status == "True" and before != "True"
    ended = found is not None and found.status == "False" and before == "True"
    if found is None or s.status.stable is None or not (began or ended):
        return s
    return s.because(found.reason, s.status.stable.revision, found.message)
