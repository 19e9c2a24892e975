"""The rules that the judge is measured beside do what their makers' do."""

import numpy as np
import pytest
from scipy import stats

from tests.bench.judge.rules import Threshold, mann_whitney_high, psi, quantile, share_of_first
from tests.bench.judge.traffic import Block


def block(at: float, candidate: tuple[int, int], stable: tuple[int, int]) -> Block:
    """Failed and answered, of one run."""
    return Block(at, np.array([candidate], float), np.array([stable], float))


def rolled_back_at(rule: Threshold, failed: list[int]) -> int | None:
    """The first minute, counted from 1, if so many of 100 requests fail in each."""
    for minute, count in enumerate(failed, start=1):
        if rule.look(block(60.0 * minute, (count, 100 - count), (1, 99)))[0]:
            return minute
    return None


def test_flagger_counts_failed_checks_though_good_ones_lie_between() -> None:
    flagger = Threshold(share_of_first, lambda c, _: c > 0.01, window=60, every=60, allowed=4)
    assert rolled_back_at(flagger, [2, 0, 2, 0, 2, 0, 2, 0, 1, 2]) == 10


def test_argo_fails_once_more_measurements_than_the_limit_have() -> None:
    argo = Threshold(share_of_first, lambda c, s: c > 1.5 * s, window=300, every=60, allowed=3)
    assert rolled_back_at(argo, [9, 0, 0, 0, 0, 0]) == 4
    argo = Threshold(share_of_first, lambda c, s: c > 1.5 * s, window=300, every=60, allowed=3)
    assert rolled_back_at(argo, [1] * 20) is None


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 2.0])
def test_kayenta_is_high_where_the_shift_is_surely_above_a_fourth_of_its_estimate(
    shift: float,
) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(shift, 1, (50, 30)), rng.normal(0, 1, (50, 30))
    for run in range(50):
        bound = 0.25 * abs(np.median(x[run][:, None] - y[run]))
        p = stats.mannwhitneyu(
            x[run] - bound, y[run], alternative="greater", method="asymptotic"
        ).pvalue
        assert mann_whitney_high(x[[run]], y[[run]])[0] == (p < 0.01)


def test_kayenta_corrects_for_ties() -> None:
    x = np.array([[0, 0, 0, 0, 1, 1, 2, 2, 3, 3.0]])
    y = np.array([[0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0]])
    bound = 0.25 * abs(np.median(x[0][:, None] - y[0]))
    p = stats.mannwhitneyu(x[0] - bound, y[0], alternative="greater", method="asymptotic").pvalue
    assert mann_whitney_high(x, y)[0] == (p < 0.01)


def test_quantiles_are_those_of_promql() -> None:
    bounds, each = np.array([0.1, 0.2, 0.5, np.inf]), np.triu(np.ones((4, 4)))
    p50, p99 = quantile(0.5, bounds, each), quantile(0.99, bounds, each)
    counts = np.array([[10, 20, 10, 0], [0, 0, 0, 5.0]])
    assert p50(counts) == pytest.approx([0.15, 0.5])
    assert p99(counts)[0] == pytest.approx(0.2 + 0.3 * 9.6 / 10)


def test_psi_of_equal_shares_is_nothing() -> None:
    counts = np.array([[10.0, 20.0, 30.0]])
    assert psi(counts, 3 * counts)[0] == pytest.approx(0)
    assert psi(counts, counts[:, ::-1])[0] == pytest.approx(2 * (1 / 3) * np.log(3))
