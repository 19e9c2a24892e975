"""Figures that people read."""

import pytest

from serinus.judge.findings import words
from serinus.judge.findings.event_share import StablePodDiffers
from serinus.judge.findings.rates import AllowedRate, EventCount, Forecast, ShownBetter


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


@pytest.mark.parametrize("shown", [False, True])
def test_a_pod_that_is_like_the_others_in_all_is_said_to_differ_in_recent_requests(
    *, shown: bool
) -> None:
    others, margin = EventCount(1411, 24795), AllowedRate(1.5, 0.005)
    alike = StablePodDiffers("old", "errors", EventCount(378, 6361), others, margin, shown)
    assert "beyond the margin (1.5 times theirs + 0.5%) in recent requests" in str(alike)
    assert str(alike).count("6361") == 1
    recent = EventCount(60, 100), EventCount(4, 400)
    since = StablePodDiffers("old", "errors", EventCount(378, 6361), others, margin, shown, recent)
    assert "in recent requests: 60/100 (60%), its other pods 4/400 (1.0%)" in str(since)
    worse = StablePodDiffers("old", "errors", EventCount(1378, 6361), others, margin, shown)
    assert "recent" not in str(worse)


def test_what_is_allowed_leaves_out_what_adds_nothing() -> None:
    assert AllowedRate(1.1, 0.001).of() == "1.1 times stable's + 0.1%"
    assert AllowedRate(1.5, 0).of() == "1.5 times stable's"
    assert AllowedRate(1, 0.01).of() == "stable's + 1%"


def test_a_forecast_gives_the_time_where_the_rate_of_requests_is_known() -> None:
    assert ends(Forecast(1400, None, per_second=5)).startswith(
        "Passes after about 1,400 more candidate requests (5m) at these rates."
    )


def test_a_pass_names_the_traffic() -> None:
    assert ShownBetter(0.05, 0.25).within("1.5 times stable's") == (
        "within the margin (1.5 times stable's) at 25% traffic; "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


def test_counts_that_are_within_the_tolerance_are_not_said_to_exceed_it() -> None:
    tolerance = AllowedRate(1, 0.01)
    assert tolerance.lately(EventCount(40, 1000), EventCount(17, 1000)) == ""
    assert tolerance.lately(EventCount(16, 1000), EventCount(17, 1000)) == " in recent requests"
    assert tolerance.lately(EventCount(16, 1000), EventCount(0, 0)) == ""


def ends(forecast: Forecast) -> str:
    """What is said of the future."""
    return str(forecast).removeprefix("neither shown worse than tolerated nor within the margin. ")


def test_a_forecast_tells_what_comes_first_in_two_digits() -> None:
    assert ends(Forecast(897.3, None)).startswith("Passes after about 900 more candidate requests")
    assert ends(Forecast(5000, 12_345)).startswith("Passes after about 5,000 more")
    assert ends(Forecast(5000, 123)).startswith("Fails after about 130 more candidate requests")
    assert ends(Forecast(0.3, None)).startswith("Passes after about 1 more candidate request at")
    assert str(Forecast(None, None)) == (
        "neither shown worse than tolerated nor within the margin. "
        "At these rates it neither fails nor passes."
    )
