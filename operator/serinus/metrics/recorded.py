"""A recording that answers queries as Prometheus did at each time."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serinus.api.checks import Backend, LabelMatcher
from serinus.api.recording import RecordedCounters, Recording
from serinus.metrics.batches import BatchQuery
from serinus.metrics.queries import (
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    Query,
    QueryResult,
    Series,
)
from serinus.metrics.requests import Results
from serinus.metrics.results import Element, compact, split
from serinus.metrics.subquery import LOOKBACK, stepped

Labels = Mapping[str, str]


@dataclass(frozen=True)
class _Counted:
    """The recorded series of a counter."""

    names: frozenset[str]
    matchers: frozenset[LabelMatcher]
    native: bool
    backend: Backend | None
    elements: tuple[Element, ...]

    def covers(self, query: CounterQuery) -> bool:
        """Whether it has all series of the query."""
        asked = self.names.issuperset(query.metrics) and self.native is query.native
        return asked and self.backend == query.backend and self.matchers.issubset(query.matchers)


class Recorded:
    """Raises ValueError with a message that names the field if a recording cannot be read."""

    def __init__(self, recording: Recording) -> None:
        self._step = recording.step
        self._counters = [
            _counted(each, f"counters[{index}]") for index, each in enumerate(recording.counters)
        ]
        self._values = {
            each.query: _elements(each.result, f"values[{index}]")
            for index, each in enumerate(recording.values)
        }
        self._durations = {
            _target(series.labels): dict(series.samples)
            for series in _elements(recording.scrapes, "scrapes")
            if isinstance(series, Series)
        }

    def lacks(self, query: Query) -> bool:
        """Whether the query was not recorded."""
        if isinstance(query, ExpressionQuery):
            return query.expression not in self._values
        return not any(each.covers(query) for each in self._counters)

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """The results at that time."""
        return {one: self._result(one, now) for one in queries}

    def _result(self, asked: ArmQuery, now: float) -> QueryResult:
        if isinstance(asked.query, ExpressionQuery):
            return self._value(asked.query, now)
        if asked.every is None:
            found = self._range(asked.query, asked.window, now)
        else:
            reached = self._range(asked.query, asked.window + LOOKBACK, now)
            found = [_stepped(one, now, asked.window, asked.every) for one in reached]
        return split(found, BatchQuery("", (asked,)))[asked]

    def _range(self, query: CounterQuery, window: float, now: float) -> list[Element]:
        """As read by a range selector."""
        recorded = next((each for each in self._counters if each.covers(query)), None)
        if recorded is None:
            return []
        conditions = frozenset(query.matchers) - recorded.matchers
        found = []
        for one in recorded.elements:
            labels = _labels(one)
            if labels.get("__name__") in query.metrics and _meets(labels, conditions):
                durations = self._durations.get(_target(labels), {})
                cut = _cut(one, now - window, now, durations)
                found += [cut] if cut else []
        return found

    def _value(self, query: ExpressionQuery, now: float) -> QueryResult:
        """The last evaluation before that time."""
        cuts = (_cut(one, now - self._step, now, {}) for one in self._values[query.expression])
        return tuple(
            Series(series.labels, series.samples[-1:])
            for series in cuts
            if isinstance(series, Series)
        )


def _counted(recorded: RecordedCounters, field: str) -> _Counted:
    return _Counted(
        names=frozenset(name for name in (recorded.metric, recorded.beside) if name),
        matchers=frozenset(recorded.matchers),
        native=recorded.native,
        backend=recorded.backend,
        elements=_elements(recorded.result, field),
    )


def _elements(found: Iterable[dict[str, Any]], field: str) -> tuple[Element, ...]:
    return tuple(_element(one, f"{field}.result[{index}]") for index, one in enumerate(found))


def _element(found: dict[str, Any], field: str) -> Element:
    """Raises ValueError if it is not a result of Prometheus."""
    try:
        one = compact(found)
        times = [at for at, _ in _samples(one)]
        if times != sorted(times) or not all(isinstance(v, str) for v in _labels(one).values()):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{field} is not a series as returned by Prometheus") from None
    return one


def _labels(one: Element) -> Labels:
    labels: Labels = one.labels if isinstance(one, Series) else one["metric"]
    return labels


def _samples(one: Element) -> Sequence[tuple[float, Any]]:
    samples: Sequence[tuple[float, Any]] = (
        one.samples if isinstance(one, Series) else one["histograms"]
    )
    return samples


def _target(labels: Labels) -> tuple[str, ...]:
    """The target, and the job that scraped it."""
    return tuple(labels.get(name, "") for name in ("job", "instance", "namespace", "pod"))


def _meets(labels: Labels, matchers: Iterable[LabelMatcher]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


def _cut(
    one: Element, start: float, end: float, durations: Mapping[float, float]
) -> Element | None:
    """Samples after the start that could be read at the end; None if there are none."""
    samples = _samples(one)
    first = bisect_right(samples, start, key=_time)
    last = bisect_right(samples, end, key=_time)
    while last > first and samples[last - 1][0] + durations.get(samples[last - 1][0], 0.0) > end:
        last -= 1
    if first == last:
        return None
    if isinstance(one, Series):
        return Series(one.labels, one.samples[first:last])
    return {**one, "histograms": samples[first:last]}


def _stepped(one: Element, now: float, window: float, step: float) -> Element:
    found = stepped(_samples(one), now, window, step)
    return Series(one.labels, found) if isinstance(one, Series) else {**one, "histograms": found}


def _time(sample: Sequence[Any]) -> float:
    return float(sample[0])
