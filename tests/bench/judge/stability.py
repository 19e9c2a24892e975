"""The judge's evidence about a population stability index, of many runs at once:
`serinus.judge.evidence.stability`, whose own words say what it means."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from serinus.judge.evidence.comparison import FIRST_RELEASE
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis
from serinus.judge.evidence.stability import FURTHEST, LEARNED_AS, LEAST_LEFT, ROUNDS
from tests.bench.judge.checks import Check, Serinus, learned
from tests.bench.judge.evidence import INDEPENDENT, Against, Flags, Varied
from tests.bench.judge.traffic import Floats, Rollouts

Strata = Sequence[tuple[tuple[Floats, Floats], tuple[Floats, Floats]]]
ANYTHING = NullHypothesis(1.0, 0.0)
"""A share is tolerated by itself as it is, but for what pods differ by."""


class AgainstIndex(Against):
    """The quantities are all sorts of requests: one comparison of all of them."""

    def __init__(
        self, runs: int, psi: float, quantities: int, varied: Varied, together: Floats
    ) -> None:
        """`together`: the variance of sums of the quantities by stable's history, by run."""
        super().__init__(runs, ANYTHING, SHIFTED, quantities=quantities, varied=varied, rare=False)
        self._psi, self._together = psi, together
        self._part = np.ones((1, 1, 1))
        self._log_e = np.tile(np.log(FIRST_RELEASE * self._shares), (runs, 1, 1, 1))
        self._of_candidate = np.zeros((runs, quantities))

    def add(self, strata: Strata, alpha: float) -> None:
        super().add(strata, alpha)
        for _, (events, _) in strata:
            self._of_candidate += events

    def _gains(
        self, one: Floats, other: Floats, events: Floats, others: Floats, *, below: bool = False
    ) -> Floats:
        if self._expected is None:
            return np.zeros((len(one), 1, len(self._times)))
        c, s = self._of_candidate, self._of_stable + 0.5
        s /= s.sum(axis=1, keepdims=True)
        learned_of = (c + LEARNED_AS * s) / (c.sum(axis=1, keepdims=True) + LEARNED_AS)
        unseen = 0.5 / (self._stable[:, None] + 1)
        gained = gains(
            self._psi,
            self._times,
            _with(self._expected, unseen),
            _with(np.log(learned_of / s), 0 * unseen),
            (_with(events, 0 * unseen), _with(others, 0 * unseen)),
            _with(np.broadcast_to(self._ratio, c.shape), 0 * unseen + 1),
            _with(np.broadcast_to(self._bursts, c.shape), 0 * unseen + 1),
            self._together,
        )
        return gained[:, None, :]

    def keep(self, runs: Flags) -> None:
        super().keep(runs)
        self._of_candidate = self._of_candidate[runs]


def gains(
    psi: float,
    times: Floats,
    expected: Floats,
    directions: Floats,
    counts: tuple[Floats, Floats],
    among_pods: Floats,
    variance: Floats,
    together: Floats,
) -> Floats:
    """By run and alternative; all else by run and bin."""
    n_c, n_s = (each.sum(axis=1) for each in counts)
    stable = expected / expected.sum(axis=1, keepdims=True)
    directed = directions - _mean(stable, directions)[:, None]
    telling = (np.abs(directed).max(axis=1) > 0) & (n_c > 0) & (n_s > 0)
    directed, n_c, n_s = (
        np.where(telling[:, None], directed, stable),
        *(np.where(telling, n, 1.0) for n in (n_c, n_s)),
    )
    border = _moved(stable, directed, psi)
    d = np.log(border / stable)
    one, other = 1 + d - np.exp(-d), 1 - d - np.exp(d)
    one = np.where(one > 0, one / among_pods, one * among_pods)
    parts = border * (one - _mean(border, one)[:, None]) ** 2
    bursts = _mean(parts, variance) / parts.sum(axis=1)
    pull, other_pull = _variance(border, one) / n_c, _variance(stable, other) / n_s
    found = []
    for by in times:
        mean = _mean(_moved(stable, directed, by * psi), one)
        excess = np.maximum(mean + _mean(stable, other) - psi, 0.0)
        rate = mean - excess * pull / (pull + other_pull)
        stake = excess / (pull + other_pull) / n_c
        for lost, per_stake in (
            (rate - one.min(axis=1), 1.0),
            (psi - rate - other.min(axis=1), n_c / n_s),
        ):
            most = (1 - LEAST_LEFT) / (np.maximum(lost, 1e-300) * per_stake)
            stake = np.where(lost > 0, np.minimum(stake, most), stake)
        against = stake * n_c / n_s
        scored = one - rate[:, None], other - (psi - rate)[:, None]
        gained = (counts[0] * np.log1p(stake[:, None] * scored[0])).sum(axis=1)
        gained += (counts[1] * np.log1p(against[:, None] * scored[1])).sum(axis=1)
        found.append(np.where(telling & (excess > 0), gained / np.maximum(bursts, together), 0.0))
    return np.stack(found, axis=1)


def by_index(psi: float, check: Check, rollouts: Rollouts) -> Serinus:
    """The judge, which tolerates such an index of the ranges that a check of scores compares."""
    ranges = check.sorts.shape[0]
    varied = INDEPENDENT if rollouts.traffic.is_plain else learned(check, rollouts)
    tails = varied.over_time[:, ranges:]
    together = tails.max(axis=1) if tails.size else np.ones(1)
    of_ranges = Varied(varied.over_time[:, :ranges], varied.between_pods[:, :ranges], varied.pods)
    rule = Serinus(replace(check, sorts=check.sorts[:, :ranges], nested=()), rollouts.runs)
    rule.evidence = AgainstIndex(rollouts.runs, psi, ranges, of_ranges, together)
    return rule


def _with(by_bin: Floats, last: Floats) -> Floats:
    """The bin of what appears in a block is the last one."""
    return np.concatenate([by_bin, last], axis=1)


def _moved(stable: Floats, directed: Floats, wanted: float) -> Floats:
    by = np.sqrt(wanted / _mean(stable, directed**2))
    for _ in range(ROUNDS):
        moved = stable * np.exp(np.clip(by[:, None] * directed, -FURTHEST, FURTHEST))
        moved /= moved.sum(axis=1, keepdims=True)
        by *= np.sqrt(wanted / ((moved - stable) * np.log(moved / stable)).sum(axis=1))
    return np.asarray(moved)


def _mean(shares: Floats, values: Floats) -> Floats:
    return np.asarray((shares * values).sum(axis=1))


def _variance(shares: Floats, values: Floats) -> Floats:
    return _mean(shares, (values - _mean(shares, values)[:, None]) ** 2)
