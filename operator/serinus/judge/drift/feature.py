"""One feature against its reference: shown to have left it, and later shown to be back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from serinus.api.quantities import spoken
from serinus.judge.drift.cusum import Bound, Cusum
from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount

ABOVE: Final = "above"
BELOW: Final = "below"
_TRIFLE: Final = 1e-6
"""A limit so close to 0% or 100% is none."""
WHOLE: Final = ""
"""The name under which all values are counted."""
Side = tuple[str, str]
"""A range or category, and on which side of what is tolerated it may lie."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a share may lie from that of the reference, up and down."""

    ratio: float
    """1 or more."""
    offset: float
    """A probability."""

    def limits(self, share: float) -> Iterator[tuple[str, float]]:
        """By side, the share that is just tolerated; none where every share is."""
        above, below = share * self.ratio + self.offset, (share - self.offset) / self.ratio
        if above < 1 - _TRIFLE:
            yield ABOVE, above
        if below > _TRIFLE:
            yield BELOW, below

    def __str__(self) -> str:
        return AllowedRate(self.ratio, self.offset).of("the reference's")


@dataclass(frozen=True, slots=True)
class Feature:
    """What is suspected of a feature: to have left its reference, or, if drifted, to be back.

    It is back once every share is shown to lie on the tolerated side of every limit. So what lies
    on a limit changes nothing, and nothing flickers.
    """

    since: float
    """Unix seconds from which values are weighed."""
    drifted: bool = False
    cusums: Mapping[Side, Cusum] = field(default_factory=dict)

    def looked(
        self,
        counts: Mapping[str, float],
        sides: Mapping[Side, float],
        at: float,
        enough: float,
    ) -> "Feature":
        """After a look with these counts by range and category; WHOLE has that of all values.

        `sides`: each with its limit, a share. `enough`: ln of the evidence that shows a side.
        """
        cusums = {
            side: self.cusums.get(side, Cusum(self.since)).looked(
                Bound(limit, above=(side[1] == ABOVE) is not self.drifted),
                counts.get(side[0], 0.0),
                counts[WHOLE],
                at,
                enough,
            )
            for side, limit in sides.items()
        }
        return replace(self, cusums=cusums)

    @property
    def turns(self) -> bool:
        """Whether it is shown to have left its reference, or, if drifted, to be back."""
        shown = [each.shown for each in self.cusums.values()]
        return all(shown) if self.drifted else any(shown)

    def proof(self, reference: Mapping[str, float], tolerance: Tolerance, at: float) -> str:
        """What was shown when it turned, without the feature's name; `reference`: shares."""
        if self.drifted:
            return f"every range and category is within {tolerance} again."
        shown = ((name, each) for (name, _), each in self.cusums.items() if each.shown)
        name, worst = max(shown, key=lambda one: abs(one[1].share - reference[one[0]]))
        counted = EventCount(worst.events, worst.values)
        return (
            f"{name} {counted} in the last {spoken(at - worst.since)} against "
            f"{words.percent(reference[name])} in the reference, the greatest difference; "
            f"it differs by more than {tolerance}."
        )
