"""Evidence beyond the threshold, laid where it is of use: checked by enumeration."""

import itertools
import math
from functools import partial

import pytest

from serinus.judge.evidence.kernel import (
    WORSE,
    Alternative,
    NullHypothesis,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
)
from serinus.judge.evidence.overshoot import MOST_EVENTS, boost
from tests.unit.judge.enumeration import expectations

SIZES = ((1, 1), (3, 5), (6, 2), (2, 20), (10, 40), (40, 10))
RATES = (0.001, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 0.97)
TILTS: tuple[tuple[Alternative, ...], ...] = (WORSE, ((1.5, 1.0),), ((30.0, 1.0),))
FACTORS = (1.02, 1.3, 2.0, 40.0)
"""By how much the evidence has to grow until it is enough."""


def after(
    null: NullHypothesis,
    alternatives: tuple[Alternative, ...],
    size: tuple[int, int],
    events: tuple[int, int],
    enough: float,
) -> float:
    """E after a block, boosted."""
    before, ceiling = opened(alternatives), math.log(enough)
    log_e = log_sum(grown(before, gains(log_increments(null, alternatives, *size), *events)))
    gained = boost(null, alternatives, before, size, sum(events), ceiling)
    return math.exp(min(log_e + gained, ceiling) if gained else log_e)


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.5, 3.0])
@pytest.mark.parametrize("size", SIZES)
def test_boosted_evidence_does_not_grow_on_average_within_the_tolerance(
    size: tuple[int, int], ratio: float
) -> None:
    null = NullHypothesis(ratio, 0.0)
    stable = [rate for rate in RATES if ratio * rate <= 1]
    rates = [(ratio * rate * part, rate) for rate in stable for part in (1.0, 0.9, 0.5)]
    for alternatives, enough in itertools.product(TILTS, FACTORS):
        value = partial(after, null, alternatives, size, enough=enough)
        assert max(expectations(size, rates, value)) <= 1 + 1e-9


def test_with_equal_rates_nothing_of_the_budget_is_left_unused() -> None:
    null, size, enough = NullHypothesis(1.0, 0.0), (10, 40), 1.3
    equal = [(0.2, 0.2)]
    [mean] = expectations(size, equal, lambda e: after(null, WORSE, size, e, enough))
    assert mean == pytest.approx(math.exp(log_sum(opened(WORSE))), abs=1e-5)
    [unused] = expectations(
        size,
        equal,
        lambda e: min(
            math.exp(log_sum(grown(opened(WORSE), gains(log_increments(null, WORSE, *size), *e)))),
            enough,
        ),
    )
    assert unused < 0.95


@pytest.mark.parametrize(
    ("null", "requests", "events"),
    [
        (NullHypothesis(1.1, 0.001), (75, 1425), 15),
        (NullHypothesis(0.0, 0.05), (75, 1425), 15),
        (NullHypothesis(0.9, 0.0), (75, 1425), 15),
        (NullHypothesis(1.1, 0.0), (75, 1425), 0),
        (NullHypothesis(1.1, 0.0), (75, 1425), MOST_EVENTS + 1),
        (NullHypothesis(1.1, 0.0), (1425, 75), 75),
        (NullHypothesis(1.1, 0.0), (10**9, 100), 90),
    ],
)
def test_nothing_is_gained_where_the_law_of_the_events_is_not_known_or_costs_too_much(
    null: NullHypothesis, requests: tuple[int, int], events: int
) -> None:
    assert boost(null, WORSE, opened(WORSE), requests, events, math.log(1.3)) == 0


def test_nothing_is_gained_once_the_evidence_is_enough() -> None:
    assert (
        boost(
            NullHypothesis(1.0, 0.0), WORSE, opened(WORSE), (75, 1425), 15, log_sum(opened(WORSE))
        )
        == 0
    )


@pytest.mark.parametrize("events", [1, 15, 200, 500])
def test_it_never_takes_evidence_away(events: int) -> None:
    for size in ((75, 1425), (7500, 7500), (14250, 750)):
        for enough in (1.01, 3.0, 100.0):
            gained = boost(
                NullHypothesis(1.1, 0.0), WORSE, opened(WORSE), size, events, math.log(enough)
            )
            assert gained >= 0
            assert math.isfinite(gained)
