"""What is monitored of the stable revision, and how it is reported; it decides nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from serinus.api.monitoring import FeatureDrift, Monitoring, Reference
from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import Monitored, MonitoredShare, Status
from serinus.judge.drift import (
    DriftState,
    Limited,
    LimitState,
    Rarity,
    feature_queries,
    given,
    watch,
    watch_limit,
)
from serinus.manifests.owner import Owner
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, Measurement, Query
from serinus.metrics.requests import Request
from serinus.plan.situation import Situation


@dataclass(frozen=True, slots=True)
class MonitoringState:
    """What is kept in memory only, by quantity; None: it was not looked at yet."""

    features: DriftState | None = None
    error_rate: LimitState | None = None
    negative_feedback: LimitState | None = None

    @property
    def covered_until(self) -> float | None:
        """Time of the oldest sample from which anything is counted, Unix seconds."""
        each = (self.features, self.error_rate, self.negative_feedback)
        found = [covered_until(one.counted, one.since) for one in each if one is not None]
        return min(found, default=None)


def monitoring_request(
    owner: Owner, spec: Spec, status: Status, known: MonitoringState, now: float
) -> Request | None:
    """What to measure; None: nothing."""
    monitoring, stable = spec.monitoring, status.stable
    if monitoring is None or stable is None:
        return None
    arm = Arm(owner.namespace, owner.child(stable.revision))
    covered = known.covered_until
    return Request(
        interval=seconds(monitoring.interval),
        queries=tuple(dict.fromkeys(monitoring_queries(monitoring))),
        candidate=arm,  # not compared with another arm: it is used for both, and queried once
        stable=arm,
        covered_until=now if covered is None else covered,
    )


def monitoring_queries(monitoring: Monitoring) -> Iterator[Query]:
    """All that is measured of stable."""
    if monitoring.feature_drift is not None:
        yield from feature_queries(monitoring.feature_drift)
    for limited in (_errors(monitoring), _feedback(monitoring)):
        if limited is not None:
            yield from limited.queries


def monitored(
    spec: Spec, status: Status, known: MonitoringState, measurement: Measurement
) -> tuple[Status, MonitoringState]:
    """The status with the evidence of a measurement of stable, and the state in memory."""
    monitoring = spec.monitoring
    if monitoring is None or status.stable is None:
        return status, MonitoringState()
    rarity = Rarity(
        every=seconds(monitoring.mean_time_between_false_alarms),
        interval=seconds(monitoring.interval),
        quantities=len(monitoring.monitors),
    )
    begun = status.monitoring or Monitored()
    begun, known = _with_features(spec, status, begun, known, measurement, rarity)
    errors, error_rate = _with_share(
        _errors(monitoring), begun.error_rate, known.error_rate, measurement, rarity
    )
    negative, negative_feedback = _with_share(
        _feedback(monitoring),
        begun.negative_feedback,
        known.negative_feedback,
        measurement,
        rarity,
    )
    begun = begun.replace(error_rate=errors, negative_feedback=negative)
    known = replace(known, error_rate=error_rate, negative_feedback=negative_feedback)
    return status.replace(monitoring=begun), known


def _with_features(
    spec: Spec,
    status: Status,
    begun: Monitored,
    known: MonitoringState,
    measurement: Measurement,
    rarity: Rarity,
) -> tuple[Monitored, MonitoringState]:
    basis = basis_of(spec, status)
    settings = _features(spec)
    if settings is None or not basis:
        return begun, replace(known, features=None)
    state = known.features
    if begun.basis != basis:
        reference = given(settings.reference.given or ())
        begun = begun.replace(basis=basis, reference=reference, features=[], unknown=None)
        state = None
    state = state or DriftState.begin(measurement.at)
    begun, state = watch(settings, begun, state, measurement.stable, measurement.at, rarity)
    return begun, replace(known, features=state)


def _with_share(
    limited: Limited | None,
    begun: MonitoredShare | None,
    state: LimitState | None,
    measurement: Measurement,
    rarity: Rarity,
) -> tuple[MonitoredShare | None, LimitState | None]:
    if limited is None:
        return None, None
    if begun is None or begun.basis != limited.basis:
        begun, state = MonitoredShare(basis=limited.basis), None
    state = state or LimitState.begin(measurement.at)
    return watch_limit(limited, begun, state, measurement.stable, measurement.at, rarity)


def _errors(monitoring: Monitoring | None) -> Limited | None:
    if monitoring is None or monitoring.error_rate is None:
        return None
    return Limited.errors(monitoring.error_rate)


def _feedback(monitoring: Monitoring | None) -> Limited | None:
    if monitoring is None or monitoring.feedback is None:
        return None
    return Limited.feedback(monitoring.feedback)


def _features(spec: Spec) -> FeatureDrift | None:
    return spec.monitoring.feature_drift if spec.monitoring else None


def basis_of(spec: Spec, status: Status) -> str:
    """Basis of the monitoring of features: a given reference applies to every revision, a recorded
    one to its own revision only. Empty if they are not monitored."""
    settings = _features(spec)
    if settings is None or status.stable is None:
        return ""
    return settings.digest + ("" if settings.reference.given else f"-{status.stable.revision}")


def forget_the_monitoring_of_something_else(s: Situation) -> Situation | None:
    """Drop what is known with other settings, or of a revision that is no longer stable."""
    known, monitoring = s.status.monitoring, s.desired.spec.monitoring
    if known is None:
        return None
    kept = known
    if known.basis != basis_of(s.desired.spec, s.status):
        kept = kept.replace(basis="", reference=[], features=[], unknown=None)
    kept = kept.replace(
        error_rate=_kept(known.error_rate, _errors(monitoring)),
        negative_feedback=_kept(known.negative_feedback, _feedback(monitoring)),
    )
    if kept == known:
        return None
    return s.to(monitoring=None if kept == Monitored() else kept)


def _kept(known: MonitoredShare | None, limited: Limited | None) -> MonitoredShare | None:
    same = known is not None and limited is not None and known.basis == limited.basis
    return known if same else None


@dataclass(frozen=True, slots=True)
class Report:
    """A condition about what is monitored: True while something is amiss."""

    condition: str
    status: Literal["True", "False", "Unknown"]
    reason: Reason
    message: str


NOT_MEASURED: Final = "Not measured yet."


def reports(s: Situation) -> Iterator[Report]:
    """One for each quantity that is monitored."""
    monitoring = s.desired.spec.monitoring
    if monitoring is None:
        return
    known = s.status.monitoring or Monitored()
    if monitoring.feature_drift is not None:
        yield Report("Drifted", *_of_features(monitoring.feature_drift.reference, known))
    if monitoring.error_rate is not None:
        above = Reason.ERRORS_ABOVE_LIMIT
        yield Report("ErrorsAboveLimit", *_of_share(known.error_rate, above))
    if monitoring.feedback is not None:
        above = Reason.FEEDBACK_ABOVE_LIMIT
        yield Report("FeedbackAboveLimit", *_of_share(known.negative_feedback, above))


Found = tuple[Literal["True", "False", "Unknown"], Reason, str]


def _of_features(reference: Reference, known: Monitored) -> Found:
    if drifted := [each for each in known.features if each.drifted]:
        message = " ".join(each.message for each in drifted)
        return "True", Reason.FEATURES_DRIFTED, message
    if known.unknown is not None:
        return "Unknown", Reason(known.unknown.reason), known.unknown.message
    if known.features:
        names = ", ".join(each.feature for each in known.features)
        return "False", Reason.WITHIN_REFERENCE, f"Within the reference: {names}."
    if reference.given:
        return "Unknown", Reason.NO_DATA, NOT_MEASURED
    message = (
        f"Recording the reference: the inputs of stable for {reference.record_for}, and at "
        f"least {reference.min_values} values."
    )
    return "Unknown", Reason.RECORDING_REFERENCE, message


def _of_share(known: MonitoredShare | None, above: Reason) -> Found:
    if known is not None and known.above_limit:
        return "True", above, known.message
    if known is not None and known.unknown is not None:
        return "Unknown", Reason(known.unknown.reason), known.unknown.message
    if known is None or known.since is None:
        return "Unknown", Reason.NO_DATA, NOT_MEASURED
    return "False", Reason.WITHIN_LIMIT, known.message


def announce(s: Situation, before: str | None, found: Report) -> Situation:
    """An event when something begins to be amiss and when that ends; `before` is the previous state
    of the condition."""
    began = found.status == "True" and before != "True"
    ended = found.status == "False" and before == "True"
    if s.status.stable is None or not (began or ended):
        return s
    return s.because(found.reason, s.status.stable.revision, found.message)
