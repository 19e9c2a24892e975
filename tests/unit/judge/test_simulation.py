"""The guarantee and the speed, on random traffic; `python -m tests.bench.judge` says it closer."""

from collections.abc import Callable
from statistics import median

import numpy as np
import pytest

from tests.bench.judge.simulation import Outcome, Traffic, drift, error_rate, errors, predictions


def outcomes(run: Callable[[np.random.Generator], Outcome], runs: int) -> list[Outcome]:
    return [run(np.random.default_rng([1, index])) for index in range(runs)]


def failed(found: list[Outcome]) -> float:
    return sum(outcome.verdict == "Fail" for outcome in found) / len(found)


def test_equal_candidates_are_rolled_back_at_most_once_in_a_hundred_though_looked_at_always() -> (
    None
):
    check, minute = error_rate(), Traffic(interval=60)
    found = outcomes(
        lambda rng: errors(check, lambda at: (0.01, 0.01), rng, traffic=minute, looks=60), 300
    )
    assert failed(found) <= 0.01


def test_neither_a_rising_base_rate_nor_a_rising_weight_rolls_a_good_candidate_back() -> None:
    check = error_rate()
    ramp = Traffic(interval=60, weight=lambda at: 0.05 + 0.45 * at / 3600)
    rate = lambda at: (0.01 * (1 + at / 3600),) * 2  # noqa: E731
    found = outcomes(lambda rng: errors(check, rate, rng, traffic=ramp, looks=60), 200)
    assert failed(found) <= 0.01


def test_equal_predictions_are_rolled_back_at_most_once_in_a_hundred() -> None:
    check, flat = drift(), np.full(10, 0.1)
    found = outcomes(
        lambda rng: predictions(check, flat, flat, rng, traffic=Traffic(interval=60), looks=30), 100
    )
    assert failed(found) <= 0.01


@pytest.mark.parametrize(("candidate", "wanted"), [(0.02, 1450), (0.05, 220)])
def test_a_candidate_that_fails_more_often_is_found_in_time(
    candidate: float, wanted: float
) -> None:
    check = error_rate()
    found = outcomes(lambda rng: errors(check, lambda at: (candidate, 0.01), rng), 300)
    assert median(outcome.requests for outcome in found) <= wanted


def test_equal_candidates_pass_in_time() -> None:
    check = error_rate(margin=1.5)
    found = outcomes(lambda rng: errors(check, lambda at: (0.01, 0.01), rng, wanted="Pass"), 200)
    assert median(outcome.requests for outcome in found) <= 1.1 * 2900
