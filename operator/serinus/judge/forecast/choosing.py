"""The weights of a rollout whose spec names no steps, chosen from what each is forecast to take."""

import math
from collections.abc import Container, Sequence
from typing import Final

from serinus.judge.forecast.splits import Splitting, exact
from serinus.judge.forecast.waits import Wait, slowest

OFFERED: Final[tuple[tuple[int, ...], ...]] = ((5, 25, 50), (10, 25, 50), (25, 50), (50,))
"""Weights of whole rollouts, in percent, the smallest first weight first."""
WEIGHTS: Final = tuple(sorted({weight for weights in OFFERED for weight in weights}))


def chosen(
    waits: Sequence[Wait],
    target: float,
    affordable: Container[int] | None = None,
    splitting: Splitting = exact,
) -> tuple[int, ...]:
    """The first weights of all that are forecast to end within the target, in seconds; the quickest
    ones if none are. `affordable`: first weights at which a bad candidate costs no more than it
    may; if there is none, the smallest. None: it may cost any number; empty then if a check is
    forecast to pass at none of them. Weights of which two give the candidate the same are not
    chosen."""
    step, first_step = slowest(waits), slowest(wait.as_first() for wait in waits)
    if not step:
        return ()
    differ = [weights for weights in OFFERED if len({*map(splitting, weights)}) == len(weights)]
    takes = {
        (first, *later): first_step[first] + sum(step[each] for each in later)
        for first, *later in differ
    }
    kept = WEIGHTS if affordable is None else affordable
    offered = [weights for weights in differ if weights[0] in kept] or differ[:1]
    within = (weights for weights in offered if takes[weights] <= target)
    first = next(within, min(offered, key=takes.__getitem__))
    return () if affordable is None and takes[first] == math.inf else first
