"""What is compared with a reference: which counters, sorted into which distributions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from serinus.api.checks import Counter
from serinus.api.monitoring import FeatureDrift, PredictionMonitor, RecordedReference
from serinus.api.quantities import fraction
from serinus.judge.drift.distribution import Distribution, distributions, predictions
from serinus.judge.drift.feature import Tolerance
from serinus.metrics.counters import Growth
from serinus.metrics.queries import CounterQuery

Queries = tuple[CounterQuery, CounterQuery]
"""A histogram, and a counter of categories."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The features of stable, or its predictions."""

    queries: Queries
    sorted_by_name: Callable[[Growth, Growth], Mapping[str, Distribution]]
    """Raises ValueError with a sentence."""
    recording: RecordedReference
    tolerance: Tolerance
    label: str
    """By which the counter's values are distinguished."""
    setting: str
    """The one that names the label."""
    by_hour: bool = False
    """Whether each hour of the week is compared with its own reference."""

    @classmethod
    def features(cls, settings: FeatureDrift) -> Self:
        """By name of the feature."""
        return cls(
            feature_queries(settings),
            partial(
                distributions,
                feature_label=settings.feature_label,
                category_label=settings.category_label,
            ),
            settings.reference,
            Tolerance(settings.tolerance, fraction(settings.absolute_tolerance)),
            settings.category_label,
            "featureDrift.categoryLabel",
        )

    @classmethod
    def predictions(cls, settings: PredictionMonitor) -> Self:
        """Scores and classes."""
        return cls(
            _queries(settings.scores, settings.classes),
            partial(predictions, class_label=settings.class_label),
            settings.reference,
            Tolerance(settings.tolerance, fraction(settings.absolute_tolerance)),
            settings.class_label,
            "predictionDrift.classLabel",
            settings.reference.by_hour,
        )


def feature_queries(settings: FeatureDrift) -> Queries:
    """The queries for stable: the histogram, and the counter of categories."""
    return _queries(settings.features, settings.categories)


def _queries(histogram: str, counter: Counter) -> Queries:
    return (
        CounterQuery(f"{histogram}_bucket", buckets=True),
        CounterQuery(counter.metric, tuple(counter.matchers)),
    )
