"""The campaign's short form: the lifecycle with its events, and some sequences of events."""

from collections.abc import Iterable
from typing import ClassVar, Final

import pytest

from tests.campaign.mutation import FAULTS, read
from tests.campaign.sequences import Lifecycle, look_for
from tests.campaign.table import EVENTS, FOLLOWED, OF_THE_REGISTRY, STATES, Event, State, cell
from tests.support.exhaustive import short

BUSIEST: Final = "measured in a step"
"""The state in which most may go wrong: an eighth of its cells is in the short form."""
FOUND: Final = {
    cell
    for fault in map(read, FAULTS.glob("*.toml"))
    if fault.oracle == "table"
    for cell in fault.where
}
"""Cells in which a fault was found once."""
EACH: Final = 16
"""Of the other cells each sixteenth, so that every state and every event occurs."""


def is_in_short_form(state: State, event: Event) -> bool:
    """Whether a cell runs each time; the others run in the layer `exhaustive`."""
    each = 8 if state.name == BUSIEST else EACH
    found = f"{state.name}/{event.name}" in FOUND
    return found or (STATES.index(state) + EVENTS.index(event)) % each == 0


class States:
    """Some of the states. Tests of a class run one after another, and classes beside each other."""

    every: ClassVar = 4
    first: ClassVar = 0

    def test_what_happens_in_a_state_ends_as_it_should(self, state: State) -> None:
        _try(state, [event for event in EVENTS if is_in_short_form(state, event)])

    @pytest.mark.exhaustive
    def test_whatever_else_happens_in_a_state_ends_as_it_should(self, state: State) -> None:
        _try(state, [event for event in EVENTS if not is_in_short_form(state, event)])


def _try(state: State, events: Iterable[Event]) -> None:
    results = [cell(state, event) for event in events]
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


FIRST: Final = list(zip(FOLLOWED, OF_THE_REGISTRY, strict=False))
"""Every event of the registry in a state of its own; the others run in the layer `exhaustive`."""


@pytest.mark.parametrize(("state", "event"), FIRST, ids=lambda each: each.name)
def test_what_a_registry_does_ends_as_it_should(state: State, event: Event) -> None:
    _try(state, [event])


@pytest.mark.exhaustive
@pytest.mark.parametrize("state", FOLLOWED, ids=lambda state: state.name)
def test_whatever_else_a_registry_does_in_a_state_ends_as_it_should(state: State) -> None:
    _try(state, [event for event in OF_THE_REGISTRY if (state, event) not in FIRST])


@pytest.mark.parametrize("count", short([30, 200], [30]))
def test_sequences_of_whatever_may_happen_end_as_they_should(count: int) -> None:
    result = look_for(Lifecycle, count=count, seed=11, shrink=False)
    assert not result.wrong, f"{result.wrong}\n{result.steps}\n{result.replay}"
