"""Histograms of a block: how many observations exceed a bound, if that is known."""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from serinus.metrics.counters import Growth, Increase


@dataclass(frozen=True, slots=True)
class Buckets:
    """Histogram of one pod: observations up to each bound."""

    bounds: tuple[float, ...]
    """Ascending; the last one is infinite."""
    counts: tuple[float, ...]
    """Cumulative, one for each bound."""

    @property
    def total(self) -> float:
        """All observations."""
        return self.counts[-1]

    def above(self, bound: float) -> float | None:
        """Observations above a bound; None if the bound is inside a bucket with observations."""
        at = bisect_left(self.bounds, bound)
        before = self.counts[at - 1] if at else 0.0
        if self.bounds[at] != bound and self.counts[at] != before:
            return None
        return self.total - self.counts[at]

    def surely_above(self, bound: float) -> float:
        """Observations above the lowest of its own bounds that is not below."""
        return self.total - self.counts[bisect_left(self.bounds, bound)]


@dataclass(frozen=True, slots=True)
class ArmHistogram:
    """One arm's, by pod."""

    pods: dict[str, Buckets]
    """By target."""

    @classmethod
    def of(cls, growth: Growth) -> Self:
        """From the increase of a counter with the label `le`."""
        by_target: dict[str, list[Increase]] = defaultdict(list)
        for increase in growth.increases:
            by_target[increase.target].append(increase)
        return cls({target: _buckets(increases) for target, increases in by_target.items()})

    @property
    def totals(self) -> dict[str, float]:
        """All observations, by target."""
        return {target: pod.total for target, pod in self.pods.items()}

    @property
    def total(self) -> float:
        """All observations."""
        return math.fsum(pod.total for pod in self.pods.values())

    @property
    def serving(self) -> int:
        """Pods with observations."""
        return sum(pod.total > 0 for pod in self.pods.values())

    @property
    def bounds(self) -> list[float]:
        """Bounds of any pod, ascending, without infinity."""
        return sorted({bound for pod in self.pods.values() for bound in pod.bounds[:-1]})

    def above(self, bound: float) -> dict[str, float] | None:
        """Observations above a bound, by target; None if a pod does not have the bound."""
        found = {}
        for target, pod in self.pods.items():
            if (count := pod.above(bound)) is None:
                return None
            found[target] = count
        return found

    def surely_above(self, bound: float) -> dict[str, float]:
        """Observations above the bound, or above the next bound of a pod, by target."""
        return {target: pod.surely_above(bound) for target, pod in self.pods.items()}

    def next_bound(self, bound: float) -> float:
        """The highest bound from which `surely_above` counts."""
        return max(
            (pod.bounds[bisect_left(pod.bounds, bound)] for pod in self.pods.values()),
            default=bound,
        )


def _buckets(increases: Sequence[Increase]) -> Buckets:
    """The sum of a pod's histograms, such as one for each route."""
    times = Counter(increase.labels["le"] for increase in increases)
    if len(set(times.values())) <= 1:
        return _with_equal_bounds(increases)
    of_each: dict[frozenset[tuple[str, str]], list[Increase]] = defaultdict(list)
    for increase in increases:
        rest = frozenset(item for item in increase.labels.items() if item[0] != "le")
        of_each[rest].append(increase)
    return _sum([_with_equal_bounds(own) for own in of_each.values()])


def _with_equal_bounds(increases: Iterable[Increase]) -> Buckets:
    """Made monotonic if a reset was seen in some buckets only; an infinite bound is added if a pod
    exports none."""
    sums: dict[float, float] = defaultdict(float, {math.inf: 0.0})
    for increase in increases:
        sums[float(increase.labels["le"])] += increase.amount
    bounds = sorted(sums)
    return Buckets(tuple(bounds), tuple(accumulate((sums[bound] for bound in bounds), max)))


def _sum(histograms: Sequence[Buckets]) -> Buckets:
    """At the bounds that are inside no bucket with observations. Native histograms omit bounds
    between which there are none."""
    total = math.fsum(each.total for each in histograms)
    counts = {}
    for bound in sorted({bound for each in histograms for bound in each.bounds}):
        above = [each.above(bound) for each in histograms]
        if None not in above:
            counts[bound] = total - math.fsum(count for count in above if count is not None)
    return Buckets(tuple(counts), tuple(counts.values()))


def slowed(growth: Growth, times: float) -> Growth:
    """So many times as many observations above each bound, at most all. What has no bounds stays as
    it is."""
    totals = {
        _histogram(each): each.amount
        for each in growth.increases
        if "le" in each.labels and each.counts_all
    }

    def below(each: Increase) -> float:
        if "le" not in each.labels:
            return each.amount
        every = totals.get(_histogram(each), math.inf)
        return max(times * each.amount - (times - 1) * every, 0.0)

    return growth.with_amounts(below)


def _histogram(increase: Increase) -> tuple[str, frozenset[tuple[str, str]]]:
    """The target, and the labels that the buckets of one histogram share."""
    return increase.target, frozenset(each for each in increase.labels.items() if each[0] != "le")
