"""How often errorRate rolls an equal candidate back, by importance sampling.

Such a rollback is rare, and to see it as it comes takes more runs than there is time for. So runs
are drawn from the mixture of bad candidates that the evidence bets on, where nearly each is rolled
back and soon, and each counts by how much less likely its counts are with an equal candidate
(D. Siegmund, Importance sampling in the Monte Carlo study of sequential tests, 1976). The mean of
these weights has no bias.

Counted is what the evidence would roll back if no look had to be confirmed by the next: as bad
candidates are nearly all confirmed, good ones in which the next look says otherwise would be drawn
too rarely. So the figure is an upper bound.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from serinus.judge.evidence.comparison import FIRST_RELEASE, RAISE_EVERY
from serinus.judge.evidence.kernel import WORSE
from tests.bench.judge.checks import ERRORS, Serinus
from tests.bench.judge.traffic import Block, Floats, Traffic

TIMES, WEIGHTS = np.array(WORSE).T
PARTS = WEIGHTS / WEIGHTS.sum()


class _Likelihood:
    """Of the mixture against equal arms, and which part of it each run is drawn from."""

    def __init__(self, rng: Generator, runs: int) -> None:
        self._rng = rng
        self._times = np.ones(runs)
        self._logs = np.tile(np.log(FIRST_RELEASE * PARTS), (runs, 1))
        self._reserve, self._draws = np.full(runs, 1 - FIRST_RELEASE), np.ones(runs)
        self._requests = np.zeros(runs)
        self._start(rng.random(runs) < FIRST_RELEASE)

    def keep(self, runs: np.ndarray) -> None:
        for name in ("_times", "_logs", "_reserve", "_draws", "_requests"):
            setattr(self, name, getattr(self, name)[runs])

    def block(self, traffic: Traffic, at: float, rate: float) -> Block:
        """The next one, in which equal arms would fail at this rate."""
        total, weight = traffic.per_second * traffic.interval * traffic.load(at), traffic.weight(at)
        n_c = self._rng.poisson(total * weight, len(self._times))
        n_s = self._rng.poisson(total * (1 - weight), len(self._times))
        self._lay_out(n_c.astype(float))
        with_all = rate / (1 + (n_c / (n_c + n_s))[:, None] * (TIMES - 1))
        own = rate / (1 + n_c / (n_c + n_s) * (self._times - 1))
        e_c = self._rng.binomial(n_c, own * self._times)
        e_s = self._rng.binomial(n_s, own)
        for n, e, rates in ((n_c, e_c, with_all * TIMES), (n_s, e_s, with_all)):
            self._logs += e[:, None] * np.log(rates / rate)
            self._logs += (n - e)[:, None] * np.log((1 - rates) / (1 - rate))
        return Block(at, _sorts(n_c, e_c), _sorts(n_s, e_s))

    @property
    def ratio(self) -> Floats:
        """How much more likely the counts so far are by the mixture than with equal arms."""
        return np.asarray(self._reserve + np.exp(self._logs).sum(axis=1))

    def _lay_out(self, candidate: Floats) -> None:
        """As `serinus.judge.evidence.comparison.served`."""
        before = self._requests // RAISE_EVERY
        self._requests = self._requests + candidate
        due = before < self._requests // RAISE_EVERY
        part = np.where(due, 1 / (self._draws + 1), 0.0)
        self._start((self._times == 1) & (self._rng.random(len(part)) < part))
        with np.errstate(divide="ignore"):
            added = np.log(self._reserve * part)[:, None] + np.log(PARTS)
        self._logs = np.logaddexp(self._logs, added)
        self._reserve = self._reserve * (1 - part)
        self._draws = self._draws + due

    def _start(self, runs: np.ndarray) -> None:
        self._times[runs] = self._rng.choice(TIMES, size=int(runs.sum()), p=PARTS)


def weights(traffic: Traffic, rate: Callable[[float], float], rng: Generator, runs: int) -> Floats:
    """By run; their mean is the chance of a false rollback."""
    found = np.zeros(runs)
    running = np.arange(runs)
    likelihood, rule = _Likelihood(rng, runs), Serinus(ERRORS, runs)
    for look in range(1, traffic.looks + 1):
        at = look * traffic.interval
        rule.look(likelihood.block(traffic, at, rate(at)))
        failed = rule.evidence.unconfirmed >= -np.log(ERRORS.alpha)
        if failed.any():
            found[running[failed]] = 1 / likelihood.ratio[failed]
            running = running[~failed]
            likelihood.keep(~failed)
            rule.evidence.keep(~failed)
        if not len(running):
            break
    return found


def _sorts(requests: np.ndarray, failed: np.ndarray) -> Floats:
    return np.stack([failed, requests - failed], axis=1).astype(float)
