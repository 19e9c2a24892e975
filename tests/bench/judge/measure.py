"""Rules on random traffic: when each first rolls back, run by run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tests.bench.judge.rules import Rule
from tests.bench.judge.traffic import Floats, Rollouts, Shares, Traffic

Rules = Mapping[str, Callable[[Rollouts], Rule]]
"""By name."""
BATCH = 1000
"""Runs at once; more do not fit into a processor's cache."""


@dataclass(frozen=True)
class Trial:
    """Rules that see the same traffic."""

    rules: Rules
    traffic: Traffic
    candidate: Shares
    stable: Shares
    counts_from: float = 0.0
    """Seconds since the start; candidate requests are counted from there."""
    until_decided: float = 1.0
    """A rule is asked no more once it has decided on this share of the runs."""

    def batch(self, seed: int, index: int, runs: int = BATCH) -> Mapping[str, Floats]:
        """By rule, the candidate requests until it decided, by run; infinite: it never did."""
        rng = np.random.default_rng([seed, index])
        rollouts = Rollouts(self.traffic, self.candidate, self.stable, rng, runs)
        rules = {name: make(rollouts) for name, make in self.rules.items()}
        found = {name: np.full(runs, np.inf) for name in rules}
        served = np.zeros(runs)
        for block in rollouts.blocks():
            if block.at > self.counts_from:
                served += block.requests[0]
            for name, rule in list(rules.items()):
                first = rule.look(block) & np.isinf(found[name])
                found[name][first] = served[first]
                if np.isfinite(found[name]).mean() >= self.until_decided:
                    del rules[name]
            if not rules:
                break
        return found
