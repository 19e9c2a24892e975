"""Something that both arms share fails for a minute, and pods are scraped at different moments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tests.bench.judge.checks import Check, Serinus
from tests.bench.judge.measure import BATCH
from tests.bench.judge.traffic import Block, Floats

LOOKS_EVERY, PER_SECOND = 15.0, 100.0
GOOD = 300.0
"""Seconds before an outage, and after it."""


@dataclass(frozen=True)
class SharedOutage:
    """A check on arms that are equal at all times."""

    check: Check
    usual: Floats
    """Share of each sort of request."""
    during: Floats
    """The same in the outage."""
    scrapes: float
    """Seconds between those of a pod."""
    lasts: float = 60.0
    """Seconds."""
    pods: tuple[int, int] = (1, 5)
    """Of candidate and stable."""
    weight: float = 0.05

    def batch(self, seed: int, index: int, runs: int = BATCH) -> Mapping[str, Floats]:
        """The candidate requests until it was rolled back, by run; infinite: it never was."""
        rng = np.random.default_rng([seed, index])
        rule, found, served = Serinus(self.check, runs), np.full(runs, np.inf), np.zeros(runs)
        for block in self._blocks(rng, runs):
            served += block.requests[0]
            first = rule.look(block) & np.isinf(found)
            found[first] = served[first]
        return {"Serinus": found}

    @property
    def _period(self) -> float:
        """Seconds between looks that find new samples."""
        return max(self.scrapes, LOOKS_EVERY)

    def _blocks(self, rng: Generator, runs: int) -> Iterator[Block]:
        """A look counts each pod up to its last scrape; it is the first after the candidate's."""
        longest = min(self.scrapes, LOOKS_EVERY), self.scrapes
        lags = [
            rng.uniform(0.0, lag, (runs, pods))
            for lag, pods in zip(longest, self.pods, strict=True)
        ]
        begins = GOOD + rng.uniform(0.0, self._period, (runs, 1))
        for look in range(1, int((2 * GOOD + self.lasts) / self._period) + 2):
            at = look * self._period
            arms = (
                self._counts(rng, part, self._shares(at - lag, begins))
                for lag, part in zip(lags, (self.weight, 1 - self.weight), strict=True)
            )
            yield Block(at, *arms)

    def _shares(self, ends: Floats, begins: Floats) -> Floats:
        """Of an arm, for windows that end at these seconds, by run and pod."""
        until = np.minimum(ends, begins + self.lasts)
        inside = np.maximum(until - np.maximum(ends - self._period, begins), 0.0) / self._period
        part = inside.mean(axis=1)[:, None]
        return np.asarray(self.usual * (1 - part) + self.during * part)

    def _counts(self, rng: Generator, part: float, shares: Floats) -> Floats:
        arrived = rng.poisson(PER_SECOND * self._period * part, len(shares))
        return rng.multinomial(arrived, shares).astype(float)
