"""Bets on shares of any size, checked by enumeration rather than simulation."""

import math
from functools import partial
from itertools import product

import numpy as np
import pytest

from serinus.judge.evidence.bets import Bet, on_less, on_more
from serinus.judge.evidence.kernel import SHIFTED, WORSE, NullHypothesis, gains, log_increments
from tests.unit.judge.enumeration import expectations

EXACT = 1e-9
NULLS = (
    NullHypothesis(1.0, 0.0),
    NullHypothesis(1.0, 0.03),
    NullHypothesis(1.1, 0.005),
    NullHypothesis(1.5, 0.0),
    NullHypothesis(2.0, 0.05),
    NullHypothesis(0.8, 0.1),
)
SIZES = ((1, 1), (3, 5), (6, 2), (2, 20), (40, 10), (4, 0), (0, 4))
RATES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.8, 1.0)
GUESSES = (0.001, 0.05, 0.5, 0.9)
"""Of stable's share, which need not be right."""
EXTREME = ((1.25, 0.5), (1000.0, 0.5))


def worth(
    bet: Bet, size: tuple[int, int], events: tuple[int, int], *, below: bool = False
) -> float:
    """After a block of candidate and stable."""
    (one, other), (e_1, e_2) = (size[::-1], events[::-1]) if below else (size, events)
    return math.exp(gains([bet.log_increment(one, other)], e_1, e_2)[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("null", NULLS)
def test_evidence_does_not_grow_on_average_within_the_tolerance_whatever_is_guessed(
    null: NullHypothesis, size: tuple[int, int]
) -> None:
    border = [(min(null.ratio * rate + null.offset, 1.0), rate) for rate in RATES]
    rates = [(part * most, rate) for most, rate in border for part in (1.0, 0.7, 0.0)]
    for guess, alternatives in product(GUESSES, (SHIFTED, WORSE, EXTREME)):
        for bet in on_more(null, alternatives, size, guess):
            means = expectations(size, rates, partial(worth, bet, size))
            assert max(means) <= 1 + EXACT


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("null", NULLS)
def test_the_same_with_the_arms_exchanged(null: NullHypothesis, size: tuple[int, int]) -> None:
    border = [(rate, min(null.ratio * rate + null.offset, 1.0)) for rate in RATES]
    rates = [(rate, part * most) for rate, most in border for part in (1.0, 0.7, 0.0)]
    for guess, alternatives in product(GUESSES, (SHIFTED, WORSE, EXTREME)):
        for bet in on_less(null, alternatives, size, guess):
            means = expectations(size, rates, partial(worth, bet, size, below=True))
            assert max(means) <= 1 + EXACT


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("guess", GUESSES)
def test_on_the_border_where_it_is_laid_nothing_is_given_away(
    null: NullHypothesis, guess: float
) -> None:
    for bet in on_more(null, SHIFTED, (6, 20), guess):
        border = [(bet.rate, bet.other_rate)]
        [mean] = expectations((6, 20), border, partial(worth, bet, (6, 20)))
        assert mean == pytest.approx(1.0, abs=EXACT)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_a_limit_is_bet_against_without_stable(share: float) -> None:
    null = NullHypothesis(0.0, share)
    for bet in on_more(null, SHIFTED, (8, 0), 0.5):
        for rate in (0.0, share / 2, share):
            [mean] = expectations((8, 0), [(rate, 0.0)], partial(worth, bet, (8, 0)))
            assert mean <= 1 + EXACT
        assert bet.other_stake == 0


def test_requests_that_differ_among_each_other_gain_no_more_than_alike_ones() -> None:
    """Of a mean rate on the border, by enumeration of each request on its own."""
    null, apart = NullHypothesis(1.1, 0.01), (0.05, 0.3, 0.55)
    of_stable = [(0.3 - null.offset) / null.ratio] * 3
    for bet in on_more(null, SHIFTED, (3, 3), 0.2):
        mean = math.fsum(
            math.prod(r if e else 1 - r for r, e in zip((*apart, *of_stable), events, strict=True))
            * worth(bet, (3, 3), (sum(events[:3]), sum(events[3:])))
            for events in product((0, 1), repeat=6)
        )
        assert mean <= 1 + EXACT


def test_where_events_are_rare_it_is_the_kernel() -> None:
    null, size = NullHypothesis(1.2, 0.0), (75, 1425)
    kernel = log_increments(null, SHIFTED, *size)
    for bet, increment in zip(on_more(null, SHIFTED, size, 1e-6), kernel, strict=True):
        assert bet.log_increment(*size) == pytest.approx(increment, abs=1e-3)


@pytest.mark.parametrize("null", [NullHypothesis(1.0, 0.0), NullHypothesis(1.25, 0.01)])
@pytest.mark.parametrize("size", [(75, 1425), (750, 750)])
def test_two_rounds_are_as_good_as_the_projection(
    null: NullHypothesis, size: tuple[int, int]
) -> None:
    """What a candidate that is as much worse as the alternative gains, against the best there is:
    its relative entropy to the nearest point of the null."""
    for guess, (times, _) in product((0.02, 0.25, 0.5), SHIFTED):
        border = null.ratio * guess + null.offset
        q = times * border / (1 + (times - 1) * border)
        [bet] = on_more(null, ((times, 1.0),), size, guess)
        hit, other_hit, always = bet.log_increment(*size)
        gained = size[0] * q * hit + size[1] * guess * other_hit + always
        p = np.linspace(guess, min(q / null.ratio, 1 / null.ratio), 20_001)[1:-1]
        p = p[null.ratio * p + null.offset < 1]
        best = min(
            size[0] * _entropy(q, null.ratio * p + null.offset) + size[1] * _entropy(guess, p)
        )
        assert 0.98 * best <= gained <= best * (1 + 1e-6)


def _entropy(q: float, p: np.ndarray) -> np.ndarray:
    return np.asarray(q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p)))
