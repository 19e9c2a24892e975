"""Feedback that arrives later than the answers: negative outcomes after a minute on average, all
others after five, while the weight rises."""

import math
from collections.abc import Callable

import numpy as np

from tests.bench.judge.models import Timeline
from tests.bench.judge.rules import Flags, Rule
from tests.bench.judge.traffic import Block, Floats, Rollouts, Shares, Traffic

NEGATIVE_AFTER, OTHERS_AFTER = 60.0, 300.0
"""Seconds; mean delays, of exponential distributions."""
AFTER = 1200.0
"""Seconds in which 98% of the others arrive."""
STEPS = ((0.0, 0.05), (1800.0, 0.25), (3600.0, 0.5))
"""When each weight took effect, in seconds, and the weight."""
LASTS = 5400.0
INTERVAL = 15.0


def maturing(candidate: Timeline, stable: Timeline) -> tuple[Traffic, Shares, Shares]:
    """Twenty outcomes per second, and what they are, by arm; given the share of bad ones among
    those of the answers whose outcomes arrive at a time."""

    def arriving(at: float) -> tuple[Floats, Floats]:
        middle = at - INTERVAL / 2
        arms = ((_candidates, candidate(at)), (_stables, stable(at)))
        found = [
            np.array([bad * arm(middle, NEGATIVE_AFTER), (1 - bad) * arm(middle, OTHERS_AFTER)])
            for arm, bad in arms
        ]
        return found[0], found[1]

    traffic = Traffic(
        per_second=20.0,
        interval=INTERVAL,
        lasts=LASTS,
        load=lambda at: float(np.sum(arriving(at))),
        weight=lambda at: float(arriving(at)[0].sum() / np.sum(arriving(at))),
    )
    return traffic, _shares(lambda at: arriving(at)[0]), _shares(lambda at: arriving(at)[1])


class OfAge:
    """A rule that does not see blocks that began before outcomes are of age."""

    def __init__(self, rule: Rule, left_out: Callable[[float], bool]) -> None:
        """`left_out`: whether a block that begins at these seconds is."""
        self._rule, self._left_out = rule, left_out

    def look(self, block: Block) -> Flags:
        """Fail."""
        if self._left_out(block.at - INTERVAL):
            return np.zeros(len(block.candidate), dtype=bool)
        return self._rule.look(block)


def since_first_traffic(rule: Callable[[Rollouts], Rule]) -> Callable[[Rollouts], Rule]:
    """Leaves out the first outcomes of a rollout."""
    return lambda rollouts: OfAge(rule(rollouts), lambda at: at < AFTER)


def since_each_weight(rule: Callable[[Rollouts], Rule]) -> Callable[[Rollouts], Rule]:
    """Leaves out the first outcomes at each weight, as the judge does."""

    def left_out(at: float) -> bool:
        return any(since <= at < since + AFTER for since, _ in STEPS)

    return lambda rollouts: OfAge(rule(rollouts), left_out)


def _candidates(at: float, delay: float) -> float:
    """The candidate's share of the outcomes that arrive after this delay, of all answers."""
    share, before = 0.0, 0.0
    for since, weight in STEPS:
        if at > since:
            share += (weight - before) * -math.expm1((since - at) / delay)
        before = weight
    return share


def _stables(at: float, delay: float) -> float:
    return 1 - _candidates(at, delay)


def _shares(arriving: Callable[[float], Floats]) -> Shares:
    def shares(at: float, pods: Floats) -> Floats:
        each = arriving(at)
        return np.broadcast_to(each / each.sum(), (*pods.shape, len(each)))

    return shares
