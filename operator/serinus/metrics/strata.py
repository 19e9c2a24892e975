"""Strata: requests with the same values of some labels, such as the route or the tenant."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from serinus.metrics.counters import Growth, Increase

BothArms = tuple[Growth, Growth]
"""The increase of a counter in candidate and stable."""
Stratum = tuple[str, ...]
"""The values of the labels."""


def divided(
    labels: Sequence[str], counters: Sequence[BothArms]
) -> dict[Stratum, tuple[BothArms, ...]]:
    """For each stratum, the increase of each counter in it; without labels, that of all requests.

    A series without one of the labels has an empty value, as in PromQL.
    """
    if not labels:
        return {(): tuple(counters)}
    grouped = [tuple(_by_stratum(labels, growth) for growth in arms) for arms in counters]
    strata = sorted({stratum for arms in grouped for arm in arms for stratum in arm})
    return {
        each: tuple((arms[0].get(each, Growth()), arms[1].get(each, Growth())) for arms in grouped)
        for each in strata
    }


def strata_of(labels: Sequence[str], growth: Growth) -> set[Stratum]:
    """The strata in which an arm exports a counter, whether it has grown or not."""
    return {_of(labels, increase) for increase in growth.increases}


def counted_in(labels: Sequence[str], growth: Growth) -> dict[Stratum, float]:
    """What a counter counted in each stratum; of a histogram its observations."""
    return {stratum: own.events for stratum, own in _by_stratum(labels, growth).items()}


def so_far_in(labels: Sequence[str], growth: Growth) -> dict[Stratum, float]:
    """The same since the pods of an arm started."""
    found: dict[Stratum, float] = defaultdict(float)
    for each in growth.increases:
        if each.counts_all and each.series.samples:
            found[_of(labels, each)] += each.series.samples[-1][1]
    return found


def _by_stratum(labels: Sequence[str], growth: Growth) -> dict[Stratum, Growth]:
    found: dict[Stratum, list[Increase]] = defaultdict(list)
    for increase in growth.increases:
        found[_of(labels, increase)].append(increase)
    return {stratum: Growth(tuple(own)) for stratum, own in found.items()}


def _of(labels: Iterable[str], increase: Increase) -> Stratum:
    return tuple(increase.labels.get(label, "") for label in labels)
