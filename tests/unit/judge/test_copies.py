"""Copies of requests: both revisions may fail on the same ones."""

import math
from dataclasses import replace

import pytest

from serinus.api.checks.error_rate import ErrorRate
from serinus.api.status import CheckState
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.evidence.look import EffectiveWeight, ErrorBudget
from tests.unit.judge import looks

BUDGET = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=1)
CHECK = ErrorRateCheck(ErrorRate(tolerance=1.0, absolute_tolerance="0%"))
PAIRS = 12


def evidence(failed: tuple[int, int], *, copied: bool, before: float = 0.0) -> float:
    """E against the candidate after as many requests of each arm."""
    check = ErrorRateCheck(ErrorRate(tolerance=1.0, absolute_tolerance="0%"))
    look = looks.events(check, tuple((bad, PAIRS - bad) for bad in failed))
    look = replace(look, weight=EffectiveWeight(0.5, since=0.0, copied=copied))
    state = check.judge(CheckState(), look, replace(BUDGET, false_fail=math.exp(-before))).state
    return math.exp(state.peak)


def expected(copied: bool, rate: float, enough: float) -> float:
    """Of E, where each request that fails does so in both arms."""
    chances = [math.comb(PAIRS, n) * rate**n * (1 - rate) ** (PAIRS - n) for n in range(PAIRS + 1)]
    found = (evidence((n, n), copied=copied, before=enough) for n in range(PAIRS + 1))
    return sum(
        chance * min(each, math.exp(enough)) for chance, each in zip(chances, found, strict=True)
    )


def test_what_holds_for_independent_arms_alone_is_left_out_for_copies() -> None:
    enough = math.log(1.3)
    differs = [
        evidence((n, n), copied=False, before=enough) > evidence((n, n), copied=True, before=enough)
        for n in range(PAIRS + 1)
    ]
    assert any(differs)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("enough", [1.05, 1.3, 3.0])
def test_failures_on_the_same_requests_are_no_evidence_on_average(
    rate: float, enough: float
) -> None:
    assert expected(True, rate, math.log(enough)) <= 1 + 1e-9
