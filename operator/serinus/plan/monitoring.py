"""What is monitored of the stable revision: what to measure, and what is known then. It decides
nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from serinus.api.monitoring import Monitoring
from serinus.api.quantities import seconds
from serinus.api.spec import Spec
from serinus.api.status import Monitored, Status
from serinus.judge.drift import Rarity
from serinus.manifests.owner import Owner
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, Measurement, Query
from serinus.metrics.requests import Request
from serinus.plan.monitored import QUANTITIES, quantities_of
from serinus.plan.monitored.quantity import State
from serinus.plan.situation import Situation


@dataclass(frozen=True, slots=True)
class MonitoringState:
    """What is kept in memory only."""

    by_quantity: Mapping[str, State] = field(default_factory=dict)
    """Without those that were not looked at yet."""

    @property
    def covered_until(self) -> float | None:
        """Time of the oldest sample from which anything is counted, Unix seconds."""
        each = self.by_quantity.values()
        return min((covered_until(one.counted, one.since) for one in each), default=None)


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
    for quantity in quantities_of(monitoring).values():
        yield from quantity.watched.queries


def monitored(
    spec: Spec, status: Status, known: MonitoringState, measurement: Measurement
) -> tuple[Status, MonitoringState]:
    """The status with the evidence of a measurement of stable, and the state in memory."""
    monitoring, stable = spec.monitoring, status.stable
    if monitoring is None or stable is None:
        return status, MonitoringState()
    rarity = Rarity(
        every=seconds(monitoring.mean_time_between_false_alarms),
        interval=seconds(monitoring.interval),
        quantities=len(monitoring.monitors),
    )
    found, states = status.monitoring or Monitored(), {}
    for key, quantity in quantities_of(monitoring).items():
        state = known.by_quantity.get(key)
        found, states[key] = quantity.look(found, state, measurement, rarity, stable.revision)
    return status.replace(monitoring=found), MonitoringState(states)


def forget_the_monitoring_of_something_else(s: Situation) -> Situation | None:
    """Drop what is known with other settings, or of a revision that is no longer stable."""
    known = kept = s.status.monitoring
    if known is None or kept is None:
        return None
    revision = s.status.stable.revision if s.status.stable else ""
    now = quantities_of(s.desired.spec.monitoring).values()
    bases = {type(quantity): quantity.basis(revision) for quantity in now}
    for kind in QUANTITIES.values():
        part = kind.known(kept)
        if part is not None and part.basis != bases.get(kind):
            kept = kind.with_known(kept, None)
    if kept == known:
        return None
    return s.to(monitoring=None if kept == Monitored() else kept)
