"""The weights of a rollout whose spec names no steps, chosen from what each is forecast to take."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from serinus.judge.forecast.waits import Wait

OFFERED: Final[Sequence[Sequence[int]]] = ((5, 25, 50), (10, 25, 50), (25, 50), (50,))
"""Weights of whole rollouts, in percent, the smallest first weight first."""
WEIGHTS: Final = tuple(sorted({weight for weights in OFFERED for weight in weights}))


def chosen(waits: Iterable[Wait], target: float) -> Sequence[int]:
    """The first weights of all that are forecast to end within the target, in seconds; the quickest
    ones if none are. Empty if a check is forecast to pass at none of them."""
    slowest: dict[int, float] = defaultdict(float)
    for wait in waits:
        slowest[wait.weight] = max(slowest[wait.weight], wait.until_pass)
    if not slowest:
        return ()
    takes = {tuple(weights): sum(slowest[each] for each in weights) for weights in OFFERED}
    within = [weights for weights in OFFERED if takes[tuple(weights)] <= target]
    first = within[0] if within else min(OFFERED, key=lambda weights: takes[tuple(weights)])
    return first if takes[tuple(first)] < math.inf else ()
