"""Who gets the traffic, as one value: what a status asks for, what a router renders, and what the
judge may expect of each arm."""

from dataclasses import dataclass, replace
from typing import Self

from serinus.api.steps import Tried


@dataclass(frozen=True)
class Traffic:
    """`weight` percent of the requests go to the candidate, the rest to stable. Of the latter,
    `mirrored` percent are copied to the candidate, whose answers are dropped.

    Without a candidate the weight is 0, without a stable it is 100.
    """

    stable: str | None
    candidate: str | None
    weight: float
    mirrored: float = 0.0
    preview: Tried | None = None
    """Requests that the candidate answers, which are not among those of which the weight is a
    percentage."""

    def __post_init__(self) -> None:
        only = {(False, True): 100, (True, False): 0}
        sides = (self.stable is not None, self.candidate is not None)
        if sides == (False, False) or self.weight != only.get(sides, self.weight):
            raise ValueError(f"nobody gets the traffic of {self}")
        if not 0 <= self.weight <= 100:
            raise ValueError(f"a weight is a percentage, not {self.weight}")
        copied = bool(self.mirrored or self.preview)
        if copied and (None in (self.stable, self.candidate) or self.weight):
            raise ValueError(f"a candidate gets a weight, or what no client notices: {self}")

    @property
    def weights(self) -> dict[str, float]:
        """Percent by revision, of those that get traffic, stable first."""
        sides = ((self.stable, 100 - self.weight), (self.candidate, self.weight))
        return {name: weight for name, weight in sides if name is not None and weight}

    @property
    def main(self) -> str:
        """Stable, or the candidate if there is no stable yet."""
        return self.stable or next(iter(self.weights))

    @property
    def share(self) -> float:
        """Of all requests that both serve, those of the candidate, 0 to 1."""
        copied = self.mirrored / 100 * (1 - self.weight / 100)
        return (self.weight / 100 + copied) / (1 + copied)

    @property
    def percent(self) -> float:
        """Of the requests, those that the candidate serves, of clients or copies."""
        return self.weight or self.mirrored

    @property
    def served_by(self) -> frozenset[str]:
        """Revisions that get requests."""
        also = {self.candidate} if self.mirrored or self.preview else set()
        return frozenset({*self.weights, *filter(None, also)})

    def at(self, percent: float) -> Self:
        """The same with another percentage of what the candidate gets."""
        if self.mirrored:
            return replace(self, mirrored=percent)
        return replace(self, weight=percent)

    def without_preview(self) -> Self:
        """Nobody tries the candidate."""
        return replace(self, preview=None)
