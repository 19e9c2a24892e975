"""Pods that count requests, and the samples that Prometheus has scraped."""

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryResult, Series
from serinus.metrics.requests import Results
from serinus.metrics.samples import Samples
from serinus.metrics.subquery import stepped
from serinus.simulation.draws import poisson
from serinus.simulation.exports import Behaviour, Exports
from serinus.simulation.traffic import Arrivals, Failing


@dataclass
class Pod:
    """One pod: its counters, and the samples of them.

    Only the last scrape before a look matters, so only those are drawn.
    """

    labels: list[Mapping[str, str]]
    """Value of each of its series."""
    born: float
    """Time at which it is ready, Unix seconds."""
    offset: float
    """Offset of its scrapes in seconds."""
    errors: float
    """Its errors as a multiple of the average of its revision."""
    counters: list[float]
    values: "list[array[float]]"
    """Samples of each of its series."""
    times: "array[float]" = field(default_factory=lambda: array("d"))
    """When they were taken, Unix seconds."""
    expected: float = 0.0
    """Average number of requests since the last sample, without those in outages."""
    in_outages: float = 0.0
    """The same of requests in outages."""
    expected_cold: float = 0.0
    """The same of those that it answers while it is cold."""
    served_since: float = math.inf
    """Time of its first request, Unix seconds."""
    until: float = 0.0
    """Time up to which they are counted, Unix seconds."""
    scraped: float = -math.inf
    """Time of the last sample, Unix seconds."""
    served: int = 0


@dataclass
class Scrapes:
    """The pods of an arm, and their samples in Prometheus."""

    arm: Arm
    exports: Exports
    arrivals: Arrivals
    """By Unix seconds."""
    interval: float
    pods_differ: float
    rng: Random
    pods: list[Pod] = field(default_factory=list)

    @property
    def served(self) -> int:
        """Scraped requests so far."""
        return sum(pod.served for pod in self.pods)

    def scale(self, ready_at: Iterable[float]) -> None:
        """Set the number of pods; removed ones are no longer scraped."""
        times = list(ready_at)
        for born in times[len(self.pods) :]:
            self.pods.append(self._pod(born))
        del self.pods[len(times) :]

    def serve(
        self, to: float, share: float, behaviour: Behaviour, failing: Failing | None = None
    ) -> None:
        """Advance time: the ready pods get this share of all requests, and are scraped."""
        ready = [pod for pod in self.pods if pod.born < to]
        for pod in ready:
            start = max(pod.until, pod.born)
            last, own = self._scraped(pod, to), share / len(ready)
            # of those before, the newest is enough: it shows how often pods are scraped
            for scraped in (last - self.interval, last):
                if scraped >= start and scraped > pod.scraped:
                    self._expect(pod, start, scraped, own, behaviour, failing)
                    self._sample(pod, scraped, behaviour, failing)
                    start = scraped
            self._expect(pod, start, to, own, behaviour, failing)
            pod.until = to

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """The present results of counter queries for this arm."""
        return {one: self.result(one, now) for one in queries}

    def result(self, asked: ArmQuery, now: float) -> QueryResult:
        """The present result of a counter query."""
        if not isinstance(asked.query, CounterQuery):
            raise TypeError("pods count, and evaluate no expression")
        indices = self.exports.answering.get(asked.query, [])
        if asked.every is not None:
            return self._stepped(indices, now, asked.window, asked.every)
        start = now - asked.window
        found = []
        for pod in self.pods:
            if pod.scraped <= start:
                continue
            first = bisect_right(pod.times, start)
            times = pod.times[first:]
            found += [
                Series(pod.labels[index], Samples.of(times, pod.values[index][first:]))
                for index in indices
            ]
        return tuple(found)

    def _stepped(
        self, indices: Iterable[int], now: float, window: float, step: float
    ) -> QueryResult:
        found = []
        for pod in self.pods:
            for index in indices:
                samples = stepped(Samples.of(pod.times, pod.values[index]), now, window, step)
                found += [Series(pod.labels[index], Samples(samples))] if samples else []
        return tuple(found)

    def copy(self, rng: Random) -> "Scrapes":
        """The same pods, to continue with other random numbers."""
        pods = [
            replace(
                pod,
                counters=[*pod.counters],
                values=[each[:] for each in pod.values],
                times=pod.times[:],
            )
            for pod in self.pods
        ]
        return replace(self, rng=rng, pods=pods)

    def _pod(self, born: float) -> Pod:
        count = len(self.exports.labels)
        differs = self.rng.gauss(0, self.pods_differ) if self.pods_differ else 0.0
        name = f"{self.arm.workload}-5d4f6b7c8d-{len(self.pods):05}"
        labels = {"namespace": self.arm.namespace, "pod": name, "instance": "10.0.0.1:8080"}
        return Pod(
            labels=[{**labels, **own} for own in self.exports.labels],
            born=born,
            offset=self.rng.uniform(0, self.interval),
            errors=math.exp(differs - self.pods_differ**2 / 2),
            counters=[0.0] * count,
            values=[array("d") for _ in range(count)],
            until=born,
        )

    def _scraped(self, pod: Pod, to: float) -> float:
        """The last scrape up to that time."""
        return math.floor((to - pod.offset) / self.interval) * self.interval + pod.offset

    def _expect(
        self,
        pod: Pod,
        start: float,
        end: float,
        share: float,
        behaviour: Behaviour,
        failing: Failing | None,
    ) -> None:
        """Requests of a pod that gets this share of all."""
        if share:
            pod.served_since = min(pod.served_since, start)
        warm_from = min(max(pod.served_since + behaviour.cold_for, start), end)
        cold, warm = self._requests(start, warm_from), self._requests(warm_from, end)
        fail = failing.requests(start, end, self.arrivals) if failing and end > start else 0.0
        rest = share * (1 - fail / (cold + warm)) if cold + warm else 0.0
        pod.expected_cold += cold * rest
        pod.expected += warm * rest
        pod.in_outages += fail * share

    def _requests(self, start: float, end: float) -> float:
        return self.arrivals(end) - self.arrivals(start) if end > start else 0.0

    def _sample(self, pod: Pod, at: float, behaviour: Behaviour, failing: Failing | None) -> None:
        own = self._of(pod, behaviour.at_age(at - pod.born))
        self._grow(pod, own, pod.expected)
        if behaviour.cold and pod.expected_cold:
            self._grow(pod, self._of(pod, behaviour.cold), pod.expected_cold)
        if failing and pod.in_outages:
            self._grow(pod, own.failing_at_least(failing.errors), pod.in_outages)
        pod.expected, pod.expected_cold, pod.in_outages, pod.scraped = 0.0, 0.0, 0.0, at
        for values, counter in zip(pod.values, pod.counters, strict=True):
            values.append(counter)
        pod.times.append(at)

    @staticmethod
    def _of(pod: Pod, behaviour: Behaviour) -> Behaviour:
        """In this pod, whose errors may differ."""
        return behaviour if pod.errors == 1.0 else behaviour.failing(pod.errors)

    def _grow(self, pod: Pod, behaviour: Behaviour, expected: float) -> None:
        requests = poisson(self.rng, expected)
        pod.served += requests
        for index, grown in enumerate(self.exports.grow(self.rng, behaviour, requests)):
            pod.counters[index] += grown
