"""The campaign's short form: the whole lifecycle and some sequences in memory, a few on real."""

import pytest

from tests.campaign.sequences import Lifecycle, look_for
from tests.campaign.table import EVENTS, STATES, State, cell


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_whatever_happens_in_a_state_ends_as_it_should(state: State) -> None:
    results = [cell(state, event) for event in EVENTS]
    assert not {result.event: result.wrong for result in results if result.wrong}


def test_sequences_of_whatever_may_happen_end_as_they_should() -> None:
    result = look_for(Lifecycle, count=200, seed=11, shrink=False)
    assert not result.wrong, f"{result.wrong}\n{result.steps}\n{result.replay}"
