"""Which weights a rollout gets whose spec names none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from serinus.api.checks import Check
from serinus.judge.forecast.choosing import WEIGHTS, chosen
from serinus.judge.forecast.waits import Wait

CHECK = Check.model_validate({"name": "errors", "errorRate": {}})
TARGET = 1800.0


def waits(requests: float, per_second: float, *never: int) -> list[Wait]:
    """Of a check that needs so many requests of the candidate, and at some weights never passes."""
    return [
        Wait(
            CHECK,
            weight,
            None if weight in never else requests / (per_second * weight / 100),
            None,
        )
        for weight in WEIGHTS
    ]


@pytest.mark.parametrize(
    ("per_second", "weights"),
    [(200, (5, 25, 50)), (25, (5, 25, 50)), (14, (10, 25, 50)), (10, (25, 50)), (4, (50,))],
)
def test_the_less_traffic_the_greater_the_first_weight(
    per_second: float, weights: Sequence[int]
) -> None:
    assert chosen(waits(1300, per_second), TARGET) == weights


def test_if_nothing_ends_within_the_target_the_quickest_is_chosen() -> None:
    assert chosen(waits(1300, 0.5), TARGET) == (50,)


def test_the_slowest_check_counts() -> None:
    both = [*waits(1300, 200), *waits(1300, 10)]
    assert chosen(both, TARGET) == (25, 50)


def test_a_first_weight_that_costs_too_much_is_not_chosen_even_if_it_takes_longer() -> None:
    assert chosen(waits(1300, 4), TARGET, (5, 10, 25)) == (25, 50)
    assert chosen(waits(1300, 200), TARGET, (5, 10)) == (5, 25, 50)
    assert chosen(waits(1300, 4), TARGET, ()) == (5, 25, 50)


def test_a_first_weight_that_costs_too_much_is_not_chosen_even_if_no_other_is_ever_passed() -> None:
    assert chosen(waits(100, 200, *WEIGHTS), TARGET, (10, 25)) == (10, 25, 50)
    assert chosen(waits(100, 200, 5, 10), TARGET, (10,)) == (10, 25, 50)


def test_at_the_first_weight_the_time_counts_in_which_pods_warm_up() -> None:
    settings = {"name": "errors", "errorRate": {"warmUp": "10m"}}
    found = [replace(each, check=Check.model_validate(settings)) for each in waits(1300, 20)]
    assert chosen(waits(1300, 20), TARGET) == (5, 25, 50)
    assert chosen(found, TARGET) == (10, 25, 50)


def test_a_weight_at_which_a_check_never_passes_is_left_out() -> None:
    assert chosen(waits(100, 200, 5, 10, 25), TARGET) == (50,)
    assert chosen(waits(100, 200, *WEIGHTS), TARGET) == ()
    assert chosen([], TARGET) == ()
