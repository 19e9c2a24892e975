"""All features of a revision, or its predictions, look by look."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from serinus.api.monitoring import MOST_FEATURES, RecordedReference
from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Distributions, Unknown
from serinus.judge.drift.compared import ComparedFeature
from serinus.judge.drift.distribution import Distribution
from serinus.judge.drift.feature import Feature, Tolerance
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.reference import recorded
from serinus.judge.drift.unknown import not_exported, unreadable
from serinus.judge.drift.watched import Queries
from serinus.judge.drift.weekly import HOUR, hour_of, of_week, together, with_hour
from serinus.judge.evidence.look import STALE_AFTER
from serinus.judge.evidence.matchers import labelled_nowhere
from serinus.metrics.counters import Growth, Reading, count
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
    not_compared: Unknown | None = None
    """What could not be compared at the last comparison, and why."""
    hour: int | None = None
    """With a reference by hour of the week, the hour that is being counted in `recorded`."""
    whole: bool = False
    """Whether that hour has been watched from its beginning."""


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

    def counting(self, at: float) -> DriftState:
        """The state in which values count from a time on (Unix seconds)."""
        return DriftState(at, at)

    def watch(
        self,
        known: Distributions,
        before: DriftState,
        answers: Mapping[Query, QueryResult],
        at: float,
        rarity: Rarity,
    ) -> tuple[Distributions, DriftState]:
        """The status, the state and the answers at a look -> status and state after it."""
        asked = {query: answers[query] for query in self.queries}
        [readings], counted = count((asked,), before.counted, before.since)
        seen = _seen(self, readings, at)
        if isinstance(seen, Unknown):
            if at - before.read_at < STALE_AFTER and known.unknown is None:
                return known, before  # possibly a short disturbance
            return known.replace(unknown=seen), before
        after = replace(before, counted=counted)
        known = known.replace(unknown=before.not_compared)
        if self.by_hour:
            return _in_hour(self, known, after, seen, at, rarity)
        if not known.reference:
            return _recording(self.recording, known, replace(after, read_at=at), seen, at)
        compared = ComparedFeature.all_of(known.reference, self.tolerance, rarity)
        known, after = _compared(compared, known, after, seen, at)
        return known.replace(unknown=after.not_compared), replace(after, read_at=at)


def _seen(
    watched: Watched, readings: Mapping[CounterQuery, Reading], at: float
) -> Mapping[str, Distribution] | Unknown:
    """The counts by feature, or why there are none."""
    histogram, categories = (readings[query] for query in watched.queries)
    if isinstance(histogram, QueryError):
        return unreadable(histogram.message)
    if isinstance(categories, QueryError):
        return unreadable(categories.message)
    metrics = [query.metric for query in watched.queries]
    if at - max(histogram.newest or 0.0, categories.newest or 0.0) > STALE_AFTER:
        return not_exported(*metrics)
    untold = labelled_nowhere(
        watched.queries[1], "stable", categories, watched.label, watched.setting
    )
    if untold and histogram.newest is None:
        return unreadable(untold.message)
    try:
        return watched.sorted_by_name(histogram, categories)
    except ValueError as error:
        return unreadable(f"{' or '.join(metrics)}: {error}.")


def _recording(
    recording: RecordedReference,
    known: Distributions,
    state: DriftState,
    seen: Mapping[str, Distribution],
    at: float,
) -> tuple[Distributions, DriftState]:
    state = replace(state, recorded=together(state.recorded, seen))
    if (number := len(state.recorded)) > MOST_FEATURES:
        message = f"{number} features were seen, but at most {MOST_FEATURES} can be monitored: "
        unknown = unreadable(f"{message}set reference.given for those that matter.")
        return known.replace(unknown=unknown), state
    if at < state.since + seconds(recording.record_for):
        return known, state
    found = recorded(state.recorded, recording.min_values)
    if not found:
        return known, state
    known = known.replace(reference=found)
    return known, replace(state, recorded={})


def _in_hour(
    watched: Watched,
    known: Distributions,
    state: DriftState,
    seen: Mapping[str, Distribution],
    at: float,
    rarity: Rarity,
) -> tuple[Distributions, DriftState]:
    """Counts what was seen; when an hour is over that was watched as a whole, it is compared, or
    recorded if there is no reference for it yet."""
    hour = hour_of(at - rarity.interval / 2)
    gap = at - state.read_at > max(STALE_AFTER, 2 * rarity.interval)
    if hour == state.hour and not gap:
        state = replace(state, recorded=together(state.recorded, seen), read_at=at)
        return known, state
    follows = state.hour is not None and hour == state.hour + 1 and not gap
    if follows and state.whole and state.hour is not None:
        known, state = _hour_over(watched, known, state, of_week(state.hour), at, rarity)
    state = replace(state, hour=hour, whole=follows, recorded=dict(seen), read_at=at)
    return known.replace(unknown=state.not_compared), state


def _hour_over(
    watched: Watched,
    known: Distributions,
    state: DriftState,
    hour: str,
    at: float,
    rarity: Rarity,
) -> tuple[Distributions, DriftState]:
    drifted = {each.feature for each in known.features if each.drifted}
    compared = [
        each
        for each in ComparedFeature.in_hour(known.reference, hour, watched.tolerance, rarity)
        if not each.daily or each.feature not in drifted  # then it is reported already
    ]
    began = replace(state, read_at=at - HOUR)
    known, state = _compared(compared, known, began, state.recorded, at)
    references = {each.feature: each for each in known.reference}
    for name, counts in sorted(state.recorded.items()):
        reference = references.get(name)
        there = reference is not None and hour in reference.hours
        if not there and counts.total >= watched.recording.min_values:
            with suppress(ValueError):  # it is reported where it is compared
                references[name] = with_hour(reference, name, hour, counts)
    return known.replace(reference=[references[name] for name in sorted(references)]), state


def _compared(
    compared: Sequence[ComparedFeature],
    known: Distributions,
    state: DriftState,
    seen: Mapping[str, Distribution],
    at: float,
) -> tuple[Distributions, DriftState]:
    statuses = {each.feature: each for each in known.features}
    features, troubles = dict(state.features), dict[str, str]()
    for each in compared:
        status = statuses.get(each.name) or each.within(at)
        feature = features.get(each.name) or Feature(state.read_at, status.drifted)
        try:
            feature = each.looked(feature, seen.get(each.feature), at)
        except ValueError as error:
            troubles[each.feature] = f"{each.feature}: {error}."
        if feature.turns:
            status, feature = each.turned(feature, at)
        features[each.name] = feature
        statuses[each.name] = status
        if each.daily and not status.drifted:
            del statuses[each.name]
    message = " ".join(troubles.values())[:1024]
    unknown = Unknown(reason=Reason.NO_DATA, message=message) if troubles else None
    known = known.replace(features=list(statuses.values()))
    return known, replace(state, features=features, not_compared=unknown)
