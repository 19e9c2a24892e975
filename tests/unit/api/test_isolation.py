"""An exception in one part stops nothing else, and is never swallowed."""

import asyncio
from collections.abc import Callable

import pytest

from serinus.api.isolation import Fault, Part, attributed, collected, isolated


def raising() -> str:
    raise ZeroDivisionError("3 customers of Smith & Co")


def test_where_nobody_collects_the_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        isolated(Part.CHECK, raising, lambda _: "instead")


def test_a_part_that_raises_is_replaced_and_noted() -> None:
    with collected() as faults:
        assert isolated(Part.CHECK, raising, lambda fault: fault.title, "errors") == "Check errors"
        assert isolated(Part.CHECK, lambda: "well", lambda _: "instead", "slow") == "well"
    assert [(each.part, each.name) for each in faults.raised] == [(Part.CHECK, "errors")]
    assert faults.ran == {(Part.CHECK, "slow")}


def test_a_part_that_raised_once_has_not_run_well() -> None:
    """A check looks at several slices of a measurement."""
    with collected() as faults:
        isolated(Part.CHECK, raising, lambda _: "", "errors")
        isolated(Part.CHECK, lambda: "", lambda _: "", "errors")
    assert not faults.ran


async def test_threads_that_are_started_within_are_collected() -> None:
    with collected() as faults:
        await asyncio.to_thread(isolated, Part.INPUTS, raising, lambda _: "")
    assert [each.part for each in faults.raised] == [Part.INPUTS]


def test_people_are_told_the_place_and_not_what_the_exception_quotes() -> None:
    with collected() as faults:
        isolated(Part.CHECK, raising, lambda _: "")
    [fault] = faults.raised
    assert "ZeroDivisionError" in fault.message and "Smith" not in fault.message
    assert "api/isolation.py, line " in fault.place


def test_what_raises_beside_the_judging_of_a_candidate_keeps_nobody_from_judging_it() -> None:
    def both(run: Callable[[], str]) -> None:
        isolated(Part.CHECK, run, lambda _: "", "errors")
        isolated(Part.MONITORING, run, lambda _: "", "features")

    with collected() as faults:
        attributed(Part.AUDIT, lambda: both(raising))
        isolated(Part.CHECK, lambda: "", lambda _: "", "errors")
    assert [each.title for each in faults.raised] == [
        "In audit mode, check errors",
        "Monitoring of features",
    ]
    assert not any(each.part.judges for each in faults.raised)
    assert faults.ran == {(Part.CHECK, "errors")}
    with collected() as later:
        attributed(Part.AUDIT, lambda: both(str))
    assert later.ran == {(each.part, each.name) for each in faults.raised}


def test_every_part_begins_a_sentence() -> None:
    assert all(Fault(part, "", ValueError()).title for part in Part)
