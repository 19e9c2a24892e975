"""Two Prometheus replicas that scrape the same pods are distinguished, and never counted as one.

Each takes samples at its own times. Two series of a pod that were never sampled at the same time
therefore come from two replicas, and so do two results of which one lacks a sample that the other
has, because samples do not disappear.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.samples import Sample, Samples

ReplicaAnswers = dict[ArmQuery, QueryResult]
Replica = tuple[str, ...]
"""Values of the labels that distinguish replicas."""

_REMEMBERED: Final = 4
"""Number of newest samples of a target that must be returned again."""
_AGAIN_WITHIN: Final = 600.0
"""Seconds within which a second change of replica is not a failover."""
_FORGOTTEN_AFTER: Final = 3600.0
_AS_GOOD: Final = 0.8
"""Share of the best replica's samples that another must have, up to the end of the read."""
_CONTINUED_WITHIN: Final = 120.0
"""Seconds without a sample after which a series is not the continuation of another."""

ALTERNATING: Final = (
    "Prometheus replicas with different samples answer alternately, so nothing can be counted: "
    "give the operator the address of one replica, or set sessionAffinity: ClientIP on the "
    "Service in front of them."
)

NO_REPLICAS: Final[Mapping[tuple[Arm, str], Replica]] = {}


def one_replica(
    answers: Mapping[ArmQuery, QueryResult], labels: tuple[str, ...]
) -> tuple[ReplicaAnswers, Mapping[tuple[Arm, str], Replica]]:
    """The series of one replica for each target, without the labels that distinguish replicas, and
    the replica chosen.

    The choice stays the same while the replica scrapes; one that was down is read again once its
    gap has left the window.
    """
    if not labels:
        return dict(answers), {}
    scrapes: dict[tuple[Arm, str], dict[Replica, Sequence[Sample]]] = defaultdict(dict)
    counters = list(_counters(answers))
    for one in counters:
        if not one.query.part:
            for series in one.series:
                name, of_target = replica(series.labels, labels), scrapes[one.arm, series.target]
                of_target[name] = max(of_target.get(name, ()), series.samples, key=len)
    chosen = {target: best_replica(each) for target, each in scrapes.items()}
    found = dict(answers)
    for one in counters:
        found[one.asked] = tuple(
            Series(without_labels(series.labels, labels), series.samples)
            for series in one.series
            if replica(series.labels, labels) == chosen.get((one.arm, series.target))
        )
    return found, chosen


class _Read(NamedTuple):
    """A result with series."""

    asked: ArmQuery
    arm: Arm
    query: CounterQuery
    series: tuple[Series, ...]


def _counters(answers: Mapping[ArmQuery, QueryResult]) -> Iterator[_Read]:
    for asked, answer in answers.items():
        if isinstance(asked.query, CounterQuery) and not isinstance(answer, QueryError):
            yield _Read(asked, asked.arm, asked.query, answer)


def replica(labels: Mapping[str, str], names: Iterable[str]) -> Replica:
    """The replica of a series, by these labels."""
    return tuple(labels.get(name, "") for name in names)


def best_replica(scrapes: Mapping[Replica, Sequence[Sequence[Any]]]) -> Replica:
    """The first by name of those that still scrape a target, about as often as any other."""
    found = {name: samples for name, samples in scrapes.items() if samples}
    oldest = min((samples[0][0] for samples in found.values()), default=0.0)
    newest = max((samples[-1][0] for samples in found.values()), default=0.0)
    late = newest - (1 - _AS_GOOD) * (newest - oldest)
    still = {name: len(samples) for name, samples in found.items() if samples[-1][0] >= late}
    best = max(still.values(), default=0)
    return min(name for name in scrapes if still.get(name, 0) >= _AS_GOOD * best)


def without_labels(labels: Mapping[str, str], names: Iterable[str]) -> Mapping[str, str]:
    """The labels without those with these names."""
    return {label: labels[label] for label in labels if label not in names}


def undeclared(answer: Sequence[Series]) -> str | None:
    """Why a result cannot be counted: two of its series are one counter, scraped twice."""
    for target, series in _by_target(answer).items():
        ends = {each.samples[-1][0] for each in series}
        if len(ends) > 1 and (label := _twins(series)):
            metric = series[0].labels.get("__name__", "a counter")
            pod = target.partition("@")[0]
            return (
                f"{metric} of pod {pod} exists twice and differs in the label {label}, as from "
                f"two replicas of Prometheus: start the operator with "
                f"--prometheus-replica-labels={label} (prometheus.replicaLabels in the chart), "
                "or read from a deduplicated source."
            )
    return None


def _by_target(answer: Iterable[Series]) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = defaultdict(list)
    for series in answer:
        if series.samples:
            found[series.target].append(series)
    return found


def _twins(series: Sequence[Series]) -> str | None:
    """The only label that differs between two series of one counter."""
    for one, other in combinations(series, 2):
        if one.samples[-1][0] != other.samples[-1][0]:
            label = _only_difference(one.labels, other.labels)
            if label and label != "job" and _shares_no_sample(one, other) and _alike(one, other):
                return label
    return None


def _only_difference(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    differing = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
    return differing[0] if len(differing) == 1 else None


def _shares_no_sample(one: Series, other: Series) -> bool:
    return {at for at, _ in one.samples}.isdisjoint(at for at, _ in other.samples)


def _alike(one: Series, other: Series) -> bool:
    """Whether both are the same counter, read at different times."""
    first, second = sorted((tuple(one.samples), tuple(other.samples)))
    if first[-1][0] < second[0][0]:
        return _continues(first[-1], second[0])
    inner = [sample for sample in second if first[0][0] < sample[0] < first[-1][0]]
    return bool(inner) and all(_fits(sample, first) for sample in inner)


def _continues(last: Sample, first: Sample) -> bool:
    """Whether a series continues where another has ended."""
    return 0 < last[1] <= first[1] and first[0] - last[0] <= _CONTINUED_WITHIN


def _fits(sample: Sample, among: Sequence[Sample]) -> bool:
    """Whether a sample is about as large as a counter was between two of its own; approximately,
    because the clocks of two Prometheus differ."""
    at, value = sample
    after = next(index for index, (moment, _) in enumerate(among) if moment > at)
    low, high = among[after - 1][1], among[after][1]
    return low - (high - low) <= value <= high + (high - low)


@dataclass(frozen=True, slots=True)
class _Source:
    """What was read of a counter of a target."""

    times: tuple[float, ...]
    """Times of the newest samples, ascending."""
    replica: Replica | None
    """The replica, if replicas are distinguished."""
    seen: float


class Sources:
    """Remembers the samples, and so detects a result of another replica.

    A single change is a failover, and the increase in between is lost, so that nothing is counted
    twice. Another one of the same query soon after shows that replicas alternate. A failover
    between two queries of a look changes one now and the other at the next look.
    """

    def __init__(self) -> None:
        self._sources: dict[tuple[Arm, CounterQuery, str], _Source] = {}
        self._changes: dict[Arm, dict[CounterQuery, deque[float]]] = {}
        self._taken_over: dict[tuple[Arm, str], float] = {}
        """By target, time up to which its samples were read from another replica."""
        self._tidied = 0.0

    def checked(
        self,
        answers: Mapping[ArmQuery, QueryResult],
        now: float,
        replicas: Mapping[tuple[Arm, str], Replica] = NO_REPLICAS,
    ) -> ReplicaAnswers:
        """The results, each a continuation of the previous ones; an error message if replicas
        alternate.

        `now` is in seconds of a monotonic clock. `replicas` has the replica from which a target was
        read, if they are distinguished.
        """
        self._tidy(now)
        read = [one for one in _counters(answers) if one.asked.every is None]
        wholes = [one for one in read if not one.query.part]
        changed = {(one.arm, one.query) for one in wholes if self._changes_in(one, now, replicas)}
        for arm, query in changed:
            self._changes.setdefault(arm, {}).setdefault(query, deque(maxlen=2)).append(now)
        mixed = {one.arm for one in read if one.query.part and _is_mixed(one, read)}
        found = dict(answers)
        for one in read:
            if one.arm in mixed or self._alternates(one.arm, now):
                found[one.asked] = QueryError(ALTERNATING)
            else:
                found[one.asked] = tuple(self._continued(one.arm, each) for each in one.series)
        return found

    def _changes_in(
        self, read: _Read, now: float, replicas: Mapping[tuple[Arm, str], Replica]
    ) -> bool:
        """Whether a sample has disappeared; remembers the present samples."""
        changed = False
        for target, times in _times(read.series).items():
            key, replica = (read.arm, read.query, target), replicas.get((read.arm, target))
            before = self._sources.get(key)
            if before and any(
                times[0] <= at <= times[-1] and at not in times for at in before.times
            ):
                changed |= before.replica == replica
                self._taken_over[read.arm, target] = before.times[-1]
            self._sources[key] = _Source(times[-_REMEMBERED:], replica, now)
        return changed

    def _alternates(self, arm: Arm, now: float) -> bool:
        of_each = self._changes.get(arm, {}).values()
        return any(len(when) == 2 and now - when[0] < _AGAIN_WITHIN for when in of_each)

    def _continued(self, arm: Arm, series: Series) -> Series:
        """Without the increase up to the first sample that no other replica returned before."""
        until = self._taken_over.get((arm, series.target))
        if until is None or not series.samples or series.samples[0][0] > until:
            return series
        later = [value for at, value in series.samples if at > until]
        value = later[0] if later else series.samples[-1][1]
        return Series(
            series.labels, Samples((at, value if at <= until else v) for at, v in series.samples)
        )

    def _tidy(self, now: float) -> None:
        if now - self._tidied < _FORGOTTEN_AFTER:
            return
        self._tidied = now
        old = now - _FORGOTTEN_AFTER
        self._sources = {key: one for key, one in self._sources.items() if one.seen > old}
        known = {(arm, target) for arm, _, target in self._sources}
        self._taken_over = {key: at for key, at in self._taken_over.items() if key in known}
        self._changes = {
            arm: of_each
            for arm, of_each in self._changes.items()
            if any(when[-1] > old for when in of_each.values())
        }


def _times(answer: Iterable[Series]) -> dict[str, tuple[float, ...]]:
    """Times of the scrapes of each target by the job that counts, from the longest series."""
    longest: dict[str, Series] = {}
    for series in answer:
        if series.samples:
            known = longest.get(series.target)
            if known is None or _rank(series) < _rank(known):
                longest[series.target] = series
    return {target: tuple(at for at, _ in one.samples) for target, one in longest.items()}


def _rank(series: Series) -> tuple[str, int]:
    return series.labels.get("job", ""), -len(series.samples)


def _is_mixed(part: _Read, read: Iterable[_Read]) -> bool:
    """Whether a part was sampled when its whole was not, and is therefore from another replica."""
    whole = next(
        (
            one
            for one in read
            if one.arm == part.arm and not one.query.part and part.query.part_of(one.query)
        ),
        None,
    )
    if whole is None:
        return False
    scraped = _times(whole.series)
    for target, times in _times(part.series).items():
        of_whole = scraped.get(target)
        if of_whole and any(
            of_whole[0] <= at <= of_whole[-1] and at not in of_whole for at in times
        ):
            return True
    return False
