"""A shift over several bounds, by enumeration of everything that a small block can count."""

import math
from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
import pytest

from serinus.api.status import Comparison
from serinus.judge.evidence.kernel import SHIFTED
from serinus.judge.evidence.shift import SHIFT, Exceeding, Shift
from tests.unit.judge.enumeration import Law, chances, outcomes, shares

EXACT = 1e-9
SORTS, GRAIN = 3, 10
ASKED = Comparison(name=SHIFT, above=[0.0] * len(SHIFTED), below=[0.0] * len(SHIFTED))
SIZES = ((1, 1), (3, 2), (2, 5), (5, 1))
Tolerances = tuple[tuple[float, float], float]
"""The ratios at both bounds, and the offset."""
TOLERANCES: tuple[Tolerances, ...] = (
    ((1.0, 1.0), 0.0),
    ((1.0, 1.0), 0.1),
    ((1.25, 1.25), 0.01),
    ((1.5, 1.5), 0.1),
    ((1.1, 1.6), 0.02),
    ((2.5, 2.5), 0.0),
)
GUESSES = ((0.5, 0.1), (0.7, 0.5), (0.05, 0.01), (0.9, 0.002))


def beyond(arm: Sequence[float]) -> tuple[float, float]:
    """What exceeds each of the two bounds."""
    return arm[1] + arm[2], arm[2]


def worth(
    tolerances: Tolerances,
    guess: tuple[float, float],
    counts: Sequence[Sequence[float]],
) -> tuple[list[float], list[float]]:
    ratios, offset = tolerances
    candidate, stable = map(beyond, counts)
    bounds = [
        Exceeding(c, s, share, ratio, 1.0)
        for c, s, share, ratio in zip(candidate, stable, guess, ratios, strict=True)
    ]
    shift = Shift(offset, SHIFTED, (sum(counts[0]), sum(counts[1])), bounds)
    above, below = shift.gains(ASKED)
    return [math.exp(e) for e in above], [math.exp(e) for e in below]


def within(tolerances: Tolerances, one: int) -> list[Law]:
    """Laws under which one arm exceeds neither bound more often than the other, as tolerated."""
    ratios, offset = tolerances
    parts = shares(SORTS, GRAIN)
    return [
        law
        for law in product(parts, parts)
        if all(
            mine <= ratio * other + offset + EXACT
            for mine, other, ratio in zip(
                beyond(law[one]), beyond(law[1 - one]), ratios, strict=True
            )
        )
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tolerances", TOLERANCES)
def test_evidence_of_a_shift_does_not_grow_on_average_within_the_tolerance_at_each_bound(
    tolerances: Tolerances, size: tuple[int, int]
) -> None:
    for guess in GUESSES:
        found = [worth(tolerances, guess, counts) for counts in outcomes(size, SORTS)]
        for direction, one in enumerate((0, 1)):
            laws = chances(within(tolerances, one), size, SORTS)
            for alternative in range(len(SHIFTED)):
                means = laws @ [each[direction][alternative] for each in found]
                assert means.max() <= 1 + EXACT


@pytest.mark.parametrize("tolerances", TOLERANCES)
def test_a_block_of_one_arm_alone_shows_nothing(tolerances: Tolerances) -> None:
    for counts in ((5, 3, 2), (0, 0, 0)), ((0, 0, 0), (5, 3, 2)):
        assert worth(tolerances, (0.5, 0.1), counts) == ([1.0] * 4, [1.0] * 4)


def test_a_shift_at_all_bounds_shows_more_than_any_of_them() -> None:
    """Of the same weight: a candidate that is slower by a quarter of a standard deviation."""
    candidate, stable = (480.0, 330.0, 190.0), (575.0, 285.0, 140.0)
    per_look = [[n * 0.075 for n in candidate], [n * 1.425 for n in stable]]
    guess = (0.425, 0.14)
    both = worth(((1.0, 1.0), 0.0), guess, per_look)[0]
    for bound in (0, 1):
        counts = [beyond(arm)[bound] for arm in per_look]
        alone = Shift(
            0.0,
            SHIFTED,
            (75.0, 1425.0),
            [Exceeding(counts[0], counts[1], guess[bound], 1.0, 1.0)],
        )
        assert max(both) > max(map(math.exp, alone.gains(ASKED)[0]))


def test_requests_in_bursts_count_as_much_less() -> None:
    bounds = [Exceeding(60.0, 700.0, 0.5, 1.0, 1.0), Exceeding(15.0, 140.0, 0.1, 1.0, 1.0)]
    usual = Shift(0.0, SHIFTED, (75.0, 1425.0), bounds).gains(ASKED)
    swinging = [bounds[0], bounds[1]._replace(variance=4.0)]
    less = Shift(0.0, SHIFTED, (75.0, 1425.0), swinging).gains(ASKED)
    assert less[0] == pytest.approx([gain / 4 for gain in usual[0]])


def test_a_bound_that_all_may_exceed_within_the_tolerance_is_left_out() -> None:
    def gained(of_first: float) -> list[float]:
        bounds = [
            Exceeding(of_first, 700.0, 0.5, 2.5, 1.0),
            Exceeding(30.0, 140.0, 0.1, 2.5, 1.0),
        ]
        return Shift(0.0, SHIFTED, (75.0, 1425.0), bounds).gains(ASKED)[0]

    assert gained(30.0) == pytest.approx(gained(75.0))


@pytest.mark.parametrize("expected", list(permutations((0.9, 0.001, 0.0005))))
def test_bounds_compared_for_a_shorter_time_than_the_next_add_nothing_that_is_not_there(
    expected: tuple[float, float, float],
) -> None:
    """Fewer requests were counted beyond them so far than beyond a later one."""
    sorts, size = 4, (2, 2)
    counted = outcomes(size, sorts)
    found = []
    for counts in counted:
        beyond_each = [[sum(arm[at:]) for arm in counts] for at in (1, 2, 3)]
        bounds = [
            Exceeding(c, s, e, 1.0, 1.0) for (c, s), e in zip(beyond_each, expected, strict=True)
        ]
        found.append(Shift(0.0, SHIFTED, size, bounds).gains(ASKED))
    laws = chances([(law, law) for law in shares(sorts, 5)], size, sorts)
    for direction in (0, 1):
        assert (laws @ np.exp([each[direction] for each in found])).max() <= 1 + EXACT
