"""`psi` instead of tolerance and margin: what is compared of all classes, or all score ranges,
together."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from serinus.api.checks.prediction_drift import PASSES_WITHIN
from serinus.api.status import CheckState, Comparison
from serinus.judge.evidence.comparison import Policy, expected_share
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, grown
from serinus.judge.evidence.shift import Exceeding
from serinus.judge.evidence.stability import Bin, Stability, directions, index, ratio_within

INDEX: Final = "psi "
"""Of what it is the index, such as `class`, follows."""


def name_of(source: str) -> str:
    """Of the comparison of all that a source counts."""
    return f"{INDEX}{source}"


def source_of(known: Comparison) -> str:
    """Of what it is the index."""
    return known.name.removeprefix(INDEX)


def is_index(known: Comparison) -> bool:
    """Whether it is a comparison of all classes or ranges together."""
    return known.name.startswith(INDEX)


def policy(tolerated: float, absolute_margin: float) -> Policy:
    """A class or range is tolerated by itself as it is; the index is of all of them. All that are
    within the margin make no index greater than PASSES_WITHIN times what is tolerated."""
    margin = ratio_within(PASSES_WITHIN * tolerated)
    return Policy(NullHypothesis(1.0, 0.0), NullHypothesis(margin, absolute_margin), SHIFTED)


def gains(
    tolerated: float,
    parts: Sequence[Comparison],
    block: Mapping[str, Exceeding],
    requests: tuple[float, float],
    together: float,
) -> list[float]:
    """What a block adds to the evidence that the index is greater than tolerated.

    `parts`: the classes or ranges before the block, of which those count that it tells. What
    appears in it is one more bin, so that the bins are known before it. `together`: the variance
    of the counts in several of them, as a multiple of that of independent ones.
    """
    known = [each for each in parts if each.name in block]
    towards = directions([(each.candidate, each.stable + 0.5) for each in known])
    bins = [
        Bin(of.candidate, of.stable, of.expected, direction, of.ratio, of.variance)
        for of, direction in zip((block[each.name] for each in known), towards, strict=True)
    ]
    new = [
        max(total - math.fsum(each[arm] for each in bins), 0.0)
        for arm, total in enumerate(requests)
    ]
    unseen = expected_share(0.0, math.fsum(each.stable for each in known))
    bins.append(Bin(new[0], new[1], unseen, direction=0.0))
    return Stability(tolerated, SHIFTED, bins, together).gains()


def weighed(known: Comparison, gained: Sequence[float]) -> Comparison:
    """What is known of an index after a block that gained so much."""
    return known.replace(above=grown(known.above, gained))


def measured(state: CheckState, parts: Sequence[Comparison], source: str) -> float:
    """The index of what was counted, without what chance adds on the average."""
    requests = state.candidate[source], state.stable[source]
    shares = [
        (expected_share(each.candidate, requests[0]), expected_share(each.stable, requests[1]))
        for each in parts
    ]
    by_chance = (len(parts) - 1) * math.fsum(1 / n for n in requests if n)
    return max(index(shares) - by_chance, 0.0)


def greatest(state: CheckState, parts: Sequence[Comparison], source: str) -> Comparison:
    """The class or range that adds most to the index."""

    def part(each: Comparison) -> float:
        shares = [
            (
                expected_share(each.candidate, state.candidate[source]),
                expected_share(each.stable, state.stable[source]),
            )
        ]
        return index(shares)

    return max(parts, key=part)
