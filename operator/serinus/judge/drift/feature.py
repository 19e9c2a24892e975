"""One feature against its reference: whether it drifted, and whether the drift ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from serinus.api.quantities import spoken
from serinus.judge.drift.detector import Bound, Detector
from serinus.judge.drift.rarity import Rarity
from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount

ABOVE: Final = "above"
BELOW: Final = "below"
_TRIFLE: Final = 1e-6
"""A limit this close to 0% or 100% never applies."""
WHOLE: Final = ""
"""The key of the count of all values."""
Side = tuple[str, str]
"""A range or category, and whether it is compared with its upper or lower limit."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much a share may be above or below that of the reference."""

    ratio: float
    """1 or more."""
    offset: float
    """A probability."""

    def limits(self, share: float) -> Iterator[tuple[str, float]]:
        """The greatest and the least share tolerated; a limit that never applies is left out."""
        above, below = share * self.ratio + self.offset, (share - self.offset) / self.ratio
        if above < 1 - _TRIFLE:
            yield ABOVE, above
        if below > _TRIFLE:
            yield BELOW, below

    def __str__(self) -> str:
        return AllowedRate(self.ratio, self.offset).of("the reference's share")


@dataclass(frozen=True, slots=True)
class Feature:
    """The evidence that a feature has drifted or, once it has, that the drift is over.

    Drift is over once every share is shown to be on the tolerated side of every limit that it has
    at that look. A share that is exactly on a limit changes nothing, so the state does not flap.
    """

    since: float
    """Unix seconds from which values count."""
    drifted: bool = False
    detectors: Mapping[Side, Detector] = field(default_factory=dict)

    def looked(
        self,
        counts: Mapping[str, float],
        sides: Mapping[Side, float],
        at: float,
        enough: float,
    ) -> "Feature":
        """After a look with these counts by range and category; WHOLE is the count of all values.

        `sides`: the limit of each that has one now, a share. `enough`: ln of the evidence that is
        required.
        """
        detectors = {
            side: self.detectors.get(side, Detector(self.since)).looked(
                Bound(limit, above=(side[1] == ABOVE) is not self.drifted),
                counts.get(side[0], 0.0),
                counts[WHOLE],
                at,
                enough,
            )
            for side, limit in sides.items()
        }
        others = {} if self.drifted else self.detectors
        return replace(self, detectors={**others, **detectors})

    @property
    def turns(self) -> bool:
        """Whether drift is shown or, once it is, its end."""
        shown = [each.shown for each in self.detectors.values()]
        return all(shown) if self.drifted else any(shown)

    def worst(self, expected: Mapping[str, float]) -> tuple[str, Detector]:
        """Of the ranges and categories that are shown to have drifted, the one that differs most
        from its expected share."""
        shown = [(name, each) for (name, _), each in self.detectors.items() if each.shown]
        return max(shown, key=lambda one: abs(one[1].share - expected[one[0]]))

    def proof(
        self,
        expected: Mapping[str, float],
        whose: str,
        tolerance: Tolerance,
        at: float,
        rarity: Rarity,
    ) -> str:
        """The evidence when it turned, without the feature's name; `expected`: shares."""
        if self.drifted:
            return f"every range and category is within the tolerance ({tolerance}) again."
        name, worst = self.worst(expected)
        counted = EventCount(worst.events, worst.values)
        return (
            f"{name} {counted} in the last {spoken(at - worst.since)}, "
            f"{words.percent(expected[name])} {whose}, the greatest difference; beyond "
            f"the tolerance ({tolerance}). {rarity}"
        )
