"""`python -m tests.bench.judge`: the figures of the judge, each with its interval."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from tests.bench.judge.simulation import (
    Outcome,
    Shares,
    Traffic,
    Truth,
    budget,
    drift,
    error_rate,
    errors,
    predictions,
)

HOUR = 3600.0
Run = Callable[[Generator], Outcome]


def median(run: Run, runs: int, seed: int) -> str:
    """Median candidate requests to the verdict, with the 95% interval of the order statistics."""
    found = sorted(
        outcome.requests if outcome.verdict in ("Fail", "Pass") else sys.maxsize
        for outcome in (run(np.random.default_rng([seed, index])) for index in range(runs))
    )
    half = round(1.96 * sqrt(runs) / 2)
    middle, low, high = (found[max(0, min(runs - 1, runs // 2 + by))] for by in (0, -half, half))
    return "never" if middle == sys.maxsize else f"{middle} ({low}-{_shown(high)})"


def frequency(run: Run, runs: int, seed: int) -> str:
    """How often the verdict is Fail, with its upper 95% bound (Wilson)."""
    failed = sum(
        run(np.random.default_rng([seed, index])).verdict == "Fail" for index in range(runs)
    )
    z = NormalDist().inv_cdf(0.95)
    share = failed / runs
    centre = share + z * z / (2 * runs)
    spread = z * sqrt(share * (1 - share) / runs + z * z / (4 * runs * runs))
    upper = (centre + spread) / (1 + z * z / runs)
    return f"{100 * share:.2f}% (<= {100 * upper:.2f}%) of {runs}"


def _shown(requests: int) -> str:
    return "..." if requests == sys.maxsize else str(requests)


def _truth(candidate: float, stable: float) -> Truth:
    return lambda at: (candidate, stable)


def detection(runs: int) -> None:
    """Tolerance 1.0, the candidate's rate several times stable's."""
    print("\nMedian candidate requests to Fail, tolerance 1.0, alpha 1%, 100 requests/s, 5/95")
    pairs = ((0.01, 0.015), (0.01, 0.02), (0.01, 0.05), (0.001, 0.005))
    for interval in (60.0, 15.0, 5.0):
        traffic = Traffic(interval=interval)
        for stable, candidate in pairs:
            run = partial(errors, error_rate(), _truth(candidate, stable), traffic=traffic)
            found = median(run, runs, 1)
            print(f"  a look every {interval:2g} s  {stable:.1%} -> {candidate:.1%}: {found}")


def tolerances(runs: int) -> None:
    """The price of a tolerance, and what it is paid for."""
    print("\nMedian candidate requests to Fail at 1%, a look every 15 s, by tolerance")
    for tolerance in (1.0, 1.1, 1.25, 1.5):
        check = error_rate(tolerance)
        found = [
            f"{times}x {median(partial(errors, check, _truth(0.01 * times, 0.01)), runs, 2)}"
            for times in (2, 3, 5)
        ]
        print(f"  {tolerance}: {', '.join(found)}")


def passing(runs: int) -> None:
    """Two equal arms."""
    print("\nMedian candidate requests to Pass, equal arms, beta 5%, a look every 15 s")
    relative = ((0.01, 1.5, "0%"), (0.01, 2.0, "0%"), (0.001, 2.0, "0%"), (0.01, 1.25, "0%"))
    default = ((0.0, 1.5, "1%"), (0.001, 1.5, "1%"), (0.01, 1.5, "1%"))
    for rate, margin, absolute in (*relative, *default):
        check = error_rate(1.0, margin, absolute)
        found = median(partial(errors, check, _truth(rate, rate), wanted="Pass"), runs, 3)
        print(f"  {rate:.1%}, margin {margin} + {absolute}: {found}")


def late(runs: int) -> None:
    """A candidate that breaks after a long good time."""
    print(
        "\nMedian candidate requests to Fail, 1% -> 5% after so many good ones, a look every 15 s"
    )
    for healthy in (0, 1000, 10_000, 60_000):
        run = partial(errors, error_rate(1.1), _truth(0.05, 0.01), healthy=healthy)
        print(f"  after {healthy}: {median(run, max(runs // 5, 20), 4)}")


def shares(runs: int) -> None:
    """Scores that move."""
    print("\nMedian candidate requests to Fail by predictionDrift, a look every second")
    relative, default = (1.0, "0%"), (1.25, "1%")
    for buckets, shift, (tolerance, absolute) in (
        (10, 0.5, relative),
        (10, 0.5, default),
        (20, 0.5, relative),
        (20, 0.5, default),
        (10, 0.25, relative),
    ):
        stable, candidate = _normal(buckets, 0.0), _normal(buckets, shift)
        psi = float(np.log(candidate / stable) @ (candidate - stable))
        check = drift(tolerance, absolute)
        run = partial(predictions, check, candidate, stable, traffic=Traffic(interval=1.0))
        found = median(run, max(runs // 4, 20), 5)
        print(f"  {buckets} buckets, PSI {psi:.2f}, tolerance {tolerance} + {absolute}: {found}")


def _normal(buckets: int, shift: float) -> Shares:
    """Shares of buckets that are equal under N(0, 1), under N(shift, 1)."""
    bounds = [NormalDist().inv_cdf(k / buckets) for k in range(1, buckets)]
    return np.diff([0.0, *(NormalDist(shift, 1).cdf(bound) for bound in bounds), 1.0])


def false_rollbacks(runs: int) -> None:
    """Nothing is wrong, and the judge looks again and again."""
    print("\nFalse rollbacks, tolerance 1.0, alpha 1%, an hour")
    minute, quarter = Traffic(interval=60.0), Traffic()
    ramp = Traffic(weight=lambda at: 0.05 + 0.45 * at / HOUR)
    scenarios: tuple[tuple[str, Truth, Traffic], ...] = (
        ("flat, a look a minute", _truth(0.01, 0.01), minute),
        ("flat, a look every 15 s", _truth(0.01, 0.01), quarter),
        ("base rate doubles, a look a minute", _doubles, minute),
        ("weight and base rate rise, a look every 15 s", _rises, ramp),
    )
    for name, truth, traffic in scenarios:
        looks = int(HOUR / traffic.interval)
        run = partial(errors, error_rate(), truth, traffic=traffic, looks=looks)
        print(f"  {name}: {frequency(run, runs, 6)}")
    flat = np.full(10, 0.1)
    run = partial(predictions, drift(), flat, flat, traffic=minute, looks=60)
    print(f"  drift of 10 buckets, a look a minute: {frequency(run, runs // 4, 7)}")
    print(f"  four checks sharing 1%, a look a minute: {frequency(_family, runs // 4, 8)}")


def _doubles(at: float) -> tuple[float, float]:
    return (0.01, 0.01) if at < HOUR / 2 else (0.02, 0.02)


def _rises(at: float) -> tuple[float, float]:
    rate = 0.01 * (1 + at / HOUR)
    return rate, rate


def _family(rng: Generator) -> Outcome:
    """Three error rates and a drift, each with a quarter of the budget."""
    terms, minute = budget(alpha=0.0025), Traffic(interval=60.0)
    flat = np.full(10, 0.1)
    found = [
        errors(error_rate(), _truth(p, p), rng, traffic=minute, looks=60, terms=terms)
        for p in (0.001, 0.01, 0.1)
    ]
    found.append(predictions(drift(), flat, flat, rng, traffic=minute, looks=60, terms=terms))
    return next((outcome for outcome in found if outcome.verdict == "Fail"), found[0])


def main(arguments: Sequence[str]) -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judge", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="for each figure of a table")
    runs = parser.parse_args(arguments).runs
    started = time.monotonic()
    for table in (detection, tolerances, passing, late, shares):
        table(runs)
    false_rollbacks(4 * runs)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
