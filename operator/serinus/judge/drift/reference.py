"""The reference of each feature: recorded from stable's own traffic, or given in the spec."""

import itertools
import math
from collections.abc import Iterable, Mapping

from serinus.api.monitoring import MOST_SHARES, GivenFeature
from serinus.api.quantities import fraction
from serinus.api.status import FeatureReference
from serinus.judge.drift.distribution import Distribution


def given(features: Iterable[GivenFeature]) -> list[FeatureReference]:
    """From the spec. The remainder up to 100% is above the last bound, if there is one."""
    found = []
    for each in features:
        shares = [fraction(bucket.share) for bucket in each.buckets]
        categories = {name: fraction(share) for name, share in each.categories.items()}
        rest = max(1 - math.fsum([*shares, *categories.values()]), 0.0)
        found.append(
            FeatureReference(
                feature=each.feature,
                bounds=[bucket.up_to for bucket in each.buckets],
                shares=[*shares, rest] if shares else [],
                categories=categories,
            )
        )
    return found


def recorded(features: Mapping[str, Distribution], least: float) -> list[FeatureReference]:
    """From the counts of all features that have at least `least` values.

    Of many categories only the most common are listed; the remainder is any other category.
    """
    enough = {name: seen for name, seen in features.items() if seen.total >= least}
    return [_recorded(name, enough[name]) for name in sorted(enough)]


def _recorded(name: str, seen: Distribution) -> FeatureReference:
    bounds = seen.bounds[:MOST_SHARES] if seen.numbers else []
    up_to = [0.0, *(seen.up_to[bound] for bound in bounds), seen.numbers]
    counts = [high - low for low, high in itertools.pairwise(up_to)]
    common = sorted(seen.categories.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHARES]
    return FeatureReference(
        feature=name,
        bounds=bounds,
        shares=[round(count / seen.total, 6) for count in counts] if seen.numbers else [],
        categories={category: round(count / seen.total, 6) for category, count in common},
    )
