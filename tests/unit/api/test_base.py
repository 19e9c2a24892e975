"""How values of our types are changed."""

from copy import copy, deepcopy

import pytest

from serinus.api.checks import Check
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.spec import Rollout
from serinus.api.status import CheckStatus, Status, Weight


def test_a_changed_copy_has_the_new_fields_and_leaves_the_old_value_as_it_was() -> None:
    before = Weight(wanted=5, actual=0)
    after = before.replace(wanted=25)
    assert (before.wanted, after.wanted, after.actual) == (5, 25, 0)
    assert after == Weight(wanted=25, actual=0)
    assert after.to_json() == {"wanted": 25.0, "actual": 0.0}


def test_a_field_that_the_type_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="Weight has no field wnated"):
        Weight(wanted=5, actual=0).replace(wnated=25)
    with pytest.raises(TypeError, match="Status has no field observedGeneration"):
        Status().replace(observedGeneration=2)


def test_what_was_derived_from_the_old_value_is_derived_anew() -> None:
    check = Check.model_validate({"name": "errors", "errorRate": {"limit": "5%"}})
    assert check.settings == ErrorRate(limit="5%")
    other = check.replace(error_rate=ErrorRate(limit="1%"))
    assert other.settings == ErrorRate(limit="1%")
    assert other.digest != check.digest


def test_what_was_set_is_remembered_as_set() -> None:
    rollout = Rollout().replace(paused=True)
    assert rollout.model_fields_set == {"paused"}


def test_a_status_does_not_keep_which_of_its_fields_were_given() -> None:
    """The sets of names would take twice the memory of the values."""
    given = Status.model_validate({"message": "It serves.", "ofTomorrow": 1})
    for status in (given, given.replace(message="It rests."), Status(message="It serves.")):
        assert status.model_fields_set is Status().model_fields_set
    assert given.replace(phase="Healthy").to_json()["ofTomorrow"] == 1


def test_the_way_that_takes_any_field_is_closed() -> None:
    with pytest.raises(TypeError, match="replace"):
        Weight(wanted=5, actual=0).model_copy(update={"wnated": 25})


def test_a_copy_without_changes_is_a_copy() -> None:
    check = CheckStatus(name="errors", kind="errorRate", verdict="Pass")
    assert check.replace() == copy(check) == deepcopy(check) == check
