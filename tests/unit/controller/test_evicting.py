"""Evictions that were refused, and when they are tried again."""

from serinus.controller.evicting import Evictions

HOUR = 3600.0
POD = "loan-a7k2m9qx-6d5f8c9b7-x2x9z"


def refused(*moments: float) -> Evictions:
    """Each time for ten seconds."""
    evictions = Evictions()
    for now in moments:
        evictions.refuse(POD, "A budget.", forbidden=False, wait=10.0, now=now)
    return evictions


def test_what_was_refused_is_tried_again_as_soon_though_the_clock_was_set_back() -> None:
    evictions, now = refused(HOUR, HOUR + 10), 15.0
    evictions.set_back(now)
    assert evictions.due([POD], now) == 10.0
    assert evictions.refusal
    assert (evictions.refusal.since, evictions.refusal.until) == (5.0, 15.0)


def test_it_is_refused_for_as_long_as_before_then() -> None:
    evictions = refused(HOUR, HOUR + 10)
    evictions.set_back(15.0)
    evictions.refuse(POD, "A budget.", forbidden=False, wait=10.0, now=25.0)
    assert evictions.refusal
    assert (evictions.refusal.since, evictions.refusal.until) == (5.0, 25.0)


def test_while_the_clock_goes_on_nothing_is_moved() -> None:
    evictions = refused(HOUR)
    evictions.set_back(HOUR)
    assert evictions == refused(HOUR)
