"""What is asked for distributions: a histogram, and a counter of categories."""

from serinus.api.checks import Counter
from serinus.api.monitoring import FeatureDrift
from serinus.metrics.queries import CounterQuery

Queries = tuple[CounterQuery, CounterQuery]
"""A histogram, and a counter of categories."""


def feature_queries(settings: FeatureDrift) -> Queries:
    """The queries for stable: the histogram, and the counter of categories."""
    return reference_queries(settings.features, settings.categories)


def reference_queries(histogram: str, counter: Counter) -> Queries:
    """The queries for a histogram, by its name without _bucket, and a counter of categories."""
    return (
        CounterQuery(f"{histogram}_bucket", buckets=True),
        CounterQuery(counter.metric, tuple(counter.matchers)),
    )
