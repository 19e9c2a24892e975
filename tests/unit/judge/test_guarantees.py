"""What each check promises, by enumeration of every course that a small rollout can take.

The rates may be others in each block, chosen by one who has seen all counts so far, and so may the
time to stop. Whatever is chosen within the tolerance, the evidence against the candidate is worth
at most 1, and a rollback has at most the chance that the budget gives it. Whatever is chosen while
one thing is beyond its margin, so has a pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp
from typing import Any

import numpy as np
import pytest

from serinus.api.status import CheckState
from serinus.judge.evidence.comparison import begun_anew, step_entered, without_credit
from serinus.judge.evidence.look import EffectiveWeight, ErrorBudget
from serinus.judge.findings.finding import Finding
from serinus.judge.findings.readings import Unreadable
from tests.support.exhaustive import short
from tests.unit.judge.enumeration import Counts, Law, chances, outcomes
from tests.unit.judge.promises import PROMISES, Promise

BUDGET = ErrorBudget(false_fail=0.5, false_pass=0.5, false_rollback=0.5, min_requests=1)
"""So large that so few requests can use it."""
ROUNDING = 1e-6
"""Evidence is kept in six digits."""
NOTHING = Finding("NoData", Unreadable(""), CheckState())

every_promise = pytest.mark.parametrize(
    "promise",
    PROMISES.values(),
    ids=PROMISES,
    scope="module",  # the tests of each are run together
)
SHORT = (
    *("errors by a ratio and an offset", "two classes", "latency at given bounds"),
    *("the split", "two groups"),
)
"""Promises that hold under what `in_short` runs; that the others do, make test-all shows."""
ExpressionQuery = Callable[[Finding], float]


def in_short(*left_out: str) -> list[Any]:
    """Names of promises, of which make test takes a few: what may happen to any of them."""
    return short([name for name in PROMISES if name not in left_out], SHORT)


@dataclass(frozen=True)
class Course:
    """What a check has found, and what it finds after each outcome of the next block."""

    found: Finding
    after: "list[Course]"

    def worst(self, value: ExpressionQuery, tables: list[np.ndarray]) -> float:
        """The greatest expectation of a value that can be brought about by choosing the law of
        each block, and when to stop; by block the chance of each outcome under each law."""
        if not self.after:
            return value(self.found)
        later = [course.worst(value, tables[1:]) for course in self.after]
        return max(value(self.found), float((tables[0] @ later).max()))


@lru_cache(maxsize=2)  # each has a million objects, which the garbage collector would go through
def course(
    promise: Promise,
    *,
    steps: bool,
    begun_before: bool = False,
    drop: Callable[[CheckState], CheckState] | None = None,
) -> Course:
    """With steps, the weight takes effect before each block. `begun_before`: the weight takes
    effect in the midst of the first block. `drop`: what is done to the state before each block."""

    known: dict[tuple[str, Counts, int, bool], Finding] = {}
    """Where evidence is dropped, many ways lead to one state."""

    def judged(state: CheckState, counts: Counts, entry: int, *, first: bool) -> Finding:
        look = promise.look(promise.check, counts)
        if begun_before and first:
            look = replace(look, weight=EffectiveWeight(0.5, since=look.at + 1))
        return promise.check.judge(state, look, replace(BUDGET, entry=entry))

    def next_found(found: Finding, counts: Counts, entry: int) -> Finding:
        state = step_entered(found.state) if steps else found.state
        state = drop(state) if drop else state
        entry, first = entry if steps else 1, found is NOTHING
        key = (state.model_dump_json(), counts, entry, first)
        if key not in known:
            known[key] = judged(state, counts, entry, first=first)
        return known[key]

    def onwards(found: Finding, blocks: tuple[tuple[int, ...], ...]) -> Course:
        if not blocks:
            return Course(found, [])
        of, entry = outcomes(blocks[0], promise.sorts), 1 + len(promise.blocks) - len(blocks)
        return Course(
            found, [onwards(next_found(found, counts, entry), blocks[1:]) for counts in of]
        )

    start = next_found(NOTHING, promise.opening, 1) if promise.opening else NOTHING
    return onwards(start, promise.blocks)


def worst(promise: Promise, laws: list[Law], value: ExpressionQuery, *, steps: bool) -> float:
    """Of all that can come about under such laws."""
    return course(promise, steps=steps).worst(value, tables(promise, laws))


def in_a_guard(state: CheckState) -> CheckState:
    """A third of its time passes before each block."""
    reserve = 0.5 if state.reserve is None else max(state.reserve - 1 / 6, 1e-6)
    return state.replace(reserve=reserve)


def tables(promise: Promise, laws: list[Law]) -> list[np.ndarray]:
    """By block, the chance of each outcome under each law."""
    return [chances(laws, sizes, promise.sorts) for sizes in promise.blocks]


def evidence(promise: Promise) -> ExpressionQuery:
    """Against the candidate, with what is held back."""

    def of(found: Finding) -> float:
        state = promise.decided_by(found.state)
        sums = (exp(e) for each in state.comparisons for e in (*each.above, *each.below))
        return state.held_back + sum(sums)

    return of


@every_promise
def test_evidence_against_a_candidate_within_the_tolerance_is_worth_at_most_one(
    promise: Promise,
) -> None:
    assert worst(promise, promise.within(), evidence(promise), steps=True) <= 1 + ROUNDING


@every_promise
def test_a_candidate_within_the_tolerance_is_seldom_rolled_back(promise: Promise) -> None:
    failed = worst(promise, promise.within(), lambda found: found.verdict == "Fail", steps=True)
    assert failed <= BUDGET.false_fail


@pytest.mark.parametrize("name", in_short())
def test_a_candidate_beyond_the_margin_seldom_passes(name: str) -> None:
    promise = PROMISES[name]
    for laws in promise.beyond():
        passed = worst(promise, laws, lambda found: found.verdict == "Pass", steps=False)
        assert passed <= exp(-BUDGET.to_pass)


@pytest.mark.parametrize("name", in_short())
def test_it_passes_no_more_often_where_the_weight_takes_effect_again_and_again(
    name: str,
) -> None:
    promise = PROMISES[name]
    for laws in promise.beyond():
        passed = worst(promise, laws, lambda found: found.verdict == "Pass", steps=True)
        assert passed <= BUDGET.false_pass


@pytest.mark.parametrize("drop", [without_credit, begun_anew])
@pytest.mark.parametrize("name", in_short("the split"))
def test_it_passes_no_more_often_where_its_evidence_is_dropped_again_and_again(
    name: str, drop: Callable[[CheckState], CheckState]
) -> None:
    promise = PROMISES[name]
    dropped = course(promise, steps=False, drop=drop)
    for laws in promise.beyond():
        passed = dropped.worst(lambda found: found.verdict == "Pass", tables(promise, laws))
        assert passed <= BUDGET.false_pass


REVERSED = {
    "errors by a ratio and an offset": ((5, 1), (4, 1), (3, 2)),
    "errors and a limit": ((5, 1), (4, 1), (3, 2)),
    "two classes": ((8, 1), (6, 2)),
    "classes as they appear": ((3, 1), (2, 1)),
}
"""Requests by arm, where the candidate has the greater part of the traffic."""


@pytest.mark.parametrize("name", REVERSED)
def test_in_a_guard_evidence_that_starts_again_and_again_is_worth_at_most_one(name: str) -> None:
    promise = replace(PROMISES[name], blocks=REVERSED[name])
    guarded, within = course(promise, steps=False, drop=in_a_guard), promise.within()
    assert guarded.worst(evidence(promise), tables(promise, within)) <= 1 + ROUNDING
    failed = guarded.worst(lambda found: found.verdict == "Fail", tables(promise, within))
    assert failed <= BUDGET.false_fail


def test_all_entries_of_a_step_together_keep_to_the_budget() -> None:
    parts = [exp(-replace(BUDGET, entry=entry).to_pass) for entry in range(1, 1000)]
    assert 0.999 * BUDGET.false_pass < sum(parts) < BUDGET.false_pass


@pytest.mark.parametrize("name", in_short("the split"))
def test_what_began_before_the_weight_took_effect_passes_nobody(name: str) -> None:
    promise = PROMISES[name]
    first = 0 if promise.opening else 1  # an opening block takes the place of the first one
    begun = course(promise, steps=False, begun_before=True)
    for laws in promise.beyond():
        anything = tables(promise, promise.laws())[:first]
        by_block = [*anything, *tables(promise, laws)[first:]]
        passed = begun.worst(lambda found: found.verdict == "Pass", by_block)
        assert passed <= exp(-BUDGET.to_pass)
