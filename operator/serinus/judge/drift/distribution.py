"""The values of each feature: counts up to each bucket bound, and by category."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from serinus.metrics.counters import Growth, Increase
from serinus.metrics.histograms import ArmHistogram
from serinus.metrics.shares import ranges

LONGEST_NAME: Final = 100
OTHER: Final = "any other category"
SCORES: Final = "scores"
CLASSES: Final = "classes"


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts of one feature. Numeric values are in the histogram and missing ones in a category;
    both together are all values."""

    up_to: Mapping[float, float] = field(default_factory=dict)
    """Numeric values up to each bound that all pods have, infinity included."""
    categories: Mapping[str, float] = field(default_factory=dict)

    @property
    def numbers(self) -> float:
        """Numeric values."""
        return self.up_to.get(math.inf, 0.0)

    @property
    def total(self) -> float:
        """All values."""
        return self.numbers + math.fsum(self.categories.values())

    @property
    def bounds(self) -> list[float]:
        """Ascending, without infinity."""
        return sorted(set(self.up_to) - {math.inf})

    def __add__(self, later: "Distribution") -> "Distribution":
        """The sum, at the bounds that both have; a part without numeric values has all bounds."""
        parts = [each.up_to for each in (self, later) if each.numbers] or [self.up_to]
        bounds = set(parts[0]).intersection(*parts)
        up_to = {bound: math.fsum(part[bound] for part in parts) for bound in bounds}
        names = {**self.categories, **later.categories}
        categories = {
            name: self.categories.get(name, 0.0) + later.categories.get(name, 0.0) for name in names
        }
        return Distribution(up_to, categories)

    def sorted_into(self, bounds: Sequence[float], categories: Iterable[str]) -> dict[str, float]:
        """Counts by range and category, with all other categories in one count, and those up to
        and above a few bounds.

        Raises ValueError with a sentence if the pods do not have one of the bounds.
        """
        if self.numbers and (unknown := [bound for bound in bounds if bound not in self.up_to]):
            raise ValueError(f"the pods' histograms have no bucket bound {unknown[0]:g} in common")
        up_to = {bound: self.up_to.get(bound, 0.0) for bound in (*bounds, math.inf)}
        counts = {each.name: each.of({-math.inf: 0.0, **up_to}) for each in ranges(tuple(bounds))}
        named = {f"category {name}": self.categories.get(name, 0.0) for name in categories}
        known = math.fsum(named.values())
        return {**counts, **named, OTHER: math.fsum(self.categories.values()) - known}


def distributions(
    histogram: Growth, categories: Growth, feature_label: str, category_label: str
) -> dict[str, Distribution]:
    """The counts of a block, by feature.

    Raises ValueError with a sentence if a name is too long for the status.
    """
    numbers = _by_feature(histogram.increases, feature_label)
    named = _by_feature(categories.increases, feature_label)
    return {
        feature: Distribution(
            _up_to(numbers[feature]) if feature in numbers else {},
            _by_category(named.get(feature, ()), category_label),
        )
        for feature in sorted(numbers | named)
    }


def predictions(scores: Growth, classes: Growth, class_label: str) -> dict[str, Distribution]:
    """The counts of a block, by scores and classes; what is not exported is left out.

    Raises ValueError as above.
    """
    found = {}
    if scores.increases:
        found[SCORES] = Distribution(_up_to(scores.increases))
    if classes.increases:
        found[CLASSES] = Distribution({}, _by_category(classes.increases, class_label))
    return found


def _by_feature(increases: Iterable[Increase], label: str) -> dict[str, list[Increase]]:
    found: dict[str, list[Increase]] = defaultdict(list)
    for increase in increases:
        if feature := increase.labels.get(label):
            found[_short(feature)].append(increase)
    return found


def _up_to(increases: Iterable[Increase]) -> dict[float, float]:
    histogram = ArmHistogram.of(Growth(tuple(increases)))
    total = histogram.total
    above = {bound: histogram.above(bound) for bound in histogram.bounds}
    known = {
        bound: total - math.fsum(counts.values())
        for bound, counts in above.items()
        if counts is not None
    }
    return {**known, math.inf: total}


def _by_category(increases: Iterable[Increase], label: str) -> dict[str, float]:
    counts: dict[str, float] = defaultdict(float)
    for increase in increases:
        counts[_short(increase.labels.get(label) or "(none)")] += increase.amount
    return dict(counts)


def _short(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name {name[:40]}... is longer than {LONGEST_NAME} characters")
    return name
