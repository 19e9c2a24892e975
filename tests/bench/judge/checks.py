"""The judge's checks as rules over the sorts of requests that a block counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from serinus.api.analysis import Analysis
from serinus.api.checks.compared import Compared
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.quantities import fraction
from serinus.judge.analysis import budget_of
from serinus.judge.checks.latency_bounds import EXCEEDED_BY, nearest_to
from serinus.judge.checks.prediction_drift import SCORES_ABOVE
from serinus.judge.evidence.dispersion import dispersion
from serinus.judge.evidence.kernel import SHIFTED, WORSE, Alternative, NullHypothesis
from serinus.metrics.shares import of_scores
from tests.bench.judge.evidence import INDEPENDENT, Against, For, Varied
from tests.bench.judge.rules import Flags
from tests.bench.judge.traffic import Block, Floats, Rollouts
from tests.unit.judge.looks import grown

NO_WORSE = NullHypothesis(1.0, 0.0)
DEFAULTS = "Serinus, defaults"
"""Name of the rule where nothing is set."""
ANALYSIS, ERROR_RATE = Analysis(), ErrorRate()
"""As they are where nothing is set."""
BUDGET = budget_of(ANALYSIS, ANALYSIS.checks[0])
"""Of each of its two checks."""
MARGIN = NullHypothesis(ERROR_RATE.margin, fraction(ERROR_RATE.absolute_margin))


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
    rare: bool = True
    nested: tuple[int, ...] = ()
    """Quantities of which each is a part of the one before, from the most common one on."""
    known: Floats | None = None
    """Stable's shares of the quantities, where its history tells them."""

    def rule(self, rollouts: Rollouts) -> "Serinus":
        """The judge, which takes requests for independent where they are."""
        plain = rollouts.traffic.is_plain
        return Serinus(self, rollouts.runs, INDEPENDENT if plain else learned(self, rollouts))

    def rule_after_history(self, rollouts: Rollouts) -> "Serinus":
        """The judge, which goes by what stable's last hour told."""
        return Serinus(self, rollouts.runs, learned(self, rollouts))

    def rule_within(self, rollouts: Rollouts) -> "Within":
        """The judge, which compares within strata."""
        return Within(self, rollouts.runs)

    def in_strata(self, count: int) -> "Check":
        """The same, which compares the sums of so many strata."""
        return replace(self, sorts=np.tile(self.sorts, (count, 1)))

    def rule_after_quiet_hour(self, rollouts: Rollouts) -> "Serinus":
        """The judge, to which stable's last hour told nothing."""
        return Serinus(self, rollouts.runs)

    def tolerating(self, ratio: float, offset: float = 0.0) -> "Check":
        """The same with another tolerance."""
        return replace(self, tolerance=NullHypothesis(ratio, offset))

    def by_default(self, settings: Compared) -> "Check":
        """The same as it is where nothing is set: it shares the budget with a second check."""
        offset = fraction(settings.absolute_tolerance)
        return self.tolerating(settings.tolerance, offset).sharing(BUDGET.false_fail)

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
            rare=check.rare,
            nested=check.nested,
            known=check.known,
        )

    def look(self, block: Block) -> Flags:
        """Fail."""
        events = block.candidate @ self._check.sorts, block.stable @ self._check.sorts
        self.evidence.weigh(block.requests, events, self._check.alpha)
        return np.asarray(self.evidence.peak >= -np.log(self._check.alpha))


class Within(Serinus):
    """A check of the judge that divides the requests of a block. Each stratum has all the sorts,
    one stratum after the other."""

    def look(self, block: Block) -> Flags:
        """Fail."""
        sorts = self._check.sorts
        self.evidence.serve(block.requests[0])
        arms = [
            np.split(arm, arm.shape[1] // len(sorts), 1) for arm in (block.candidate, block.stable)
        ]
        strata = [
            ((candidate.sum(axis=1), stable.sum(axis=1)), (candidate @ sorts, stable @ sorts))
            for candidate, stable in zip(*arms, strict=True)
        ]
        self.evidence.add(strata, self._check.alpha)
        return np.asarray(self.evidence.peak >= -np.log(self._check.alpha))


class Passing:
    """Pass of errorRate, as a rule, in a step whose weight takes effect `entries` times."""

    def __init__(self, rollouts: Rollouts, margin: NullHypothesis, entries: int = 1) -> None:
        self._evidence, self._budget = For(rollouts.runs, margin), BUDGET
        self._lasts = rollouts.traffic.lasts / entries

    def look(self, block: Block) -> Flags:
        """Pass."""
        if block.at > self._budget.entry * self._lasts:
            self._evidence.enter_step(np.ones(len(block.candidate), dtype=bool))
            self._budget = replace(self._budget, entry=self._budget.entry + 1)
        self._evidence.weigh(block.requests, (block.candidate[:, 0], block.stable[:, 0]))
        return np.asarray(self._evidence.now >= self._budget.to_pass)


ERRORS = Check(np.array([[1.0], [0.0]]), WORSE, counts=True)
"""Sorts: failed, answered."""
ERRORS_BY_DEFAULT = ERRORS.by_default(ERROR_RATE)


def latency(bounds: Sequence[float], exported: Sequence[float], stable: Floats) -> Check:
    """Requests slower than those exported bounds that a history of stable's picks.

    `bounds` are the upper ends of the sorts, the last one infinite; `stable` are its shares.
    """
    sorts = len(bounds)
    above = {bound: np.array([float(end > bound) for end in bounds]) for bound in exported}
    shares = {bound: float(stable @ slow) for bound, slow in above.items()}
    chosen = nearest_to(EXCEEDED_BY, {b: share for b, share in shares.items() if 0 < share < 1})
    compared = np.array([above[bound] for bound in chosen]).reshape(-1, sorts).T
    nested = tuple(range(len(chosen))) if len(chosen) > 1 else ()
    return Check(compared, SHIFTED, rare=False, nested=nested, known=stable @ compared)


def drift(bounds: Sequence[float]) -> Check:
    """Each score range and the cuts; `bounds` as for `latency`."""
    columns = []
    for hit in range(len(bounds)):
        one = grown(*(({"le": str(end)}, float(at >= hit)) for at, end in enumerate(bounds)))
        shares = of_scores((one, one)).by_name
        columns.append([share.candidate for share in shares.values()])
    above = {
        float(name.removeprefix(SCORES_ABOVE)): n
        for n, name in enumerate(shares)
        if SCORES_ABOVE in name
    }
    nested = tuple(above[bound] for bound in sorted(above))
    return Check(np.array(columns), SHIFTED, both_ways=True, rare=False, nested=nested)


def learned(check: Check, rollouts: Rollouts) -> Varied:
    """What the operator learns from stable's last hour, run by run."""
    compared = check.sorts.tobytes()
    if compared not in rollouts.learned:
        rollouts.learned[compared] = _learned(check, rollouts)
    return rollouts.learned[compared]


def _learned(check: Check, rollouts: Rollouts) -> Varied:
    requests = rollouts.history.sum(axis=3)
    events = rollouts.history @ check.sorts
    found = [
        [
            dispersion(
                "",
                _by_pod(requests[:, run], events[:, run, :, quantity]),
                rare=check.rare,
                both_ways=check.both_ways,
            )
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
