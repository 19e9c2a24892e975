"""What others decide by, on the same traffic as the judge, for many runs at once."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.bench.judge.traffic import Block, Floats

Flags = NDArray[np.bool_]
NEVER = 1e-15
"""A share that is none."""
Figure = Callable[[Floats], Floats]
"""Requests of a window by run and sort -> what is made of them, by run; NaN: there are none."""


class Rule(Protocol):
    """Sees each block of all runs, and says which of them it rolls back now."""

    def look(self, block: Block) -> Flags: ...


class Threshold:
    """A figure of the last minutes, read in intervals; too many bad readings roll back.

    With `allowed` = failureLimit it is an analysis of Argo Rollouts (a metric has failed once more
    measurements than that have), with `allowed` = threshold - 1 one of Flagger (which counts failed
    checks over the whole analysis, and rolls back at the threshold).
    """

    def __init__(
        self,
        figure: Figure,
        is_bad: Callable[[Floats, Floats], Flags],
        *,
        window: float,
        every: float,
        allowed: int,
    ) -> None:
        """`is_bad`: (candidate's figure, stable's)."""
        self._figure, self._is_bad = figure, is_bad
        self._window, self._every, self._allowed = window, every, allowed
        self._blocks: deque[Block] = deque()
        self._read_until, self._bad = 0.0, np.zeros(1)

    def look(self, block: Block) -> Flags:
        self._blocks.append(block)
        while self._blocks[0].at <= block.at - self._window:
            self._blocks.popleft()
        if block.at < self._read_until + self._every:
            return np.zeros(len(block.candidate), dtype=bool)
        self._read_until = block.at
        figures = [
            self._figure(np.sum([getattr(each, arm) for each in self._blocks], axis=0))
            for arm in ("candidate", "stable")
        ]
        self._bad = self._bad + self._is_bad(figures[0], figures[1])
        return self._bad > self._allowed


class Kayenta:
    """The Mann-Whitney test of Kayenta's NetflixACAJudge with its defaults: a figure a minute and
    arm, confidence 0.98, tolerance 0.25, direction increase.

    Judged from ten points on, over the last hour. High: the lower end of the interval
    of the shift lies above a fourth of the Hodges-Lehmann estimate.
    """

    def __init__(self, figure: Figure, every: float) -> None:
        """`every`: seconds between judgements."""
        self._figure, self._every = figure, every
        self._minute: list[Block] = []
        self._points: deque[tuple[Floats, Floats]] = deque(maxlen=60)
        self._rolled_back = np.zeros(1, dtype=bool)

    def look(self, block: Block) -> Flags:
        none = np.zeros(len(block.candidate), dtype=bool)
        self._minute.append(block)
        if block.at % 60:
            return none
        candidate, stable = (
            self._figure(np.sum([getattr(each, arm) for each in self._minute], axis=0))
            for arm in ("candidate", "stable")
        )
        self._points.append((candidate, stable))
        self._minute = []
        if len(self._points) < 10 or block.at % self._every:
            return none
        x, y = (np.array(points).T for points in zip(*self._points, strict=True))
        left = np.flatnonzero(~np.broadcast_to(self._rolled_back, len(x)))
        high = none
        if len(left):
            high[left] = mann_whitney_high(x[left], y[left])
        self._rolled_back = self._rolled_back | high
        return high


def mann_whitney_high(x: Floats, y: Floats, confidence: float = 0.98) -> Flags:
    """Whether x is high against y, by run (rows); asymptotic, with corrections for continuity and
    ties, as R's wilcox.test."""
    n, m = x.shape[1], y.shape[1]
    differences = (x[:, :, None] - y[:, None, :]).reshape(len(x), -1)
    bound = 0.25 * np.abs(np.median(differences, axis=1))
    above = (differences > bound[:, None]).sum(axis=1)
    level = (differences == bound[:, None]).sum(axis=1)
    distance = above + level / 2 - n * m / 2
    ties = _ties(x - bound[:, None], y)
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (distance - np.sign(distance) / 2) / np.sqrt(variance)
    return np.asarray(z > stats.norm.ppf(1 - (1 - confidence) / 2))


def _ties(x: Floats, y: Floats) -> Floats:
    """Sum of t^3 - t over the groups of equal values, by run."""
    values = np.sort(np.concatenate([x, y], axis=1), axis=1)
    new = np.diff(values, axis=1, prepend=-np.inf) > 0
    group = np.cumsum(new, axis=1) + np.arange(len(values))[:, None] * (values.shape[1] + 1)
    sizes = np.bincount(group.ravel(), minlength=group.max() + 1)
    cubes = (sizes**3 - sizes).astype(float)
    by_run = np.zeros(len(values))
    np.add.at(by_run, np.arange(len(sizes)) // (values.shape[1] + 1), cubes)
    return by_run


class Repeated:
    """A test made for one look, taken at every one of them on all that was counted so far."""

    def __init__(self, p_value: Callable[[Floats, Floats], Floats], alpha: float) -> None:
        self._p_value, self._alpha = p_value, alpha
        self._candidate, self._stable = np.zeros(1), np.zeros(1)

    def look(self, block: Block) -> Flags:
        self._candidate = self._candidate + block.candidate
        self._stable = self._stable + block.stable
        return np.asarray(self._p_value(self._candidate, self._stable) < self._alpha)


def z_test(candidate: Floats, stable: Floats) -> Floats:
    """One-sided, of the first sort's share, with the pooled variance."""
    n_c, n_s = candidate.sum(axis=1), stable.sum(axis=1)
    e_c, e_s = candidate[:, 0], stable[:, 0]
    pooled = (e_c + e_s) / (n_c + n_s)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_s))
    z = np.divide(e_c / n_c - e_s / n_s, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asarray(stats.norm.sf(z))


def t_test(values: Floats) -> Callable[[Floats, Floats], Floats]:
    """One-sided, of the mean of what each sort stands for; by the normal law."""

    def p_value(candidate: Floats, stable: Floats) -> Floats:
        moments = [_moments(arm, values) for arm in (candidate, stable)]
        (n_c, mean_c, var_c), (n_s, mean_s, var_s) = moments
        z = (mean_c - mean_s) / np.sqrt(var_c / n_c + var_s / n_s)
        return np.asarray(stats.norm.sf(z))

    return p_value


def chi_square(candidate: Floats, stable: Floats) -> Floats:
    """Of two rows of counts."""
    n_c, n_s = candidate.sum(axis=1, keepdims=True), stable.sum(axis=1, keepdims=True)
    pooled = (candidate + stable) / (n_c + n_s)
    total = np.zeros(len(candidate))
    for counts, n in ((candidate, n_c), (stable, n_s)):
        expected = pooled * n
        total += np.divide(
            (counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0
        ).sum(axis=1)
    return np.asarray(stats.chi2.sf(total, candidate.shape[1] - 1))


class Oracle:
    """Wald's sequential test, told what the candidate does to each sort of request beforehand."""

    def __init__(self, candidate: Floats, stable: Floats, alpha: float) -> None:
        self._gain = np.log(np.maximum(candidate, NEVER) / np.maximum(stable, NEVER))
        self._log_e, self._goal = np.zeros(1), -np.log(alpha)

    def look(self, block: Block) -> Flags:
        self._log_e = self._log_e + block.candidate @ self._gain
        return np.asarray(self._log_e >= self._goal)


class RatioOracle:
    """The same, told how many times as common the first sort is, but not how common it is."""

    def __init__(self, ratio: float, alpha: float) -> None:
        self._ratio, self._log_e, self._goal = ratio, np.zeros(1), -np.log(alpha)

    def look(self, block: Block) -> Flags:
        n_c, n_s = block.requests
        log_b = -np.log1p(n_c / (n_c + n_s) * (self._ratio - 1))
        both = block.candidate[:, 0] + block.stable[:, 0]
        self._log_e = self._log_e + block.candidate[:, 0] * np.log(self._ratio) + both * log_b
        return np.asarray(self._log_e >= self._goal)


def share_of_first(counts: Floats) -> Floats:
    """Error rate; NaN without requests."""
    total = counts.sum(axis=1)
    none = np.full(len(total), np.nan)
    return np.asarray(np.divide(counts[:, 0], total, out=none, where=total > 0))


def mean_of(values: Floats) -> Figure:
    """The mean of what each sort stands for."""
    return lambda counts: np.asarray(counts @ values / counts.sum(axis=1))


def _moments(counts: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance, by run."""
    n = counts.sum(axis=1)
    mean = counts @ values / n
    return n, mean, counts @ values**2 / n - mean**2


def quantile(q: float, bounds: Floats, up_to: NDArray[np.float64]) -> Figure:
    """histogram_quantile of PromQL. `up_to` sums sorts up to each bound: sorts by bounds, the last
    of which is infinite."""

    def figure(counts: Floats) -> Floats:
        cumulative = counts @ up_to
        rank = q * cumulative[:, -1]
        at = np.argmax(cumulative >= rank[:, None], axis=1)
        high = np.take_along_axis(cumulative, at[:, None], axis=1)[:, 0]
        low = np.where(at > 0, cumulative[np.arange(len(at)), np.maximum(at - 1, 0)], 0.0)
        start = np.where(at > 0, bounds[np.maximum(at - 1, 0)], 0.0)
        inside = np.where(high > low, (rank - low) / np.maximum(high - low, 1e-12), 0.0)
        last = at == len(bounds) - 1
        end = np.where(last, 0.0, bounds[np.minimum(at, len(bounds) - 2)])
        return np.asarray(np.where(last, bounds[-2], start + (end - start) * inside))

    return figure


def psi(candidate: Floats, stable: Floats) -> Floats:
    """Population stability index of two rows of counts; an empty sort counts as 0.01%."""
    shares = [np.maximum(arm / arm.sum(axis=1, keepdims=True), 1e-4) for arm in (candidate, stable)]
    return np.asarray(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum(axis=1))
