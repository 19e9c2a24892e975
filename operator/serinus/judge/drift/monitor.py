"""All features of a revision, look by look."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serinus.api.monitoring import MOST_FEATURES, FeatureDrift
from serinus.api.quantities import fraction, seconds
from serinus.api.reasons import Reason
from serinus.api.status import Monitored, Unknown
from serinus.judge.drift.compared import ComparedFeature
from serinus.judge.drift.distribution import Distribution, distributions
from serinus.judge.drift.feature import Feature, Tolerance
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.reference import recorded
from serinus.judge.drift.unknown import not_exported, unreadable
from serinus.judge.evidence.look import STALE_AFTER
from serinus.metrics.counters import Reading, count
from serinus.metrics.queries import CounterQuery, Query, QueryError, QueryResult


@dataclass(frozen=True, slots=True)
class DriftState:
    """What is kept in memory only. If it is lost, recording and evidence start over, and a feature
    that has drifted stays so."""

    since: float
    """Unix seconds of the first look."""
    read_at: float
    """Unix seconds of the last look that could be read."""
    counted: Mapping[str, float] = field(default_factory=dict)
    """By target, Unix seconds of the last sample counted."""
    recorded: Mapping[str, Distribution] = field(default_factory=dict)
    """By feature, what was recorded for the reference so far."""
    features: Mapping[str, Feature] = field(default_factory=dict)

    @classmethod
    def begin(cls, at: float) -> "DriftState":
        """Values count from this time on."""
        return cls(at, at)


def feature_queries(settings: FeatureDrift) -> tuple[CounterQuery, CounterQuery]:
    """The queries for stable: the histogram, and the counter of categories."""
    categories = settings.categories
    return (
        CounterQuery(f"{settings.features}_bucket", buckets=True),
        CounterQuery(categories.metric, tuple(categories.matchers)),
    )


def watch(
    settings: FeatureDrift,
    known: Monitored,
    before: DriftState,
    answers: Mapping[Query, QueryResult],
    at: float,
    rarity: Rarity,
) -> tuple[Monitored, DriftState]:
    """The status, the state and the answers at a look -> status and state after it."""
    queries = feature_queries(settings)
    asked = {query: answers[query] for query in queries}
    [readings], counted = count((asked,), before.counted, before.since)
    seen = _seen(settings, queries, readings, at)
    if isinstance(seen, Unknown):
        if at - before.read_at < STALE_AFTER and known.unknown is None:
            return known, before  # possibly a short disturbance
        return known.replace(unknown=seen), before
    after = replace(before, counted=counted)
    known = known.replace(unknown=None)
    if not known.reference:
        return _recording(settings, known, replace(after, read_at=at), seen, at)
    return _compared(settings, known, after, seen, at, rarity)


def _seen(
    settings: FeatureDrift,
    queries: tuple[CounterQuery, CounterQuery],
    readings: Mapping[CounterQuery, Reading],
    at: float,
) -> Mapping[str, Distribution] | Unknown:
    """The counts by feature, or why there are none."""
    histogram, categories = (readings[query] for query in queries)
    if isinstance(histogram, QueryError):
        return unreadable(histogram.message)
    if isinstance(categories, QueryError):
        return unreadable(categories.message)
    metrics = [query.metric for query in queries]
    if at - max(histogram.newest or 0.0, categories.newest or 0.0) > STALE_AFTER:
        return not_exported(*metrics)
    labels = settings.feature_label, settings.category_label
    try:
        return distributions(histogram, categories, *labels)
    except ValueError as error:
        return unreadable(f"{' or '.join(metrics)}: {error}.")


def _recording(
    settings: FeatureDrift,
    known: Monitored,
    watched: DriftState,
    seen: Mapping[str, Distribution],
    at: float,
) -> tuple[Monitored, DriftState]:
    so_far = watched.recorded
    together = {n: so_far.get(n, Distribution()) + one for n, one in seen.items()}
    watched = replace(watched, recorded={**so_far, **together})
    if (number := len(watched.recorded)) > MOST_FEATURES:
        message = f"{number} features were seen, but at most {MOST_FEATURES} can be monitored: "
        unknown = unreadable(f"{message}set reference.given for those that matter.")
        return known.replace(unknown=unknown), watched
    if at < watched.since + seconds(settings.reference.record_for):
        return known, watched
    found = recorded(watched.recorded, settings.reference.min_values)
    if not found:
        return known, watched
    known = known.replace(reference=found)
    return known, replace(watched, recorded={})


def _compared(
    settings: FeatureDrift,
    known: Monitored,
    watched: DriftState,
    seen: Mapping[str, Distribution],
    at: float,
    rarity: Rarity,
) -> tuple[Monitored, DriftState]:
    tolerance = Tolerance(settings.tolerance, fraction(settings.absolute_tolerance))
    compared = ComparedFeature.all_of(known.reference, tolerance, rarity)
    before = {each.feature: each for each in known.features}
    statuses, features, not_compared = [], dict(watched.features), []
    for each in compared:
        status = before.get(each.name) or each.within(at)
        feature = features.get(each.name) or Feature(watched.read_at, status.drifted)
        try:
            feature = each.looked(feature, seen.get(each.name), at)
        except ValueError as error:
            not_compared.append(f"{each.name}: {error}.")
        if feature.turns:
            status, feature = each.turned(feature, at)
        features[each.name] = feature
        statuses.append(status)
    unknown = (
        Unknown(reason=Reason.NO_DATA, message=" ".join(not_compared)[:1024])
        if not_compared
        else None
    )
    known = known.replace(features=statuses, unknown=unknown)
    return known, replace(watched, features=features, read_at=at)
