"""Which candidates are promoted through all steps of a rollout by errorRate alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.bench.judge.checks import ANALYSIS, BUDGET, DEFAULTS, ERRORS_BY_DEFAULT, MARGIN
from tests.bench.judge.evidence import Against, For
from tests.bench.judge.measure import BATCH
from tests.bench.judge.traffic import Floats, Traffic

STEPS = np.array([0.05, 0.25, 0.5])
"""Shares of the traffic that the candidate takes."""


@dataclass(frozen=True)
class Promotion:
    """A rollout with the defaults, of models that fail at steady rates."""

    stable: float
    candidate: float

    def batch(self, seed: int, index: int, runs: int = BATCH) -> Mapping[str, Floats]:
        """The candidate requests until it is promoted, by run; infinite: it is rolled back, or a
        step lasts too long."""
        rng, traffic = np.random.default_rng([seed, index]), Traffic()
        against = Against(runs, ERRORS_BY_DEFAULT.tolerance, ERRORS_BY_DEFAULT.alternatives)
        better = For(runs, MARGIN)
        step, looks, served = np.zeros(runs, dtype=int), np.zeros(runs), np.zeros(runs)
        promoted, running = np.full(runs, np.inf), np.ones(runs, dtype=bool)
        while running.any():
            share = STEPS[step]
            per_look = traffic.per_second * traffic.interval
            n_c, n_s = rng.poisson(per_look * np.array([share, 1 - share]))
            e_c, e_s = rng.binomial(n_c, self.candidate), rng.binomial(n_s, self.stable)
            against.weigh((n_c, n_s), (e_c[:, None], e_s[:, None]), BUDGET.false_fail)
            # pods are scraped with the looks: the first block of a later step began before it
            own = (looks > 0) | (step == 0)
            better.weigh((own * n_c, own * n_s), (own * e_c, own * e_s))
            looks, served = looks + 1, served + n_c
            running &= against.peak < -np.log(BUDGET.false_fail)
            passed = running & (better.now >= BUDGET.to_pass)
            last = passed & (step == len(STEPS) - 1)
            promoted[last] = served[last]
            entered = passed & ~last
            against.enter_step(entered)
            better.enter_step(entered)
            step, looks = step + entered, np.where(entered, 0, looks)
            running &= ~last & (looks * traffic.interval < ANALYSIS.step_may_last(None))
        return {DEFAULTS: promoted}
