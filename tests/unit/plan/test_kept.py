"""Which revisions are kept for undo: by use, and not by when they were made."""

import pytest

from serinus.api.status import Status
from serinus.manifests.revision import Revision
from serinus.plan.history import FORMER_KEPT, former, revisions_kept
from tests.support.simulated_rollout import TEMPLATE, A, B, C, serving


def revision(number: int) -> Revision:
    return Revision.of({"template": TEMPLATE, "model": {"version": f"v{number}"}}, number)


def numbers(limit: int, *running: int, was_stable: tuple[int, ...] = (), of: int = 5) -> set[int]:
    """What is kept of revisions 1 to `of`, all of which the history has."""
    history = {each.hash: each for each in map(revision, range(1, of + 1))}
    runs = [revision(number).hash for number in running]
    status = Status(former=[revision(number).hash for number in was_stable])
    return {each.number for each in revisions_kept(history, history, runs, status, limit).values()}


@pytest.mark.parametrize(
    ("limit", "found"), [(1, {1, 4, 5}), (2, {1, 3, 4, 5}), (9, {1, 2, 3, 4, 5})]
)
def test_what_runs_is_kept_and_the_newest_of_those_that_were_never_stable(
    limit: int, found: set[int]
) -> None:
    assert numbers(limit, 1, 5) == found


def test_the_last_good_revision_outlives_any_number_of_rejected_ones() -> None:
    assert numbers(10, 2, was_stable=(1,), of=13) == {1, 2, *range(5, 14)}
    assert numbers(1, 2, was_stable=(1,), of=13) == {1, 2}


def test_of_those_that_were_stable_the_last_ones_are_kept() -> None:
    assert numbers(2, 5, was_stable=(2, 4, 3, 1)) == {2, 4, 5}


def test_what_runs_and_is_not_in_the_history_yet_is_kept_too() -> None:
    begun = revision(2)
    assert revisions_kept({begun.hash: begun}, (), [begun.hash], Status(), 10) == {
        begun.hash: begun
    }


def test_what_the_spec_asks_for_and_neither_runs_nor_has_an_object_is_not_kept() -> None:
    asked = revision(2)
    assert revisions_kept({asked.hash: asked}, (), (), Status(), 10) == {}


def test_who_was_stable_is_noted_the_last_one_first() -> None:
    rollout = serving().given(steps=[])
    assert rollout.status.former == []
    assert rollout.apply(B).status.former == [A]
    assert rollout.apply(C).status.former == [B, A]
    assert rollout.order(f"undo/{A}").status.former == [C, B]


def test_no_more_are_noted_than_a_spec_may_ask_to_keep() -> None:
    before = [str(number) for number in range(FORMER_KEPT)]
    after = former(before, "left", "stable")
    assert (len(after), after[:2]) == (FORMER_KEPT, ["left", "0"])
