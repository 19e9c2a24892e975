"""The campaign's short form: the whole lifecycle with every event, and some sequences of events."""

from typing import ClassVar

import pytest

from tests.campaign.sequences import Lifecycle, look_for
from tests.campaign.table import EVENTS, STATES, State, cell


class States:
    """Some of the states. Tests of a class run one after another, and classes beside each other."""

    every: ClassVar = 4
    first: ClassVar = 0

    def test_whatever_happens_in_a_state_ends_as_it_should(self, state: State) -> None:
        results = [cell(state, event) for event in EVENTS]
        assert not {result.event: result.wrong for result in results if result.wrong}


class TestStates(States):
    """The first of each four."""


class TestSecondStates(States):
    """The second ones."""

    first = 1


class TestThirdStates(States):
    """The third ones."""

    first = 2


class TestFourthStates(States):
    """The fourth ones."""

    first = 3


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each class its states."""
    if metafunc.cls is not None:
        states = STATES[metafunc.cls.first :: metafunc.cls.every]
        metafunc.parametrize("state", states, ids=lambda state: state.name)


def test_sequences_of_whatever_may_happen_end_as_they_should() -> None:
    result = look_for(Lifecycle, count=200, seed=11, shrink=False)
    assert not result.wrong, f"{result.wrong}\n{result.steps}\n{result.replay}"
