"""Metrics of each ModelDeployment, read at each scrape from the results of the last passes.

A series ends with its object. Of a condition, a check, a hold and a rejection there is one series,
with the present value as a label, so there are at most 51 series for each object: 14 for ended
rollouts, 15 conditions, 17 checks, 3 weights, a hold and a rejection.
"""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serinus.api.reasons import Reason
from serinus.controller.object_state import ObjectState
from serinus.controller.queue import Key
from serinus.views.exported import ExportedStatus

ExportedObjects = Iterable[tuple[Key, ExportedStatus]]


class ObjectMetrics(Collector):
    """Reads what is known of the objects at each scrape."""

    def __init__(
        self, states: Callable[[], Mapping[Key, ObjectState]], clock: Callable[[], float]
    ) -> None:
        self._states = states
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """The values in the format of prometheus_client."""
        states = self._states()
        yield _rollouts(states)
        present = [(key, state.exported) for key, state in states.items()]
        yield _conditions(present)
        yield _weights(present)
        yield _verdicts(present)
        yield _holds(present, self._clock())
        yield _rejections(present)


def _rollouts(states: Mapping[Key, ObjectState]) -> Metric:
    labels = ["namespace", "name", "outcome", "reason"]
    family = CounterMetricFamily("serinus_rollouts", "Ended rollouts.", labels=labels)
    for key, state in states.items():
        for reason in Reason:
            if ending := reason.meaning.ends:
                # from 0, so that the first one is an increase
                family.add_metric([*key, ending, reason], state.rollouts[reason])
    return family


def _conditions(objects: ExportedObjects) -> Metric:
    family = _gauge(
        "serinus_condition",
        "1 for the present status and reason of a condition.",
        "condition",
        "status",
        "reason",
    )
    for key, present in objects:
        for condition in present.conditions:
            family.add_metric([*key, *condition], 1)
    return family


def _weights(objects: ExportedObjects) -> Metric:
    family = _gauge(
        "serinus_candidate_weight_percent",
        "The candidate's percentage of the traffic: of its step (wanted), and in effect (actual); "
        "in a step that copies requests, the percentage that is copied (mirrored).",
        "weight",
    )
    for key, present in objects:
        if present.weight is not None:
            family.add_metric([*key, "wanted"], present.weight.wanted)
            family.add_metric([*key, "actual"], present.weight.actual)
            if present.weight.mirrored:
                family.add_metric([*key, "mirrored"], present.weight.mirrored)
    return family


def _verdicts(objects: ExportedObjects) -> Metric:
    family = _gauge(
        "serinus_check_verdict",
        "1 for the present verdict of a check of the running analysis.",
        "check",
        "kind",
        "mode",
        "verdict",
    )
    for key, present in objects:
        for verdict in present.verdicts:
            family.add_metric([*key, *verdict], 1)
    return family


def _holds(objects: ExportedObjects, now: float) -> Metric:
    family = _gauge("serinus_hold_seconds", "How long a rollout has waited so far.", "reason")
    for key, present in objects:
        if present.hold is not None:
            reason, since = present.hold
            family.add_metric([*key, reason], max(0.0, now - since))
    return family


def _rejections(objects: ExportedObjects) -> Metric:
    family = _gauge("serinus_rejected", "1 while the revision in the spec is not run.", "reason")
    for key, present in objects:
        if present.rejected is not None:
            family.add_metric([*key, present.rejected], 1)
    return family


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=["namespace", "name", *labels])
