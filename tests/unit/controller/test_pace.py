"""How often a child is written: at once when it is new, and ever more slowly when nothing helps."""

from typing import Any

import pytest

from serinus.controller.pace import (
    AT_ONCE,
    CHANGED_LONGEST,
    EMPTIED_LONGEST,
    FAILED_LONGEST,
    FORGOTTEN_AFTER,
    LASTS_AFTER,
    OVERRIDDEN_AFTER,
    ROUTE_LONGEST,
    Pace,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def child(weight: int = 50, name: str = "fraud") -> dict[str, Any]:
    return {"kind": "HTTPRoute", "metadata": {"name": name}, "spec": {"weight": weight}}


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_was_never_written_is_written_at_once(clock: Clock) -> None:
    assert Pace(clock).wait(child()) == 0


def test_what_was_changed_by_others_is_put_right_at_once_and_then_ever_more_slowly(
    clock: Clock,
) -> None:
    pace, waits = Pace(clock), []
    for _ in range(12):
        pace.wrote(child())
        waits.append(pace.wait(child()))
        clock.now += waits[-1]
    assert waits[:5] == [0, 1, 2, 4, 8]
    assert waits[-1] == CHANGED_LONGEST < FORGOTTEN_AFTER


def test_what_serves_nobody_waits_some_seconds_unless_it_is_changed_at_once(clock: Clock) -> None:
    pace = Pace(clock)
    for _ in range(12):
        pace.wrote(child())
        clock.now += AT_ONCE + 1
        pace.changed(child(), "scaled to 0", longest=EMPTIED_LONGEST)
        assert pace.wait(child()) <= EMPTIED_LONGEST
        clock.now += pace.wait(child())
    pace.wrote(child())
    clock.now += AT_ONCE / 2
    pace.changed(child(), "scaled to 0", longest=EMPTIED_LONGEST)
    pace.changed(child(), "scaled to 0", longest=EMPTIED_LONGEST)
    assert pace.wait(child()) > CHANGED_LONGEST / 2


def test_something_else_to_write_waits_for_nothing(clock: Clock) -> None:
    pace = Pace(clock)
    for _ in range(5):
        pace.failed(child(50), "no")
    assert pace.wait(child(50)) > 1
    assert pace.wait(child(0)) == 0
    assert pace.wait(child(50, "other")) == 0


def test_failures_wait_longer_each_time_and_as_long_as_the_api_server_asks(clock: Clock) -> None:
    pace, waits = Pace(clock), []
    for _ in range(12):
        pace.failed(child(), "no")
        waits.append(pace.wait(child()))
    assert 0.1 <= waits[0] <= 0.12
    assert waits == sorted(waits[:9]) + waits[9:]
    assert FAILED_LONGEST <= waits[-1] <= FAILED_LONGEST * 1.2
    pace.failed(child(), "no", retry_after=60)
    assert 60 <= pace.wait(child()) <= 72


def test_a_route_never_waits_long(clock: Clock) -> None:
    pace = Pace(clock)
    for _ in range(12):
        pace.failed(child(), "no", retry_after=60, longest=ROUTE_LONGEST)
    assert pace.wait(child()) <= ROUTE_LONGEST * 1.2


def test_a_write_that_succeeds_ends_the_failures(clock: Clock) -> None:
    pace = Pace(clock)
    pace.failed(child(), "503")
    assert pace.failure(child()) == "503"
    pace.wrote(child())
    assert (pace.failure(child()), pace.wait(child())) == ("", 0)


def test_that_something_else_changes_a_child_is_told_after_some_writes(clock: Clock) -> None:
    pace = Pace(clock)
    for written in range(1, OVERRIDDEN_AFTER + 1):
        assert pace.overridden(child()) == ""
        pace.wrote(child())
        pace.changed(child(), f"changed {written} times")
    assert pace.overridden(child()) == f"changed {OVERRIDDEN_AFTER} times"
    clock.now += FORGOTTEN_AFTER + 1
    assert pace.overridden(child()) == "", "it has been left alone for long"


def test_what_people_change_now_and_then_is_not_said_to_be_changed_each_time(
    clock: Clock,
) -> None:
    pace = Pace(clock)
    for _ in range(6):
        pace.wrote(child())
        assert pace.overridden(child()) == ""
        clock.now += LASTS_AFTER + 1
        pace.changed(child(), "by hand")
        assert pace.overridden(child()) == ""


def fought(clock: Clock) -> Pace:
    """Something else has changed it after each of some writes."""
    pace = Pace(clock)
    for _ in range(OVERRIDDEN_AFTER):
        pace.wrote(child())
        clock.now += 1
        pace.changed(child(), "weight is 7 instead of 50")
        pace.changed(child(), "weight is 7 instead of 50")
    return pace


def test_that_something_else_changes_a_child_is_told_until_a_write_has_lasted(
    clock: Clock,
) -> None:
    pace = fought(clock)
    clock.now += CHANGED_LONGEST
    assert pace.overridden(child()), "it is not as wanted, however long ago it was written"
    pace.wrote(child())
    clock.now += 1
    assert pace.overridden(child()), "as wanted, but it has not lasted yet"
    clock.now += LASTS_AFTER
    assert pace.overridden(child()) == ""


def test_what_others_put_right_themselves_is_as_wanted(clock: Clock) -> None:
    pace = fought(clock)
    clock.now += LASTS_AFTER
    assert pace.overridden(child())
    pace.unchanged(child())
    assert pace.overridden(child()) == ""


def test_a_change_of_what_has_lasted_begins_anew(clock: Clock) -> None:
    pace = fought(clock)
    pace.wrote(child())
    clock.now += LASTS_AFTER + 1
    pace.changed(child(), "by hand")
    assert pace.overridden(child()) == ""


def test_what_is_wanted_no_more_is_forgotten(clock: Clock) -> None:
    pace = Pace(clock)
    pace.failed(child(name="old"), "no")
    pace.failed(child(), "no")
    pace.forget_all_but([child()])
    assert pace.wait(child(name="old")) == 0
    assert pace.wait(child()) > 0


def test_a_child_that_was_as_it_is_desired_was_changed_by_somebody_else(clock: Clock) -> None:
    pace = Pace(clock)
    assert not pace.was_as_desired(child()), "nothing is known of it"
    pace.found_as_desired(child())
    assert pace.was_as_desired(child())
    assert not pace.was_as_desired(child(60)), "another weight is desired now"
    pace.brought_about(child(60))
    assert pace.was_as_desired(child(60))


def test_a_child_that_was_to_go_and_comes_again_is_not_taken_for_deleted(clock: Clock) -> None:
    pace = Pace(clock)
    pace.brought_about(child())
    pace.desires([child(name="other")])
    pace.desires([child()])
    assert not pace.was_as_desired(child())
