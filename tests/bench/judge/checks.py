"""The judge's checks as rules over the sorts of requests that a block counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from serinus.judge.checks.bounds import EXCEEDED_BY, nearest_to
from serinus.judge.evidence.dispersion import dispersion
from serinus.judge.evidence.kernel import SHIFTED, WORSE, Alternative, NullHypothesis
from serinus.metrics.shares import of_scores
from tests.bench.judge.evidence import INDEPENDENT, Against, For, Varied
from tests.bench.judge.rules import Flags
from tests.bench.judge.traffic import Block, Floats, Rollouts
from tests.unit.judge.looks import grown

NO_WORSE = NullHypothesis(1.0, 0.0)


@dataclass(frozen=True)
class Check:
    """What a check compares, and how."""

    sorts: Floats
    """By sort of request and quantity compared: 1 where a request of the sort counts."""
    alternatives: tuple[Alternative, ...]
    tolerance: NullHypothesis = NO_WORSE
    alpha: float = 0.01
    both_ways: bool = False
    counts: bool = False

    def rule(self, rollouts: Rollouts) -> "Serinus":
        """The judge, which takes requests for independent where they are."""
        plain = rollouts.traffic.is_plain
        return Serinus(self, rollouts.runs, INDEPENDENT if plain else learned(self, rollouts))

    def rule_after_history(self, rollouts: Rollouts) -> "Serinus":
        """The judge, which goes by what stable's last hour told."""
        return Serinus(self, rollouts.runs, learned(self, rollouts))

    def rule_after_quiet_hour(self, rollouts: Rollouts) -> "Serinus":
        """The judge, to which stable's last hour told nothing."""
        return Serinus(self, rollouts.runs)

    def tolerating(self, ratio: float, offset: float = 0.0) -> "Check":
        """The same with another tolerance."""
        return replace(self, tolerance=NullHypothesis(ratio, offset))

    def sharing(self, alpha: float) -> "Check":
        """The same with another part of the budget."""
        return replace(self, alpha=alpha)


class Serinus:
    """A check of the judge, as a rule."""

    def __init__(self, check: Check, runs: int, varied: Varied = INDEPENDENT) -> None:
        self._check = check
        self.evidence = Against(
            runs,
            check.tolerance,
            check.alternatives,
            quantities=check.sorts.shape[1],
            both_ways=check.both_ways,
            counts=check.counts,
            varied=varied,
        )

    def look(self, block: Block) -> Flags:
        """Fail."""
        events = block.candidate @ self._check.sorts, block.stable @ self._check.sorts
        self.evidence.weigh(block.requests, events, self._check.alpha)
        return np.asarray(self.evidence.peak >= -np.log(self._check.alpha))


class Passing:
    """Pass of errorRate, as a rule."""

    def __init__(self, rollouts: Rollouts, margin: NullHypothesis, beta: float = 0.05) -> None:
        self._evidence, self._goal = For(rollouts.runs, margin), -np.log(beta)

    def look(self, block: Block) -> Flags:
        """Pass."""
        self._evidence.weigh(block.requests, (block.candidate[:, 0], block.stable[:, 0]))
        return np.asarray(self._evidence.now >= self._goal)


ERRORS = Check(np.array([[1.0], [0.0]]), WORSE, counts=True)
"""Sorts: failed, answered."""


def latency(bounds: Sequence[float], exported: Sequence[float], stable: Floats) -> Check:
    """Requests slower than those exported bounds that a history of stable's picks.

    `bounds` are the upper ends of the sorts, the last one infinite; `stable` are its shares.
    """
    sorts = len(bounds)
    above = {bound: np.array([float(end > bound) for end in bounds]) for bound in exported}
    shares = {bound: float(stable @ slow) for bound, slow in above.items()}
    chosen = nearest_to(EXCEEDED_BY, {b: share for b, share in shares.items() if 0 < share < 1})
    return Check(np.array([above[bound] for bound in chosen]).reshape(-1, sorts).T, SHIFTED)


def drift(bounds: Sequence[float]) -> Check:
    """Each score range and the cuts; `bounds` as for `latency`."""
    columns = []
    for hit in range(len(bounds)):
        one = grown(*(({"le": str(end)}, float(at >= hit)) for at, end in enumerate(bounds)))
        shares = of_scores((one, one))
        columns.append([share.candidate for share in shares.by_name.values()])
    return Check(np.array(columns), SHIFTED, both_ways=True)


def learned(check: Check, rollouts: Rollouts) -> Varied:
    """What the operator learns from stable's last hour, run by run."""
    requests = rollouts.history.sum(axis=3)
    events = rollouts.history @ check.sorts
    found = [
        [
            dispersion("", _by_pod(requests[:, run], events[:, run, :, quantity]))
            for quantity in range(check.sorts.shape[1])
        ]
        for run in range(rollouts.runs)
    ]
    return Varied(
        np.array([[each.over_time for each in row] for row in found]),
        np.array([[each.between_pods for each in row] for row in found]),
        rollouts.traffic.pods,
    )


def _by_pod(requests: Floats, events: Floats) -> list[dict[str, tuple[float, float]]]:
    """From counts by minute and pod."""
    return [
        {str(pod): counts for pod, counts in enumerate(zip(of_n, of_e, strict=True))}
        for of_n, of_e in zip(requests.tolist(), events.tolist(), strict=True)
    ]
