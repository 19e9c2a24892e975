"""Which bucket bounds to compare latencies at, and what both arms have of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from serinus.api.status import Comparison
from serinus.judge.evidence.dispersion import Minute
from serinus.metrics.histograms import ArmHistogram
from serinus.metrics.strata import BothArms

EXCEEDED_BY: Final = (0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005)
"""Shares of stable's requests; the bounds nearest to them are compared."""


@dataclass(frozen=True, slots=True)
class Durations:
    """What both arms' requests took in a block."""

    candidate: ArmHistogram
    stable: ArmHistogram

    @classmethod
    def of(cls, arms: BothArms) -> Self:
        """From the increase of a counter with the label `le`."""
        return cls(ArmHistogram.of(arms[0]), ArmHistogram.of(arms[1]))

    @property
    def are_of_both(self) -> bool:
        """Whether both arms have served."""
        return self.candidate.total > 0 and self.stable.total > 0

    @property
    def pods(self) -> tuple[int, int]:
        """How many of each arm served."""
        return self.candidate.serving, self.stable.serving

    @property
    def common(self) -> list[float]:
        """Bounds at which both arms can be compared, rising."""
        return [bound for bound in self.stable.bounds if self.knows(bound)]

    def knows(self, bound: float) -> bool:
        """Whether every pod shows how many requests were slower."""
        arms = (self.candidate, self.stable)
        return all(histogram.above(bound) is not None for histogram in arms)


ENOUGH: Final = 1 / min(EXCEEDED_BY)
"""Requests of stable, all in one bucket, among which the rarest wanted share would have shown."""


def nearest(blocks: Sequence[Durations], served_before: float = 0.0) -> list[float]:
    """Of the bounds that both arms have in all blocks, those nearest to what the wanted shares of
    stable's requests exceed; rising. One that all or none exceed tells nothing, unless there is no
    other: then the lowest that none of enough requests exceed. `served_before` were as little
    spread."""
    served = [block for block in blocks if block.stable.total]
    common = set.intersection(*(set(block.common) for block in served)) if served else set()
    total = math.fsum(block.stable.total for block in served)
    exceeded = {bound: _slower(served, bound) / total for bound in sorted(common)}
    telling = {bound: share for bound, share in exceeded.items() if 0 < share < 1}
    if telling or served_before + total < ENOUGH:
        return nearest_to(EXCEEDED_BY, telling)
    return [bound for bound, share in exceeded.items() if share == 0][:1]


def nearest_to(wanted: Sequence[float], exceeded: Mapping[float, float]) -> list[float]:
    """The bounds whose shares, strictly between 0 and 1, are nearest to those wanted; rising."""
    return sorted(
        {
            min(exceeded, key=lambda bound: abs(math.log(exceeded[bound] / share)))
            for share in wanted
            if exceeded
        }
    )


def named(bound: float) -> str:
    """The comparison of requests beyond a bound."""
    return f"slower than {bound!r}"


def bound_of(each: Comparison) -> float:
    """The bound of such a comparison."""
    return float(each.name.removeprefix("slower than "))


def by_pod(histogram: ArmHistogram, slower: Mapping[str, float]) -> Minute:
    """Requests and those of them that were slower, of each pod."""
    return {pod: (own.total, slower.get(pod, 0.0)) for pod, own in histogram.pods.items()}


def _slower(blocks: Sequence[Durations], bound: float) -> float:
    return math.fsum(n for block in blocks for n in (block.stable.above(bound) or {}).values())
