"""What raises is logged once a place, counted each time, and stands as long as it may come back."""

import pytest

from serinus.api.isolation import Fault, Faults, Part
from serinus.controller.internal_errors import STANDS_FOR, InternalErrors, Standing, standing

KEY = Part.CHECK, "errors"


def fault() -> Fault:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        return Fault(*KEY, error)


def raised() -> Faults:
    faults = Faults()
    faults.note(fault())
    return faults


def ran() -> Faults:
    return Faults(ran={KEY})


def test_a_traceback_is_logged_once_and_each_exception_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = InternalErrors()
    for _ in range(3):
        errors.note("shop/fraud", [fault()])
    assert errors.counts[Part.CHECK] == 3
    [record] = caplog.records
    assert record.exc_info and "shop/fraud: Check errors raised" in record.getMessage()


def test_every_part_is_counted_from_0() -> None:
    assert InternalErrors().counts == dict.fromkeys(Part, 0)


def test_an_error_stands_from_its_first_exception_to_the_last() -> None:
    known: Standing = {}
    for now in (100.0, 115.0, 130.0):
        known = standing(known, raised(), now)
    assert (known[KEY].since, known[KEY].until, known[KEY].times) == (100.0, 130.0, 3)


def test_what_raises_at_most_looks_does_not_begin_anew_with_each_that_goes_well() -> None:
    known = standing({}, raised(), 100.0)
    known = standing(known, ran(), 115.0)
    known = standing(known, raised(), 130.0)
    assert (known[KEY].since, known[KEY].times) == (100.0, 2)


def test_what_raises_again_after_it_has_run_well_is_told_from_what_raises_always() -> None:
    known = standing({}, raised(), 100.0)
    known = standing(known, raised(), 115.0)
    assert not known[KEY].again
    known = standing(known, ran(), 130.0)
    assert not known[KEY].again
    assert standing(known, raised(), 145.0)[KEY].again


def test_an_error_lasts_and_ends_as_soon_though_the_clock_was_set_back() -> None:
    known = standing(standing({}, raised(), 10_000.0), raised(), 100.0)
    assert standing(known, raised(), 220.0)[KEY].since == 100.0
    known = standing(standing({}, raised(), 10_000.0), ran(), 100.0)
    assert not standing(known, ran(), 100.0 + STANDS_FOR)


def test_an_error_ends_once_its_part_has_run_well_for_a_while() -> None:
    known = standing({}, raised(), 100.0)
    assert standing(known, Faults(), 100.0 + 2 * STANDS_FOR)  # it has not run since
    assert not standing(known, ran(), 100.0 + 2 * STANDS_FOR)
