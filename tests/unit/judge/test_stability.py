"""Bets on a population stability index, checked by enumeration of all that a small block counts."""

import math
from collections.abc import Sequence
from itertools import product
from random import Random

import numpy as np
import pytest

from serinus.judge.evidence.kernel import SHIFTED
from serinus.judge.evidence.stability import (
    Bin,
    Stability,
    alone,
    directions,
    index,
    ratio_within,
)
from tests.unit.judge.enumeration import Counts, Law, chances, outcomes, shares

EXACT = 1e-9
SORTS, GRAIN = 3, 20
SIZES = ((1, 1), (3, 2), (2, 5), (5, 1), (1, 7))
TOLERATED = (0.01, 0.1, 0.25, 1.0)
GUESSES = (
    ((0.5, 0.3, 0.2), (1.0, 0.0, -1.0)),
    ((0.5, 0.3, 0.2), (-0.2, 0.3, -0.1)),
    ((0.98, 0.01, 0.01), (0.0, 3.0, 0.0)),
    ((0.1, 0.1, 0.8), (8.0, -8.0, 0.1)),
    ((1 / 3, 1 / 3, 1 / 3), (0.001, 0.0, 0.0)),
)
"""Stable's shares, and where the candidate's have gone; neither need be right."""
Pods = tuple[float, float, float]
ALIKE: Pods = (1.0, 1.0, 1.0)


def of_law(law: Law) -> float:
    """The index; without end where one arm lacks what the other has."""
    parts = [(c, s) for c, s in zip(*law, strict=True) if c or s]
    return index(parts) if all(c and s for c, s in parts) else math.inf


LAWS: list[Law] = list(product(shares(SORTS, GRAIN), repeat=2))
INDEX = [of_law(law) for law in LAWS]


def worth(
    tolerated: float,
    guess: tuple[Sequence[float], Sequence[float]],
    counts: Counts,
    pods: Pods = ALIKE,
) -> list[float]:
    bins = [Bin(c, s, *known) for c, s, *known in zip(*counts, *guess, pods, strict=True)]
    return [math.exp(gain) for gain in Stability(tolerated, SHIFTED, bins).gains()]


def means(tolerated: float, size: tuple[int, int], laws: list[Law], pods: Pods) -> np.ndarray:
    """Of the evidence, by guess and alternative (rows) and law."""
    all_counts = outcomes(size, SORTS)
    of_laws = chances(laws, size, SORTS)
    return np.concatenate(
        [
            of_laws @ np.array([worth(tolerated, guess, counts, pods) for counts in all_counts])
            for guess in GUESSES
        ]
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tolerated", TOLERATED)
def test_evidence_does_not_grow_on_average_while_the_index_is_tolerated_whatever_is_guessed(
    tolerated: float, size: tuple[int, int]
) -> None:
    within = [law for law, found in zip(LAWS, INDEX, strict=True) if found <= tolerated + EXACT]
    assert len(within) >= len(shares(SORTS, GRAIN))
    assert means(tolerated, size, within, ALIKE).max() <= 1 + EXACT


@pytest.mark.parametrize("tolerated", TOLERATED)
def test_pods_that_differ_by_as_much_as_is_allowed_for_make_no_evidence(tolerated: float) -> None:
    pods, parts = (1.5, 1.25, 1.0), shares(SORTS, GRAIN // 2)
    revisions = {s: [c for c in parts if of_law((c, s)) <= tolerated + EXACT] for s in parts}
    assert any(len(each) > 1 for each in revisions.values()) or tolerated < 0.1
    on_pods: list[Law] = [
        (c, s)
        for c, s in product(parts, parts)
        if any(
            all(
                of / by - EXACT <= on_pod <= of * by + EXACT
                for on_pod, of, by in zip(c, revision, pods, strict=True)
            )
            for revision in revisions[s]
        )
    ]
    assert len(on_pods) > sum(map(len, revisions.values()))
    assert means(tolerated, (2, 3), on_pods, pods).max() <= 1 + EXACT


def test_it_grows_where_the_index_is_greater_and_the_direction_known() -> None:
    stable = (0.5, 0.3, 0.2)
    candidate = (0.3, 0.3, 0.4)
    assert index(list(zip(candidate, stable, strict=True))) > 0.2
    towards = [math.log(c / s) for c, s in zip(candidate, stable, strict=True)]
    gains = worth(0.05, (stable, towards), ((30, 30, 40), (500, 300, 200)))
    assert max(gains) > 10
    opposite = worth(0.05, (stable, [-each for each in towards]), ((30, 30, 40), (500, 300, 200)))
    assert max(opposite) < 1


def test_requests_in_bursts_count_as_much_less() -> None:
    bins = [Bin(30, 500, 0.5, -1.0), Bin(70, 500, 0.5, 1.0)]
    usual = Stability(0.05, SHIFTED, bins).gains()
    quarter = pytest.approx([gain / 4 for gain in usual])
    assert Stability(0.05, SHIFTED, bins, variance=4.0).gains() == quarter
    assert (
        Stability(0.05, SHIFTED, [each._replace(variance=4.0) for each in bins]).gains() == quarter
    )
    one = [bins[0]._replace(variance=4.0), bins[1]]
    assert Stability(0.05, SHIFTED, one).gains() != quarter


def test_bursts_count_as_far_as_their_bin_does() -> None:
    bins = [Bin(30, 450, 0.45, -1.0), Bin(70, 450, 0.45, 1.0), Bin(10, 100, 0.1, 0.0)]
    usual = Stability(0.05, SHIFTED, bins).gains()
    idle = [*bins[:2], bins[2]._replace(variance=50.0)]
    assert Stability(0.05, SHIFTED, idle).gains() == pytest.approx(usual, rel=0.3)
    telling = [bins[0], bins[1]._replace(variance=50.0), bins[2]]
    assert Stability(0.05, SHIFTED, telling).gains() == pytest.approx(
        [gain / 25 for gain in usual], rel=0.3
    )


@pytest.mark.parametrize("counts", [((5, 3, 2), (0, 0, 0)), ((0, 0, 0), (5, 3, 2))])
def test_a_block_of_one_arm_alone_shows_nothing(counts: Counts) -> None:
    assert worth(0.1, GUESSES[0], counts) == [1.0] * len(SHIFTED)


def test_without_a_direction_nothing_is_staked() -> None:
    assert directions([]) == []
    flat = directions([(0.0, 500.0), (0.0, 300.0), (0.0, 200.0)])
    found = worth(0.1, ((0.5, 0.3, 0.2), flat), ((50, 0, 0), (500, 300, 200)))
    assert found == pytest.approx([1.0] * len(SHIFTED))


def test_an_index_is_nowhere_below_its_tangents_and_no_greater_of_fewer_bins() -> None:
    rng = Random(5)
    for _ in range(500):
        size = rng.randrange(2, 9)
        candidate, stable = (_random(rng, size) for _ in range(2))
        whole = index(list(zip(candidate, stable, strict=True)))
        numbers = [rng.uniform(-3, 3) for _ in range(size)]
        tangent = math.fsum(
            c * (1 + d - math.exp(-d)) + s * (1 - d - math.exp(d))
            for c, s, d in zip(candidate, stable, numbers, strict=True)
        )
        assert tangent <= whole + EXACT
        (c, s), (d, t), *rest = zip(candidate, stable, strict=True)
        assert index([(c + d, s + t), *rest]) <= whole + EXACT


@pytest.mark.parametrize("most", [0.025, 0.125, 0.25, 2.5])
def test_shares_within_a_ratio_have_no_greater_index(most: float) -> None:
    ratio, rng = ratio_within(most), Random(3)
    assert 2 * math.log(ratio) * (ratio - 1) / (ratio + 1) == pytest.approx(most, abs=1e-5)
    for _ in range(500):
        stable = _random(rng, rng.randrange(2, 9))
        moved = [s * rng.choice((ratio, 1 / ratio, 1.0)) for s in stable]
        candidate = [each / math.fsum(moved) for each in moved]
        if all(1 / ratio <= c / s <= ratio for c, s in zip(candidate, stable, strict=True)):
            assert index(list(zip(candidate, stable, strict=True))) <= most + EXACT


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("most", [0.01, 0.1, 1.0])
def test_what_a_share_may_become_alone_is_where_the_index_is_reached(
    share: float, most: float
) -> None:
    for end in alone(share, most):
        found = index([(end, share), (1 - end, 1 - share)])
        nothing_is_left = min(end, 1 - end) < 1e-12
        assert found == pytest.approx(most, rel=1e-3) or (found < most and nothing_is_left)


def _random(rng: Random, size: int) -> list[float]:
    parts = [rng.random() + 1e-3 for _ in range(size)]
    return [each / math.fsum(parts) for each in parts]
