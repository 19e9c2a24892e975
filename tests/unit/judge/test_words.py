"""Figures that people read."""

import pytest

from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount, Forecast


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0, "0%"),
        (0.00012, "0.012%"),
        (0.0098, "0.98%"),
        (0.0204, "2.0%"),
        (0.876, "88%"),
        (1, "100%"),
    ],
)
def test_shares_are_told_in_two_digits(share: float, told: str) -> None:
    assert words.percent(share) == told


def test_counts_are_told_with_their_share() -> None:
    assert str(EventCount(41, 2045)) == "41/2045 (2.0%)"
    assert str(EventCount(2.5, 100)) == "2.5/100 (2.5%)"


def test_what_is_allowed_leaves_out_what_adds_nothing() -> None:
    assert AllowedRate(1.1, 0.001).of() == "1.1 times stable's + 0.1%"
    assert AllowedRate(1.5, 0).of() == "1.5 times stable's"
    assert AllowedRate(1, 0.01).of() == "stable's + 1%"


def test_a_forecast_tells_what_comes_first_in_two_digits() -> None:
    assert str(Forecast(897.3, None)).startswith("Passes after about 900 more candidate requests")
    assert str(Forecast(5000, 12_345)).startswith("Passes after about 5000 more")
    assert str(Forecast(5000, 123)).startswith("Fails after about 130 more candidate requests")
    assert str(Forecast(0.3, None)).startswith("Passes after about 1 more candidate request if")
    assert str(Forecast(None, None)) == "It neither passes nor fails if it goes on like this."
