"""Who gets the traffic, as one value: what a status asks for, what a router renders, and what the
judge may expect of each arm."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Traffic:
    """`weight` percent of the requests go to the candidate, the rest to stable.

    Without a candidate the weight is 0, without a stable it is 100.
    """

    stable: str | None
    candidate: str | None
    weight: float

    def __post_init__(self) -> None:
        only = {(False, True): 100, (True, False): 0}
        sides = (self.stable is not None, self.candidate is not None)
        if sides == (False, False) or self.weight != only.get(sides, self.weight):
            raise ValueError(f"nobody gets the traffic of {self}")
        if not 0 <= self.weight <= 100:
            raise ValueError(f"a weight is a percentage, not {self.weight}")

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
        """Of all requests that are answered, those of the candidate, 0 to 1."""
        return self.weight / 100

    def at(self, weight: float) -> Self:
        """The same revisions with another weight of the candidate."""
        return replace(self, weight=weight)
