"""Predictions by class and score range: counts of both arms."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from serinus.metrics.counters import Growth, Increase
from serinus.metrics.strata import BothArms

CUTS = 4
"""Number of bounds at which scores are also compared as a whole: a shift of all scores shows there
first, and more bounds add no information."""
_LONGEST_CLASS = 100
"""Characters of the name of a class."""
_BOUNDS_KEPT = 1024
"""Caches the ranges, so that they are not created at each look."""


TargetBucket = tuple[str, float, float]
"""Its target, its bound, and what it counted."""


class Share(NamedTuple):
    """Predictions of one class or range in a block."""

    candidate: float
    stable: float
    known: bool
    """Whether it existed before the block."""
    tail: bool = False
    """Whether it is a sum of other shares."""


@dataclass(frozen=True, slots=True)
class Shares:
    """All predictions of a block, by the name of their class or range."""

    total: Share
    by_name: Mapping[str, Share]


@dataclass(frozen=True)
class Range:
    """Values above `low` and up to `high`."""

    low: float
    high: float
    tail: bool = False
    """Whether it is a sum of other ranges."""

    @cached_property
    def name(self) -> str:
        """`up to 0.5`, `0.5 to 0.6`, `above 0.6`."""
        if self.low == -math.inf:
            return "any number" if self.high == math.inf else f"up to {self.high:g}"
        return f"above {self.low:g}" if self.high == math.inf else f"{self.low:g} to {self.high:g}"

    def of(self, up_to: Mapping[float, float]) -> float:
        """The count in the range, from counts up to each bound, infinities included."""
        return up_to[self.high] - up_to[self.low]


def of_classes(growth: BothArms, label: str) -> Shares:
    """Predictions by class; a class that one arm lacks has a count of 0 there.

    Raises ValueError, with a message, if a name is too long.
    """
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    known = set()
    for arm, grown in enumerate(growth):
        too_long = False
        for increase in grown.increases:
            name = increase.labels.get(label) or "(none)"
            if len(name) > _LONGEST_CLASS:
                too_long = True
                continue
            counts[name][arm] += increase.amount
            if increase.known:
                known.add(name)
        if too_long:
            _refuse_long_names(grown, label)
    shares = {
        f"class {name}": Share(candidate, stable, name in known)
        for name, (candidate, stable) in sorted(counts.items())
    }
    total = [math.fsum(pair[arm] for pair in counts.values()) for arm in (0, 1)]
    return Shares(Share(total[0], total[1], bool(known)), shares)


def _refuse_long_names(grown: Growth, label: str) -> None:
    """Raises ValueError for one that is still exported."""
    for increase in grown.still_exported():
        if len(name := increase.labels.get(label, "")) > _LONGEST_CLASS:
            raise ValueError(
                f"class {name[:40]}... has a name of more than {_LONGEST_CLASS} characters"
            )


def of_scores(growth: BothArms, whole: BothArms | None = None) -> Shares:
    """Predictions by score range, between the bucket bounds that all pods of both arms have.

    `whole`: the predictions of which these are a part, and whose bounds are used. Raises
    ValueError, with a message, if they have none in common.
    """
    read = [_read(grown.increases) for grown in growth]
    candidate_of, stable_of = [_read(grown.increases) for grown in whole] if whole else read
    bounds = sorted(_bounds(candidate_of) & _bounds(stable_of))
    if len(bounds) < 2:
        raise ValueError(
            "candidate and stable have no score bucket in common: let both export the histogram "
            "with the same bounds"
        )
    if bounds[-1] != math.inf:
        raise ValueError(
            'candidate and stable have no bucket le="+Inf" in common, which counts all scores: let '
            "every pod export it, and drop it nowhere"
        )
    known = any(increase.known for grown in growth for increase in grown.increases)
    candidate, stable = (_cumulative(buckets, bounds) for buckets in read)
    shares = {
        f"score {each.name}": Share(each.of(candidate), each.of(stable), known, each.tail)
        for each in ranges(tuple(bounds[:-1]))
    }
    return Shares(Share(candidate[math.inf], stable[math.inf], known), shares)


@lru_cache(maxsize=_BOUNDS_KEPT)
def ranges(bounds: tuple[float, ...]) -> tuple[Range, ...]:
    """Each bucket between ascending finite bounds, then everything up to and above some of
    these."""
    buckets = [Range(low, high) for low, high in pairwise((-math.inf, *bounds, math.inf))]
    found = {each.name: each for each in buckets}
    step = max(math.ceil(len(bounds) / CUTS), 1)
    for bound in bounds[step // 2 :: step]:
        for tail in (Range(-math.inf, bound, tail=True), Range(bound, math.inf, tail=True)):
            found.setdefault(tail.name, tail)
    return tuple(found.values())


def _read(increases: Iterable[Increase]) -> list[TargetBucket]:
    return [(each.target, float(each.series.labels["le"]), each.amount) for each in increases]


def _bounds(buckets: Iterable[TargetBucket]) -> set[float]:
    """Bounds that every target has."""
    by_target: dict[str, set[float]] = defaultdict(set)
    for target, bound, _ in buckets:
        by_target[target].add(bound)
    return set.intersection(*by_target.values()) if by_target else set()


def _cumulative(buckets: Iterable[TargetBucket], bounds: Iterable[float]) -> dict[float, float]:
    """Counts up to each bound; made monotonic if a reset was seen in some buckets only."""
    sums: dict[float, float] = defaultdict(float)
    for _, bound, amount in buckets:
        sums[bound] += amount
    cumulative, highest = {-math.inf: 0.0}, 0.0
    for bound in bounds:
        highest = max(highest, sums[bound])
        cumulative[bound] = highest
    return cumulative
