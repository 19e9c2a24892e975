"""A feature and its reference: the expected share of each range, and the limits tolerated."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from serinus.api.status import FeatureReference, FeatureStatus
from serinus.judge.drift import weekly
from serinus.judge.drift.distribution import OTHER, Distribution
from serinus.judge.drift.feature import WHOLE, Feature, Side, Tolerance
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.weekly import DAY, HOUR

_ROUNDED: Final = 1e-4
"""By which the shares of a reference may miss 1 because each is rounded."""


@dataclass(frozen=True, slots=True)
class ComparedFeature:
    """A reference with its limits, and the evidence required to report drift or its end."""

    reference: FeatureReference
    tolerance: Tolerance
    shares: Mapping[str, float]
    """By range and category."""
    sides: Mapping[Side, float]
    """By side, the limit."""
    rarity: Rarity
    left: float
    """ln of the evidence on one side that shows drift."""
    whose: str = "in the reference"
    """Where the expected shares are."""
    daily: str = ""
    """If it is compared in one hour of the day only, which one: ` at 2:00 UTC`."""

    @classmethod
    def all_of(
        cls, references: Sequence[FeatureReference], tolerance: Tolerance, rarity: Rarity
    ) -> list["ComparedFeature"]:
        """Every feature. A single side raises the alarm, and it takes all of them to end it."""
        shares = [_shares(each) for each in references]
        sides = [_sides(each, tolerance) for each in shares]
        left = rarity.alarm(sum(map(len, sides)))
        return [
            cls(reference, tolerance, expected, limits, rarity, left)
            for reference, expected, limits in zip(references, shares, sides, strict=True)
        ]

    @classmethod
    def in_hour(
        cls,
        references: Sequence[FeatureReference],
        hour: str,
        tolerance: Tolerance,
        rarity: Rarity,
    ) -> list["ComparedFeature"]:
        """Those that have a reference for this hour of the week, each with all hours in one and
        with the same hour of the days before. A share may have limits in some hours only, so each
        counts as two sides."""
        sides = 2 * sum(
            len(_shares(weekly.reference_of_hour(each, min(each.hours)))) for each in references
        )
        whose = "in the reference for that hour of the week"
        # a look a day, in each of 24 hours, is as much as a look an hour
        hourly, daily = rarity.with_looks_every(HOUR), rarity.with_looks_every(DAY)
        each_day = daily, daily.alarm(2 * 24 * sides), weekly.daily(hour)
        compared = []
        for reference in references:
            if hour not in reference.hours:
                continue
            expected = _shares(weekly.reference_of_hour(reference, hour))
            limits = _sides(expected, tolerance)
            compared += [
                cls(reference, tolerance, expected, limits, rare, left, whose, when)
                for rare, left, when in ((hourly, hourly.alarm(2 * sides), ""), each_day)
            ]
        return compared

    @property
    def feature(self) -> str:
        """Name of the feature."""
        return self.reference.feature

    @property
    def name(self) -> str:
        """Of the feature, with the hour if it is compared in one only."""
        return f"{self.feature}{self.daily}"

    def looked(self, feature: Feature, seen: Distribution | None, at: float) -> Feature:
        """The feature after a look. Raises ValueError with a sentence if it cannot be compared."""
        if seen is None:
            raise ValueError("the stable pods no longer export it")
        counts = seen.sorted_into(self.reference.bounds, self.reference.categories)
        enough = self.rarity.end if feature.drifted else self.left
        return feature.looked({**counts, WHOLE: seen.total}, self.sides, at, enough)

    def within(self, at: float) -> FeatureStatus:
        """Before the first look."""
        message = f"{self.name}: not shown to be beyond the tolerance ({self.tolerance})."
        return FeatureStatus(feature=self.name, since=at, message=message)

    def turned(self, feature: Feature, at: float) -> tuple[FeatureStatus, Feature]:
        """Its new status, and the feature that is tested for the opposite from now on."""
        message = f"{self.name}: {self._proof(feature, at)}"[:1024]
        drifted = not feature.drifted
        status = FeatureStatus(feature=self.name, drifted=drifted, since=at, message=message)
        if drifted:
            part, worst = feature.worst(self.shares)
            expected = round(self.shares[part], 6)
            status = status.replace(part=part, share=round(worst.share, 6), expected=expected)
        return status, Feature(at, drifted)

    def _proof(self, feature: Feature, at: float) -> str:
        return feature.proof(self.shares, self.whose, self.tolerance, at, self.rarity)


def _shares(reference: FeatureReference) -> dict[str, float]:
    """Of all values; those that the reference does not list are of any other category."""
    up_to, whole = {math.inf: 0.0}, 0.0
    for bound, share in zip((*reference.bounds, math.inf), reference.shares, strict=False):
        whole += share
        up_to[bound] = whole
    named = [name for name in reference.categories if name != OTHER]
    rest = 1 - whole - math.fsum(reference.categories.values())
    categories = dict(reference.categories)
    if OTHER not in categories and rest > _ROUNDED:
        categories[OTHER] = rest
    return Distribution(up_to, categories).sorted_into(reference.bounds, named)


def _sides(shares: Mapping[str, float], tolerance: Tolerance) -> dict[Side, float]:
    return {
        (name, side): limit
        for name, share in shares.items()
        for side, limit in tolerance.limits(share)
    }
