"""Random traffic of known truth, judged by the operator's own checks, look after look."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from serinus.api.checks import ErrorRate, PredictionDrift
from serinus.api.status import CheckState, Verdict
from serinus.judge.counters import Growth, Increase, Reading
from serinus.judge.error_rate import ErrorRateCheck
from serinus.judge.look import Budget, Kind, Look
from serinus.judge.prediction_drift import PredictionDriftCheck
from serinus.judge.questions import Counters, Series

Shares = NDArray[np.float64]
Truth = Callable[[float], tuple[float, float]]
"""Seconds since the start -> error rate of candidate and stable."""
Weight = Callable[[float], float]
"""Seconds since the start -> share of the traffic that the candidate takes."""


@dataclass(frozen=True)
class Traffic:
    """Poisson arrivals, looked at in equal intervals."""

    per_second: float = 100.0
    interval: float = 15.0
    weight: Weight = lambda at: 0.05

    def requests(self, rng: Generator, at: float) -> tuple[int, int]:
        """Of candidate and stable in the interval that ends at `at`."""
        total, weight = self.per_second * self.interval, self.weight(at)
        return int(rng.poisson(total * weight)), int(rng.poisson(total * (1 - weight)))


@dataclass(frozen=True)
class Outcome:
    """How a check decided, and after how many candidate requests and looks."""

    verdict: Verdict
    requests: int
    looks: int


def budget(alpha: float = 0.01, beta: float = 0.05) -> Budget:
    """One check that has the whole budget; requests are not waited for."""
    return Budget(false_fail=alpha, false_pass=beta, false_rollback=alpha, min_requests=1)


def error_rate(
    tolerance: float = 1.0, margin: float = 100.0, absolute_margin: str = "0%"
) -> ErrorRateCheck:
    """Relative numbers alone, unless told otherwise."""
    return ErrorRateCheck(
        ErrorRate(
            tolerance=tolerance,
            absolute_tolerance="0%",
            margin=margin,
            absolute_margin=absolute_margin,
        )
    )


def drift(tolerance: float = 1.0, absolute_tolerance: str = "0%") -> PredictionDriftCheck:
    """Of the score histogram alone."""
    return PredictionDriftCheck(
        PredictionDrift(
            scores="score", tolerance=tolerance, absolute_tolerance=absolute_tolerance, margin=100
        )
    )


def errors(
    check: ErrorRateCheck,
    truth: Truth,
    rng: Generator,
    *,
    wanted: Verdict = "Fail",
    traffic: Traffic | None = None,
    looks: int = 4000,
    terms: Budget | None = None,
    healthy: int = 0,
) -> Outcome:
    """Judge random errors until the wanted verdict, for so many looks at most.

    The first `healthy` candidate requests fail as often as stable's; `requests` counts from
    there.
    """
    traffic, terms = traffic or Traffic(), terms or budget()
    state, served, look = CheckState(), 0, 0
    verdict: Verdict = "NoData"
    for look in range(1, looks + 1):
        at = look * traffic.interval
        n_c, n_s = traffic.requests(rng, at)
        p_c, p_s = truth(at)
        e_c = rng.binomial(n_c, p_s if served < healthy else p_c)
        e_s = rng.binomial(n_s, p_s)
        served += n_c
        found = check.judge(state, _error_look(check, at, (n_c, n_s), (e_c, e_s)), terms)
        state, verdict = found.state, found.verdict
        if verdict == wanted:
            break
    return Outcome(verdict, served - healthy, look)


def predictions(
    check: PredictionDriftCheck,
    candidate: Shares,
    stable: Shares,
    rng: Generator,
    *,
    wanted: Verdict = "Fail",
    traffic: Traffic | None = None,
    looks: int = 4000,
    terms: Budget | None = None,
) -> Outcome:
    """As `errors`, with scores drawn from the shares of equal buckets."""
    traffic, terms = traffic or Traffic(), terms or budget()
    state, served, look = CheckState(), 0, 0
    verdict: Verdict = "NoData"
    for look in range(1, looks + 1):
        at = look * traffic.interval
        n_c, n_s = traffic.requests(rng, at)
        served += n_c
        counts = rng.multinomial(n_c, candidate), rng.multinomial(n_s, stable)
        found = check.judge(state, _score_look(check, at, counts), terms)
        state, verdict = found.state, found.verdict
        if verdict == wanted:
            break
    return Outcome(verdict, served, look)


def _error_look(check: Kind, at: float, requests: tuple[int, int], errors: tuple[int, int]) -> Look:
    whole, part = (question for question in check.questions() if isinstance(question, Counters))
    arms: list[dict[Counters, Reading]] = [
        {whole: _growth(at, {"": n}), part: _growth(at, {"": e})}
        for n, e in zip(requests, errors, strict=True)
    ]
    return Look(at, arms[0], arms[1], {})


def _score_look(
    check: PredictionDriftCheck, at: float, counts: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Look:
    (buckets,) = check.questions()
    arms: list[dict[Counters, Reading]] = []
    for drawn in counts:
        bounds = [f"{(index + 1) / len(drawn):g}" for index in range(len(drawn) - 1)]
        cumulative = dict(zip([*bounds, "+Inf"], np.cumsum(drawn), strict=True))
        arms.append({buckets: _growth(at, cumulative)})
    return Look(at, arms[0], arms[1], {})


def _growth(at: float, amounts: dict[str, int]) -> Growth:
    return Growth(
        tuple(
            Increase(Series({"le": le}, ()), "pod", 0.0, at, float(amount), True)
            for le, amount in amounts.items()
        ),
        at,
    )
