"""The e-process, checked by enumeration rather than simulation."""

import itertools
import math
from functools import partial

import pytest

from serinus.judge.evidence.kernel import (
    BETTER,
    SHIFTED,
    WORSE,
    LogIncrement,
    NullHypothesis,
    better,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
    raised,
    requests_until,
)
from tests.unit.judge.enumeration import expectations, poisson

ROUNDING = 1e-8
NULLS = (
    NullHypothesis(1.0, 0.0),
    NullHypothesis(1.1, 0.001),
    NullHypothesis(1.5, 0.01),
    NullHypothesis(0.0, 0.05),
    NullHypothesis(2.0, 0.05),
)
STABLE_RATES = (0.0, 0.01, 0.1, 0.3)
SIZES = ((1, 1), (3, 5), (6, 2), (4, 0), (19, 1))


def after(
    evidence: list[float],
    null: NullHypothesis,
    alternatives: tuple[tuple[float, float], ...],
    size: tuple[int, int],
    events: tuple[int, int],
) -> list[float]:
    return grown(evidence, gains(log_increments(null, alternatives, *size), *events))


def factor(stake: LogIncrement, events: tuple[int, int]) -> float:
    return math.exp(gains([stake], *events)[0])


def worth(
    evidence: list[float],
    null: NullHypothesis,
    alternatives: tuple[tuple[float, float], ...],
    size: tuple[int, int],
    events: tuple[int, int],
) -> float:
    return math.exp(log_sum(after(evidence, null, alternatives, size, events)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("alternatives", [WORSE, SHIFTED])
def test_evidence_against_a_candidate_within_the_tolerance_does_not_grow_on_average(
    alternatives: tuple[tuple[float, float], ...], null: NullHypothesis, size: tuple[int, int]
) -> None:
    boundary = [(min(null.ratio * stable + null.offset, 1.0), stable) for stable in STABLE_RATES]
    rates = [(part * candidate, stable) for candidate, stable in boundary for part in (1, 0.5, 0)]
    value = partial(worth, opened(alternatives), null, alternatives, size)
    assert max(expectations(size, rates, value)) <= 1 + ROUNDING


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("null", NULLS)
def test_evidence_for_a_candidate_beyond_the_margin_does_not_grow_on_average(
    null: NullHypothesis, size: tuple[int, int]
) -> None:
    alternatives = better(null)
    boundary = [(null.ratio * stable + null.offset, stable) for stable in STABLE_RATES]
    rates = [
        (candidate + part * (1 - candidate), stable)
        for candidate, stable in boundary
        for part in (0, 0.5, 1)
        if candidate <= 1
    ]
    value = partial(worth, opened(BETTER), null, alternatives, size)
    assert max(expectations(size, rates, value)) <= 1 + ROUNDING


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("alternatives", [WORSE, SHIFTED, BETTER])
def test_of_poisson_counts_nothing_is_given_away_on_the_boundary(
    alternatives: tuple[tuple[float, float], ...], null: NullHypothesis, size: tuple[int, int]
) -> None:
    """Each alternative's evidence stays where it is on the average, neither above nor below."""
    if alternatives is BETTER:
        alternatives = better(null)
    for stable in STABLE_RATES:
        means = size[0] * (null.ratio * stable + null.offset), size[1] * stable
        for stake in log_increments(null, alternatives, *size):
            assert poisson(means, partial(factor, stake)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("second", SIZES)
def test_evidence_does_not_grow_after_any_first_block_though_split_and_rate_move_and_weight_is_laid(
    second: tuple[int, int],
) -> None:
    null, first, reserve, laid = NullHypothesis(1.1, 0.01), (3, 5), 0.1, 0.05
    started = opened(WORSE, 1 - reserve)
    rates = [(1.1 * stable + 0.01, stable) for stable in STABLE_RATES]
    for events in itertools.product(range(first[0] + 1), range(first[1] + 1)):
        before = after(started, null, WORSE, first, events)
        ground = raised(before, WORSE, laid)

        value = partial(worth, ground, null, WORSE, second)
        means = reserve - laid + expectations(second, rates, value)
        assert max(means) <= (math.exp(log_sum(before)) + reserve) * (1 + ROUNDING)


def test_the_stakes_are_those_of_the_derivation() -> None:
    r0, d0, n_c, n_s, times = 1.1, 0.002, 70.0, 1400.0, 3.0
    r = r0 * times
    a = (r / r0) * (n_c * r0 + n_s) / (n_c * r + n_s)
    b = (n_c * r0 + n_s) / (n_c * r + n_s)
    ((per_candidate, per_stable, constant),) = log_increments(
        NullHypothesis(r0, d0), ((times, 1.0),), n_c, n_s
    )
    assert per_candidate == pytest.approx(math.log(a), rel=1e-12)
    assert per_stable == pytest.approx(math.log(b), rel=1e-12)
    assert constant == pytest.approx(-n_c * d0 * (a - 1), rel=1e-12)


def test_without_stable_requests_nothing_is_learned_about_a_ratio() -> None:
    for per_candidate, _, constant in log_increments(NullHypothesis(1.1, 0.01), WORSE, 100, 0):
        assert per_candidate == pytest.approx(0, abs=1e-12)
        assert constant == pytest.approx(0, abs=1e-12)


def test_a_fixed_limit_does_not_look_at_stable() -> None:
    null = NullHypothesis(0.0, 0.05)
    assert log_increments(null, WORSE, 100, 0) == log_increments(null, WORSE, 100, 10_000)
    assert all(per_stable == 0 for _, per_stable, _ in log_increments(null, WORSE, 100, 10_000))


def test_evidence_stays_finite_over_a_billion_requests() -> None:
    evidence = after(opened(WORSE), NullHypothesis(1.1, 0.001), WORSE, (10**9, 10**9), (10**9, 0))
    assert all(math.isfinite(log_e) for log_e in evidence)
    assert math.isfinite(
        log_sum(after(evidence, NullHypothesis(1.1, 0.001), WORSE, (10**9, 10), (0, 10)))
    )


def test_a_block_of_nothing_changes_no_digit() -> None:
    evidence = after(opened(WORSE), NullHypothesis(1.1, 0.001), WORSE, (75, 1425), (3, 14))
    for _ in range(1000):
        assert after(evidence, NullHypothesis(1.1, 0.001), WORSE, (0, 0), (0, 0)) == evidence


def test_evidence_is_short_enough_for_a_status() -> None:
    evidence = after(opened(WORSE), NullHypothesis(1.1, 0.001), WORSE, (75, 1425), (3, 14))
    assert all(len(repr(log_e).split(".")[1]) <= 6 for log_e in evidence)


def test_the_forecast_is_the_wait_of_the_quickest_tilt_and_never_where_none_gains() -> None:
    assert requests_until(3.0, [0.0, -1.0], [0.01, 0.1]) == pytest.approx(40)
    assert requests_until(3.0, [4.0], [0.01]) == 0
    assert requests_until(3.0, [0.0, 0.0], [-0.1, 0.0]) is None
