"""The metrics that Serinus reads from a model server, for any Python server.

This package only defines and counts the metrics, using prometheus-client. It does not handle
requests or serve the metrics.
"""

from serinus_metrics import _processes  # before prometheus_client is imported

# isort: split

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DURATION_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds."""
SCORE_BOUNDS = tuple(round(i * 0.05, 2) for i in range(1, 21))

MISSING = "missing"
OTHER = "other"


@dataclass
class Request:
    """A request in progress; `code` is the status code of the response."""

    code: int = 200


class _Values:
    """The values of one label, at most `limit`; any further value becomes OTHER."""

    def __init__(self, declared: Sequence[str], limit: int) -> None:
        self._values = set(declared)
        self._limit = max(limit, len(self._values))
        self._lock = Lock()

    def bounded(self, value: str) -> str:
        if value in self._values:
            return value
        with self._lock:
            if value not in self._values and len(self._values) >= self._limit:
                return OTHER
            self._values.add(value)
            return value


class _FeatureHistograms(Collector):
    """One metric whose series have different bucket bounds; in prometheus-client's Histogram all
    series have the same."""

    _HEAD = ("model_feature_value", "Values of numeric features.")

    def __init__(self, features: Mapping[str, Sequence[float]]) -> None:
        self._histograms = {
            feature: Histogram(*self._HEAD, ["feature"], buckets=bounds, registry=None)
            for feature, bounds in features.items()
        }
        self.children = {name: h.labels(name) for name, h in self._histograms.items()}

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(*self._HEAD, labels=["feature"])

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(*self._HEAD, labels=["feature"])
        for histogram in self._histograms.values():
            for metric in histogram.collect():
                family.samples.extend(metric.samples)
        yield family


class _OfAllProcesses(Collector):
    """Sums of some metrics over all processes that share a folder."""

    def __init__(self, own: CollectorRegistry) -> None:
        self._own = own
        self._shared = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

    def describe(self) -> Iterator[Metric]:
        yield from self._own.collect()

    def collect(self) -> Iterator[Metric]:
        own = {family.name: family for family in self._own.collect()}
        for family in self._shared.collect():  # type: ignore[no-untyped-call]
            if family.name in own:
                family.documentation = own[family.name].documentation
                yield family


class ModelMetrics:
    """Counts requests, predictions and features with the names and labels that Serinus reads.

    classes, groups, outcomes, features and categories declare known label values; their series
    start at 0. `features` maps a numeric feature to its ascending bucket bounds, in the feature's
    unit; `categories` maps a categorical feature to its usual values. A label takes at most
    `max_label_values` values.

    If several processes share one port, the registry serves the counts of all of them.

    Raises ValueError if a feature is declared as both, or if the registry already has a metric of
    the same name.
    """

    def __init__(
        self,
        *,
        classes: Sequence[str] = (),
        groups: Sequence[str] = (),
        outcomes: Sequence[str] = ("correct", "incorrect"),
        codes: Sequence[int] = (200, 400, 500),
        features: Mapping[str, Sequence[float]] | None = None,
        categories: Mapping[str, Sequence[str]] | None = None,
        max_label_values: int = 50,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        features, categories = features or {}, categories or {}
        if both := sorted(features.keys() & categories.keys()):
            raise ValueError(f"declared in features and in categories: {', '.join(both)}")

        served, several = registry, _processes.FOLDER in os.environ
        if several:
            registry = CollectorRegistry()

        self._requests = Counter(
            "model_requests", "Requests answered, by status code.", ["code"], registry=registry
        )
        self._duration = Histogram(
            "model_request_duration_seconds",
            "Time the server took to answer.",
            buckets=DURATION_BOUNDS,
            registry=registry,
        )
        self._predictions = Counter(
            "model_predictions", "Predictions made.", ["class", "group"], registry=registry
        )
        self._score = Histogram(
            "model_prediction_score",
            "Scores given, from 0 to 1.",
            buckets=SCORE_BOUNDS,
            registry=registry,
        )
        self._feedback = Counter(
            "model_feedback", "Predictions judged later.", ["outcome", "group"], registry=registry
        )
        self._categories = Counter(
            "model_feature_category",
            "Values of categorical features, and missing values of any.",
            ["feature", "category"],
            registry=registry,
        )
        self._features = _FeatureHistograms(features)
        registry.register(self._features)

        self._classes = _Values(classes, max_label_values)
        self._groups = _Values(groups or [""], max_label_values)
        self._outcomes = _Values(outcomes, max_label_values)
        self._known_categories = {
            feature: _Values([*values, MISSING], max_label_values)
            for feature, values in categories.items()
        }
        for code in codes:
            self._requests.labels(str(code))
        for group in groups or [""]:
            for class_ in classes:
                self._predictions.labels(class_, group)
            for outcome in outcomes:
                self._feedback.labels(outcome, group)
        for feature in features:
            self._categories.labels(feature, MISSING)
        for feature, values in categories.items():
            for value in [*values, MISSING]:
                self._categories.labels(feature, value)
        if several:
            served.register(_OfAllProcesses(registry))

    @contextmanager
    def request(self) -> Iterator[Request]:
        """Count one request, and time it.

        Set the code if it is not 200. An exception counts as 500 and is raised again; a cancelled
        request is not counted.
        """
        request = Request()
        start = time.perf_counter()
        try:
            yield request
        except Exception:
            request.code = 500
            self._answered(request, start)
            raise
        self._answered(request, start)

    def _answered(self, request: Request, start: float) -> None:
        self._requests.labels(str(request.code)).inc()
        self._duration.observe(time.perf_counter() - start)

    def prediction(self, class_: str, score: float | None = None, group: str = "") -> None:
        """Count one prediction. The score lies in [0, 1], or is None if the model gives none.

        Raises ValueError for a score outside [0, 1] or NaN: one NaN would make the sum NaN until
        the process restarts.
        """
        if score is not None:
            if not 0 <= score <= 1:
                raise ValueError(f"score must lie in [0, 1], not {score}")
            self._score.observe(score)
        self._predictions.labels(self._classes.bounded(class_), self._groups.bounded(group)).inc()

    def feature(self, name: str, value: float | str | None) -> None:
        """Count the value of one declared feature; None and NaN are missing.

        Raises ValueError for a feature that was not declared.
        """
        if name not in self._features.children and name not in self._known_categories:
            raise ValueError(f"feature {name!r} was not declared")
        if value is None or value != value:  # only NaN differs from itself
            self._categories.labels(name, MISSING).inc()
        elif name in self._features.children:
            self._features.children[name].observe(float(value))
        else:
            category = self._known_categories[name].bounded(str(value))
            self._categories.labels(name, category).inc()

    def feedback(self, outcome: str, group: str = "") -> None:
        """Count the outcome of an earlier prediction of this model, such as `correct`."""
        self._feedback.labels(self._outcomes.bounded(outcome), self._groups.bounded(group)).inc()
