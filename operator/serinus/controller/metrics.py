"""Metrics of the operator itself, and the endpoints that the kubelet and Prometheus read."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

LabelValues = TypeVar("LabelValues", bound=tuple[str, ...])
_OF_OBJECT: Final = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class Gauges:
    """Current values, read at each scrape."""

    leading: Callable[[], bool]
    queue_depth: Callable[[], int]
    requests: Callable[[], Mapping[tuple[str, str], int]]
    queries: Callable[[], int]
    phases: Callable[[], Counter[str]]
    drifts: Callable[[], Mapping[tuple[str, str, str], bool]]
    """By namespace, name and feature, whether it has drifted."""
    passes: Callable[[], Mapping[tuple[str, str], int]]
    """By what caused them, and by what they wrote, or how they failed."""
    errors: Callable[[], Mapping[tuple[str, str], int]]
    """Failed passes by namespace and name of existing objects."""
    looks: Callable[[], Mapping[tuple[str, str], float]]
    """Seconds since the last successful look, by namespace and name of objects with a running
    analysis."""
    refused_writes: Callable[[], Mapping[str, int]]
    """By kind."""
    internal_errors: Callable[[], Mapping[str, int]]
    """By part."""
    notifications: Callable[[], Mapping[tuple[str, str], int]]
    """By endpoint and outcome."""
    registry_requests: Callable[[], Mapping[tuple[str, str], int]]
    """By registry and outcome."""
    registry_webhooks: Callable[[], Mapping[tuple[str, str], int]]
    """By registry and outcome."""
    registry_ages: Callable[[], Mapping[tuple[str], float]]
    """Seconds since the last answer with a version, by registry in which something is followed."""


class _Present(Collector):
    """Reads the current values at each scrape."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """The values in the format of prometheus_client."""
        now = self._gauges
        yield GaugeMetricFamily(
            "serinus_leading", "1 if this replica is the leader.", now.leading()
        )
        yield GaugeMetricFamily(
            "serinus_queue_depth",
            "Number of ModelDeployments waiting for a worker.",
            now.queue_depth(),
        )
        yield _counter(
            "serinus_api_requests", "Requests to the API server.", now.requests(), "verb", "kind"
        )
        yield CounterMetricFamily(
            "serinus_prometheus_queries", "Queries sent to Prometheus.", now.queries()
        )
        phases = {(phase,): count for phase, count in now.phases().items()}
        yield _gauge("serinus_modeldeployments", "ModelDeployments by phase.", phases, "phase")
        drifted = "1 if a feature of the stable revision's inputs has drifted from its reference"
        yield _gauge(
            "serinus_feature_drift", f"{drifted}, else 0.", now.drifts(), *_OF_OBJECT, "feature"
        )
        caused = "Passes over ModelDeployments, by the first cause and by what was written"
        yield _counter("serinus_passes", f"{caused}.", now.passes(), "cause", "wrote")
        failed = "Failed reconciles of existing ModelDeployments."
        yield _counter("serinus_reconcile_errors", failed, now.errors(), *_OF_OBJECT)
        age = "Seconds since the last successful measurement of a rollout under analysis."
        yield _gauge("serinus_analysis_last_look_age_seconds", age, now.looks(), *_OF_OBJECT)
        refused = {(kind,): count for kind, count in now.refused_writes().items()}
        rejected = "Writes that the API server rejected and would reject again"
        stands = "The kind ModelDeployment stands for its status."
        yield _counter("serinus_refused_writes", f"{rejected}. {stands}", refused, "kind")
        raised = {(part,): count for part, count in now.internal_errors().items()}
        ours = "Exceptions of the operator's own code, each of which stopped only its part."
        yield _counter("serinus_internal_errors", ours, raised, "part")
        told = "Attempts to notify an endpoint, and notices for which there was no room (dropped)."
        yield _counter("serinus_notifications", told, now.notifications(), "endpoint", "outcome")
        asked = "Requests to a registry for the version of a model"
        by = "registry", "outcome"
        yield _counter("serinus_registry_requests", f"{asked}.", now.registry_requests(), *by)
        sent = "Webhooks received from a registry, each of which only triggers a request to it."
        yield _counter("serinus_registry_webhooks", sent, now.registry_webhooks(), *by)
        age = "Seconds since a registry, in which a model is followed, answered with a version."
        ages = now.registry_ages()
        yield _gauge("serinus_registry_last_answer_age_seconds", age, ages, "registry")


def _counter(name: str, meaning: str, values: Mapping[LabelValues, float], *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, meaning, labels=labels), values)


def _gauge(name: str, meaning: str, values: Mapping[LabelValues, float], *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, meaning, labels=labels), values)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[LabelValues, float]
) -> Metric:
    """With a value for each combination of labels."""
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


class Metrics:
    """The registry of this process."""

    def __init__(self, gauges: Gauges, *collectors: Collector) -> None:
        self._registry = CollectorRegistry()
        self.reconcile = Histogram(
            "serinus_reconcile_duration_seconds",
            "Duration of a reconcile in seconds.",
            ["result"],
            registry=self._registry,
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15),
        )
        ProcessCollector(registry=self._registry)
        for collector in (_Present(gauges), *collectors):
            self._registry.register(collector)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)


def endpoints(
    metrics: Metrics, healthy: Callable[[], str | None], ready: Callable[[], str | None]
) -> web.Application:
    """/healthz, /readyz, /metrics. The functions return the problem, or None."""

    def probe(check: Callable[[], str | None]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            wrong = check()
            return web.Response(text=wrong or "ok", status=503 if wrong else 200)

        return answer

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(
            body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", probe(healthy))
    app.router.add_get("/readyz", probe(ready))
    app.router.add_get("/metrics", exposition)
    return app
