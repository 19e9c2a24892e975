"""The evidence about an odds ratio beside stable's."""

import math
from functools import cache
from itertools import product

import pytest

from serinus.judge.evidence.odds_ratio import Block, PairCounts

ALTERNATIVES = (0.1, 0.6, 1.9, 8.0)
SIZES = [(2, 2, 2, 2), (1, 3, 4, 2), (3, 1, 2, 5), (4, 4, 1, 1), (1, 0, 3, 3)]


def rates(events: tuple[int, ...], sizes: tuple[int, ...]) -> PairCounts:
    first, second, third, fourth = zip(events, sizes, strict=True)
    return PairCounts((first, second), (third, fourth))


def chance(events: tuple[int, ...], sizes: tuple[int, ...], shares: tuple[float, ...]) -> float:
    return math.prod(
        math.comb(n, e) * p**e * (1 - p) ** (n - e)
        for e, n, p in zip(events, sizes, shares, strict=True)
    )


@cache
def outcomes(sizes: tuple[int, ...], null: float) -> list[tuple[tuple[int, ...], list[float]]]:
    """Each, with the evidence for each alternative."""
    found = []
    for events in product(*(range(n + 1) for n in sizes)):
        logs = Block(rates(events, sizes)).log_ratios(null, ALTERNATIVES)
        found.append((events, [math.exp(log_e) for log_e in logs]))
    return found


def expected(sizes: tuple[int, ...], shares: tuple[float, ...], null: float) -> list[float]:
    """Of the evidence for each alternative, over all outcomes of a block."""
    sums = [0.0] * len(ALTERNATIVES)
    for events, found in outcomes(sizes, null):
        of = chance(events, sizes, shares)
        sums = [total + of * e for total, e in zip(sums, found, strict=True)]
    return sums


def with_ratio(psi: float, others: tuple[float, ...]) -> tuple[float, ...]:
    """Rates of which the first is such that the ratio of the odds ratios is psi."""
    odds = [share / (1 - share) for share in others]
    first = psi * odds[0] * odds[1] / odds[2]
    return first / (1 + first), *others


OTHERS = list(product((0.05, 0.5, 0.9), repeat=3))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("null", [1.0, 1.25])
def test_at_the_null_the_evidence_is_worth_exactly_one_whatever_the_rates(
    sizes: tuple[int, ...], null: float
) -> None:
    for others in OTHERS:
        for value in expected(sizes, with_ratio(null, others), null):
            assert value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("times", [0.3, 0.9, 1.1, 3.0])
def test_on_the_far_side_of_the_null_it_is_worth_at_most_one(
    sizes: tuple[int, ...], times: float
) -> None:
    null = 1.25
    for others in OTHERS:
        found = expected(sizes, with_ratio(null * times, others), null)
        far = found[2:] if times < 1 else found[:2]
        assert max(far) <= 1 + 1e-12


@pytest.mark.parametrize(
    "events", [(30, 5, 700, 90), (4000, 300, 90_000, 5000), (9000, 2000, 61_000, 12_000)]
)
def test_strides_through_a_large_table_find_what_every_summand_finds(
    events: tuple[int, ...],
) -> None:
    sizes = tuple(2 * n + 40 for n in events)
    n_1, n_2, n_3, n_4 = sizes
    e_1, e_2, e_3, e_4 = events
    low, high = max(0, e_1 - e_4), min(n_1, e_1 + e_2, e_1 + e_3)

    def log_weight(x: int) -> float:
        cells = ((n_1, x), (n_2, e_1 + e_2 - x), (n_3, e_1 + e_3 - x), (n_4, e_4 - e_1 + x))
        if any(not 0 <= e <= n for n, e in cells):
            return -math.inf
        return -sum(math.lgamma(e + 1) + math.lgamma(n - e + 1) for n, e in cells)

    weights = [(x, log_weight(x)) for x in range(low, high + 1)]

    def log_total(psi: float) -> float:
        logs = [each + x * math.log(psi) for x, each in weights]
        greatest = max(logs)
        return greatest + math.log(math.fsum(math.exp(each - greatest) for each in logs))

    found = Block(rates(events, sizes)).log_ratios(1.25, [1.6, 0.4])
    for psi, log_e in zip((1.6, 0.4), found, strict=True):
        wanted = e_1 * math.log(psi / 1.25) - log_total(psi) + log_total(1.25)
        assert log_e == pytest.approx(wanted, abs=1e-7)


def test_counts_too_great_to_be_told_apart_are_no_evidence_and_raise_nothing() -> None:
    huge = PairCounts((((2.0**52), 2.0**53), (1.0, 2.0**53)), ((3.0, 2.0**53), (2.0**52, 2.0**53)))
    assert Block(huge).log_ratios(1.25, [2.0, 4.0]) == [0.0, 0.0]
