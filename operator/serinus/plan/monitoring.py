"""What is monitored of the stable revision: what to measure, and what is known then. It decides
nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from serinus.api.isolation import Part, isolated
from serinus.api.monitoring import Monitoring
from serinus.api.quantities import seconds
from serinus.api.spec import Spec
from serinus.api.status import Distributions, FeatureReference, Monitored, MonitoredShare, Status
from serinus.judge.drift import (
    AnyDistributions,
    DriftState,
    Limited,
    LimitState,
    Rarity,
    Watched,
    given,
    unreadable,
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
    predictions: DriftState | None = None
    error_rate: LimitState | None = None
    negative_feedback: LimitState | None = None

    @property
    def covered_until(self) -> float | None:
        """Time of the oldest sample from which anything is counted, Unix seconds."""
        each = (self.features, self.predictions, self.error_rate, self.negative_feedback)
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
    for each in (
        _features(monitoring),
        _predictions(monitoring),
        _errors(monitoring),
        _feedback(monitoring),
    ):
        if each is not None:
            yield from each.queries


def monitored(
    spec: Spec, status: Status, known: MonitoringState, measurement: Measurement
) -> tuple[Status, MonitoringState]:
    """The status with the evidence of a measurement of stable, and the state in memory."""
    monitoring = spec.monitoring
    if monitoring is None or status.stable is None:
        return status, MonitoringState()
    settings, look = monitoring.feature_drift, _Look.of(monitoring, measurement)
    begun = status.monitoring or Monitored()
    references = given((settings and settings.reference.given) or ())
    begun, features = look.at_distributions(
        "features", _features(monitoring), basis_of(spec, status), references, begun, known.features
    )
    predicted, predictions = look.at_distributions(
        "predictions",
        _predictions(monitoring),
        prediction_basis(spec, status),
        (),
        begun.predictions or Distributions(),
        known.predictions,
    )
    errors, error_rate = look.at_share(_errors(monitoring), begun.error_rate, known.error_rate)
    negative, negative_feedback = look.at_share(
        _feedback(monitoring), begun.negative_feedback, known.negative_feedback
    )
    begun = begun.replace(
        predictions=predicted if predictions else None,
        error_rate=errors,
        negative_feedback=negative,
    )
    state = MonitoringState(features, predictions, error_rate, negative_feedback)
    return status.replace(monitoring=begun), state


@dataclass(frozen=True, slots=True)
class _Look:
    """A measurement, and how rare false alarms are to be."""

    measurement: Measurement
    rarity: Rarity

    @classmethod
    def of(cls, monitoring: Monitoring, measurement: Measurement) -> "_Look":
        rarity = Rarity(
            every=seconds(monitoring.mean_time_between_false_alarms),
            interval=seconds(monitoring.interval),
            quantities=len(monitoring.monitors),
        )
        return cls(measurement, rarity)

    def at_distributions(
        self,
        name: str,
        watched: Watched | None,
        basis: str,
        references: Sequence[FeatureReference],
        begun: AnyDistributions,
        state: DriftState | None,
    ) -> tuple[AnyDistributions, DriftState | None]:
        """What is known after it of features or predictions; `references`: those to begin with."""
        if watched is None:
            return begun, None
        if begun.basis != basis:
            begun = begun.replace(
                basis=basis, reference=list(references), features=[], unknown=None
            )
            state = None
        at, answers = self.measurement.at, self.measurement.stable
        if state is None or state.since > at:  # the clock was set back
            state = DriftState.begin(at)
        return isolated(
            Part.MONITORING,
            partial(watch, watched, begun, state, answers, at, self.rarity),
            lambda fault: (begun.replace(unknown=unreadable(f"{fault.message}.")), state),
            name,
        )

    def at_share(
        self, limited: Limited | None, begun: MonitoredShare | None, state: LimitState | None
    ) -> tuple[MonitoredShare | None, LimitState | None]:
        """What is known after it of errors or feedback."""
        if limited is None:
            return None, None
        if begun is None or begun.basis != limited.basis:
            begun, state = MonitoredShare(basis=limited.basis), None
        at, answers = self.measurement.at, self.measurement.stable
        if state is None or state.since > at:  # the clock was set back
            state = LimitState.begin(at)
        return isolated(
            Part.MONITORING,
            partial(watch_limit, limited, begun, state, answers, at, self.rarity),
            lambda fault: (begun.replace(unknown=unreadable(f"{fault.message}.")), state),
            limited.events.lower(),
        )


def _features(monitoring: Monitoring) -> Watched | None:
    settings = monitoring.feature_drift
    return None if settings is None else Watched.features(settings)


def _predictions(monitoring: Monitoring) -> Watched | None:
    settings = monitoring.prediction_drift
    return None if settings is None else Watched.predictions(settings)


def _errors(monitoring: Monitoring) -> Limited | None:
    return None if monitoring.error_rate is None else Limited.errors(monitoring.error_rate)


def _feedback(monitoring: Monitoring) -> Limited | None:
    return None if monitoring.feedback is None else Limited.feedback(monitoring.feedback)


def basis_of(spec: Spec, status: Status) -> str:
    """Basis of the monitoring of features: a given reference applies to every revision, a recorded
    one to its own revision only. Empty if they are not monitored."""
    settings = spec.monitoring.feature_drift if spec.monitoring else None
    if settings is None or status.stable is None:
        return ""
    return settings.digest + ("" if settings.reference.given else f"-{status.stable.revision}")


def prediction_basis(spec: Spec, status: Status) -> str:
    """The same for predictions, which every revision records."""
    settings = spec.monitoring.prediction_drift if spec.monitoring else None
    if settings is None or status.stable is None:
        return ""
    return f"{settings.digest}-{status.stable.revision}"


def forget_the_monitoring_of_something_else(s: Situation) -> Situation | None:
    """Drop what is known with other settings, or of a revision that is no longer stable."""
    known, spec = s.status.monitoring, s.desired.spec
    if known is None:
        return None
    kept = known
    if known.basis != basis_of(spec, s.status):
        kept = kept.replace(basis="", reference=[], features=[], unknown=None)
    predictions, monitoring = known.predictions, spec.monitoring
    if predictions and predictions.basis != prediction_basis(spec, s.status):
        predictions = None
    kept = kept.replace(
        predictions=predictions,
        error_rate=_kept(known.error_rate, _errors(monitoring)) if monitoring else None,
        negative_feedback=_kept(known.negative_feedback, _feedback(monitoring))
        if monitoring
        else None,
    )
    if kept == known:
        return None
    return s.to(monitoring=None if kept == Monitored() else kept)


def _kept(known: MonitoredShare | None, limited: Limited | None) -> MonitoredShare | None:
    same = known is not None and limited is not None and known.basis == limited.basis
    return known if same else None
