"""Counters of pods as a simulated Prometheus has scraped them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from serinus.api.checks import LabelMatcher
from serinus.metrics.queries import CounterQuery, QueryResult, Series

Labels = tuple[tuple[str, str], ...]


@dataclass
class Pods:
    """The pods of one arm."""

    values: dict[str, dict[tuple[str, Labels], float]] = field(default_factory=dict)
    """By pod, what its counters stand at."""
    samples: dict[tuple[str, str, Labels], list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, pod: str, metric: str, amount: float, **labels: str) -> None:
        """The pod counts; a series is there once something was added to it, be it 0."""
        counters = self.values.setdefault(pod, {})
        key = (metric, tuple(sorted(labels.items())))
        counters[key] = counters.get(key, 0.0) + amount

    def restart(self, pod: str) -> None:
        """The pod's process starts again: its counters are gone."""
        self.values[pod] = {}

    def scrape(self, at: float, *pods: str) -> None:
        """Prometheus takes a sample of every series of the pods named, or of all."""
        for pod in pods or self.values:
            for (metric, labels), value in self.values[pod].items():
                self.samples.setdefault((pod, metric, labels), []).append((at, value))

    def answer(self, query: CounterQuery, start: float, end: float) -> tuple[Series, ...]:
        """What a range query over (start, end] says."""
        found = []
        for (pod, metric, labels), samples in self.samples.items():
            inside = tuple(sample for sample in samples if start < sample[0] <= end)
            if metric in query.metrics and inside and meets(dict(labels), query.matchers):
                found.append(Series({"pod": pod, "instance": "10.0.0.1", **dict(labels)}, inside))
        return tuple(found)

    def answers(
        self, queries: Iterable[CounterQuery], start: float, end: float
    ) -> dict[CounterQuery, QueryResult]:
        """To several questions."""
        return {query: self.answer(query, start, end) for query in queries}


def meets(labels: Mapping[str, str], matchers: Iterable[LabelMatcher]) -> bool:
    """Whether a series with these labels is asked for."""
    for matcher in matchers:
        value = labels.get(matcher.label, "")
        equal = (
            re.fullmatch(matcher.value, value) is not None
            if "~" in matcher.operator
            else value == matcher.value
        )
        if equal == matcher.operator.startswith("!"):
            return False
    return True
