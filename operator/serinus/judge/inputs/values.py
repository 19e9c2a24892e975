"""The values of a look by feature: how they are sorted, and how much stable's vary."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from serinus.api.monitoring import FeatureDrift
from serinus.api.status import Comparison, InputFeature
from serinus.judge.drift.distribution import OTHER, Distribution, distributions
from serinus.metrics.counters import Growth

MOST_FEATURES: Final = 24
"""What the status has room for."""
MOST_CATEGORIES: Final = 6
"""Of a feature; all others count as one."""
QUANTILES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of stable's values; the bounds nearest to them are compared."""
LEAST_VALUES: Final = 10.0
"""Of stable in a block, to choose ranges and categories by."""
REMEMBERED: Final = 9
"""Looks whose variation counts."""
FEW: Final = 3
"""Looks that show it."""
LEAST_EXPECTED: Final = 5.0
"""Values with and without a share in two looks, to show how it varied."""
Values = Mapping[str, Distribution]
"""By feature, what one arm was asked in a block."""


def values_of(settings: FeatureDrift, readings: Iterable[Growth]) -> Values:
    """By feature, without those that a given reference leaves out and those that have no room."""
    histogram, categories = readings
    labels = settings.feature_label, settings.category_label
    try:
        found = distributions(histogram, categories, *labels)
    except ValueError:
        return {}
    given = settings.reference.given
    named = {each.feature for each in given} if given else set(found)
    return {name: values for name, values in found.items() if name in named}


def new_features(
    known: Iterable[InputFeature], candidate: Values, stable: Values
) -> list[InputFeature]:
    """Features that both arms have, sorted by what stable was asked in this block; its values count
    from the next one on."""
    there = {each.feature for each in known}
    both = [
        name
        for name, values in stable.items()
        if name not in there
        and values.total >= LEAST_VALUES
        and name in candidate
        and candidate[name].total > 0
    ]
    return [
        _sorted(name, candidate[name], stable[name]) for name in both[: MOST_FEATURES - len(there)]
    ]


def _sorted(name: str, candidate: Distribution, stable: Distribution) -> InputFeature:
    bounds = _cuts(stable, set(candidate.bounds) if candidate.numbers else set(stable.bounds))
    common = sorted(stable.categories, key=lambda each: (-stable.categories[each], each))
    categories = common[:MOST_CATEGORIES]
    named = {f"category {each}" for each in categories}
    counts = stable.sorted_into(bounds, categories)
    # a category that stable has not, such as missing, may be in the candidate alone
    names = [
        share
        for share in counts
        if share == OTHER or (stable.categories if share in named else stable.numbers)
    ]
    return InputFeature(
        feature=name,
        bounds=bounds,
        categories=categories,
        shares=[Comparison(name=share) for share in names],
        before=[stable.total, *(counts[share] for share in names)],
    )


def _cuts(stable: Distribution, common: set[float]) -> list[float]:
    """Of the bounds that both arms have, those nearest to stable's quantiles."""
    if not stable.numbers:
        return []
    shares = {b: stable.up_to[b] / stable.numbers for b in stable.bounds if b in common}
    if not shares:
        return []
    return sorted(
        {
            min(
                shares,
                key=lambda bound: (
                    abs(shares[bound] - wanted),
                    -bound if shares[bound] < wanted else bound,
                ),
            )
            for wanted in QUANTILES
        }
    )


def variation(feature: InputFeature) -> float:
    """The median of the last looks, once there are a few; 1: as chance explains."""
    few = len(feature.variation) < FEW
    return 1.0 if few else max(1.0, median(feature.variation))


def variance(before: Sequence[float], now: Sequence[float]) -> float | None:
    """The mean of (p - q)^2 over shares, relative to what independent values make it; None: too
    few."""
    both = before[0] + now[0]
    found = []
    for first, second in zip(before[1:], now[1:], strict=True):
        share = (first + second) / both
        if min(share, 1 - share) * min(before[0], now[0]) >= LEAST_EXPECTED:
            by_chance = share * (1 - share) * (1 / before[0] + 1 / now[0])
            found.append((first / before[0] - second / now[0]) ** 2 / by_chance)
    return round(math.fsum(found) / len(found), 3) if found else None
