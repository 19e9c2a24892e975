"""Random traffic of known truth, for many runs at once: what falls into which sort, by arm."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tests.bench.judge.evidence import Varied

Floats = NDArray[np.float64]
Shares = Callable[[float, Floats], Floats]
"""(seconds since the start, how far pods are from the average one, in standard deviations) ->
the share of each sort of request, on a further axis."""

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True)
class Block:
    """What was counted between two looks."""

    at: float
    """Seconds since the start."""
    candidate: Floats
    """Requests, by run and sort."""
    stable: Floats

    @property
    def requests(self) -> tuple[Floats, Floats]:
        """Of candidate and stable, by run."""
        return self.candidate.sum(axis=1), self.stable.sum(axis=1)


@dataclass(frozen=True)
class Traffic:
    """Requests to both arms, and when they are looked at."""

    per_second: float = 100.0
    interval: float = 15.0
    """Seconds between looks."""
    lasts: float = HOUR
    load: Callable[[float], float] = lambda at: 1.0
    """Seconds since the start -> times the usual traffic."""
    weight: Callable[[float], float] = lambda at: 0.05
    """Seconds since the start -> share of the traffic that the candidate takes."""
    burst: int = 1
    """So many requests in a row fall into the same sort."""
    pods: tuple[int, int] = (1, 5)
    """Of candidate and stable."""
    pods_differ: bool = False

    @property
    def looks(self) -> int:
        """In all."""
        return int(self.lasts / self.interval)

    @property
    def is_plain(self) -> bool:
        """Whether requests are independent, and pods alike."""
        return self.burst == 1 and not self.pods_differ


class Rollouts:
    """Many at once: stable's hour before them, and what is counted from look to look."""

    def __init__(
        self, traffic: Traffic, candidate: Shares, stable: Shares, rng: Generator, runs: int
    ) -> None:
        self.traffic, self.runs = traffic, runs
        self.learned: dict[bytes, Varied] = {}
        """From the history, by what is compared."""
        self._rng = rng
        self._arms = [
            _Arm(shares, self._differences(count))
            for shares, count in zip((candidate, stable), traffic.pods, strict=True)
        ]

    @cached_property
    def history(self) -> Floats:
        """What stable counted, by minute, run, pod and sort."""
        arm, pods = self._arms[1], self.traffic.pods[1]
        mean = 60 * self.traffic.per_second / pods
        shares = arm.shares(0.0, arm.differences)
        return np.array([self._counts(mean, shares, (self.runs, pods)) for _ in range(60)])

    def blocks(self) -> Iterator[Block]:
        """Look after look."""
        traffic = self.traffic
        for look in range(1, traffic.looks + 1):
            at = look * traffic.interval
            total, weight = traffic.per_second * traffic.interval, traffic.weight(at)
            candidate, stable = (
                self._counts(total * traffic.load(at) * part, arm.shares_at(at), (self.runs,))
                for arm, part in zip(self._arms, (weight, 1 - weight), strict=True)
            )
            yield Block(at, candidate, stable)

    def _differences(self, pods: int) -> Floats:
        if self.traffic.pods_differ:
            return self._rng.standard_normal((self.runs, pods))
        return np.zeros((1, 1))

    def _counts(self, mean: float, shares: Floats, shape: tuple[int, ...]) -> Floats:
        """By sort, on a further axis than the shape."""
        burst = self.traffic.burst
        arrived = self._rng.poisson(mean / burst, shape)
        counts: Floats = burst * self._rng.multinomial(arrived, shares).astype(float)
        return counts


@dataclass(frozen=True)
class _Arm:
    """The pods of one revision, each of which takes as much as any other."""

    shares: Shares
    differences: Floats
    """By run and pod."""

    def shares_at(self, at: float) -> Floats:
        return np.asarray(self.shares(at, self.differences).mean(axis=1))
