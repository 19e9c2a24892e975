"""The candidate gets copies of stable's requests, so that both may fail on the same ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from tests.bench.judge.checks import Check, Serinus
from tests.bench.judge.measure import BATCH
from tests.bench.judge.traffic import HOUR, Block, Floats

LOOKS_EVERY, PER_SECOND = 15.0, 100.0
USUAL = 0.01
"""Share of stable's requests that fail."""
ALONE, BOOSTED = "Serinus", "Serinus, as if independent"


@dataclass(frozen=True)
class Mirror:
    """errorRate on copies of so many percent of the requests."""

    check: Check
    percent: int
    together: float
    """Of stable's failures, the share that the request itself causes, in both arms."""
    burst: int = 1
    """So many requests in a row have one fate."""
    own: float = USUAL
    """Share of its requests that the candidate fails, those among them."""

    def batch(self, seed: int, index: int, runs: int = BATCH) -> Mapping[str, Floats]:
        """Copies until it was rolled back, by run; infinite: it never was."""
        rng = np.random.default_rng([seed, index])
        rules = {
            ALONE: Serinus(replace(self.check, counts=False), runs),
            BOOSTED: Serinus(self.check, runs),
        }
        found = {name: np.full(runs, np.inf) for name in rules}
        served = np.zeros(runs)
        for block in self._blocks(rng, runs):
            served += block.requests[0]
            for name, rule in rules.items():
                first = rule.look(block) & np.isinf(found[name])
                found[name][first] = served[first]
        return found

    def _blocks(self, rng: Generator, runs: int) -> Iterator[Block]:
        caused = USUAL * self.together
        for look in range(1, int(HOUR / LOOKS_EVERY) + 1):
            requests = rng.poisson(PER_SECOND * LOOKS_EVERY / self.burst, runs)
            copies = rng.binomial(requests, self.percent / 100)
            both, stable_alone = (
                rng.binomial(each, caused) for each in (copies, requests - copies)
            )
            failed = [
                shared + rng.binomial(whole - shared, (rate - caused) / (1 - caused))
                for shared, whole, rate in (
                    (both, copies, self.own),
                    (both + stable_alone, requests, USUAL),
                )
            ]
            arms = (
                self.burst * np.stack([bad, whole - bad], axis=1).astype(float)
                for bad, whole in zip(failed, (copies, requests), strict=True)
            )
            yield Block(look * LOOKS_EVERY, *arms)
