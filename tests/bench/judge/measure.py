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
    """Ends once every rule has decided on this share of the runs."""

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
            for name, rule in rules.items():
                first = rule.look(block) & np.isinf(found[name])
                found[name][first] = served[first]
            if all(np.isfinite(each).mean() >= self.until_decided for each in found.values()):
                break
        return found
