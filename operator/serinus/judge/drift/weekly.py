"""A reference by hour of the week: what was counted in an hour is compared with what was counted in
the same hour of the week when the reference was recorded.

So a nightly batch is compared with a nightly batch. Only hours that were watched as a whole count,
for within an hour the mix may change. An hour without a reference becomes its own.

What lasts is shown by one hour after the other. What returns each day, as a batch, is shown by the
same hour of several days; the hours between would speak against it.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from serinus.api.status import FeatureReference
from serinus.judge.drift.distribution import OTHER, Distribution

HOUR: Final = 3600.0
"""Seconds."""
DAY: Final = 24 * HOUR
HOURS: Final = 168
"""Of a week."""
_SINCE_MONDAY: Final = 72
"""Hours from a Monday to Unix time 0."""
MOST_RANGES: Final = 10
"""Ranges, and categories, that are compared separately: there are as many shares for each hour."""


def hour_of(at: float) -> int:
    """The hour of a time in Unix seconds, counted from Unix time 0."""
    return math.floor(at / HOUR)


def of_week(hour: int) -> str:
    """`0` is Monday from 0:00 to 1:00 UTC."""
    return str((hour + _SINCE_MONDAY) % HOURS)


def daily(hour: str) -> str:
    """The hour of the day, as it follows a name."""
    return f" at {int(hour) % 24}:00 UTC"


def reference_of_hour(reference: FeatureReference, hour: str) -> FeatureReference:
    """The reference of an hour. Raises KeyError if there is none yet."""
    shares = reference.hours[hour]
    ranges = len(reference.bounds) + 1 if reference.bounds else 0
    named = dict(zip(reference.categories, shares[ranges:], strict=False))
    return reference.replace(shares=shares[:ranges], categories={**named, OTHER: shares[-1]})


def with_hour(
    reference: FeatureReference | None, name: str, hour: str, seen: Distribution
) -> FeatureReference:
    """The reference with what was counted in an hour; the first hour says which ranges and
    categories are distinguished. Raises ValueError with a sentence if the pods lack a bound."""
    reference = reference or _begun(name, seen)
    bounds = [*reference.bounds, math.inf] if reference.bounds else []
    if missing := [bound for bound in reference.bounds if seen.numbers and bound not in seen.up_to]:
        raise ValueError(f"the pods' histograms have no bucket bound {missing[0]:g} in common")
    up_to = [0.0, *(seen.up_to.get(bound, 0.0) for bound in bounds)]
    counts = [high - low for low, high in pairwise(up_to)]
    counts += [seen.categories.get(each, 0.0) for each in reference.categories]
    counts.append(seen.total - math.fsum(counts))
    shares = [max(round(count / seen.total, 4), 0.0) for count in counts]
    return reference.replace(hours={**reference.hours, hour: shares})


def _begun(name: str, seen: Distribution) -> FeatureReference:
    step = max(math.ceil(len(seen.bounds) / MOST_RANGES), 1)
    common = sorted(seen.categories, key=lambda each: (-seen.categories[each], each))[:MOST_RANGES]
    return FeatureReference(
        feature=name,
        bounds=seen.bounds[step - 1 :: step] if seen.numbers else [],
        categories=dict.fromkeys(common, 0.0),
    )


def recorded_hours(references: list[FeatureReference]) -> int:
    """How many hours of the week have a reference."""
    return max((len(each.hours) for each in references), default=0)


def together(
    one: Mapping[str, Distribution], more: Mapping[str, Distribution]
) -> dict[str, Distribution]:
    """The sum, by name."""
    return {**one, **{n: one.get(n, Distribution()) + each for n, each in more.items()}}
