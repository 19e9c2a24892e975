"""How late outcomes come that are reported some time after the answer, found by their number.

After a change of the weight an arm that gets more traffic than before lacks the outcomes that come
late. Two arms whose users answer as often have outcomes in the proportion of their traffic once
nearly all that are due have come. Design note 0101 says why this is free.
"""

from typing import Final

from serinus.api.status import CheckState, ComesLater
from serinus.judge.evidence.look import EffectiveWeight

MAY_BE_MISSING: Final = 0.05
"""Of the outcomes that the candidate's share of the traffic lets expect, the part that may still be
to come. A candidate whose share of bad outcomes is this much greater than stable's, all of them
late, is not taken for one whose outcomes have come."""
ENOUGH: Final = 200.0
"""Outcomes that must be expected in a part, before their number means something."""
NEXT_PART: Final = 1.25
"""How much older than at its beginning the weight is at the end of a part, at the least."""


def counted(
    state: CheckState, weight: EffectiveWeight, at: float, candidate: float, stable: float
) -> CheckState:
    """The state after a look (Unix seconds) that counted so many outcomes of each arm since the
    weight took effect. Time is divided into parts; at the end of the first one in which nearly all
    outcomes are there, all later ones count."""
    known = _part(state, weight, at)
    known = known.replace(candidate=known.candidate + candidate, stable=known.stable + stable)
    age = at - weight.since
    due = expected(known, weight)
    if due < ENOUGH or age < NEXT_PART * known.began:
        return state.replace(later=known)
    if known.candidate >= (1 - MAY_BE_MISSING) * due:
        return state.replace(later=None, counts_after=age)
    return _begun(state, weight, age)


def unread(state: CheckState, weight: EffectiveWeight, at: float) -> CheckState:
    """The state after a look (Unix seconds) in which an arm was not read: a part begins anew, since
    outcomes of one arm alone say nothing of how late they come."""
    return _begun(state, weight, max(at - weight.since, 0.0))


def began(state: CheckState, weight: EffectiveWeight, at: float) -> float:
    """When the part of a look (Unix seconds) began, Unix seconds: what was reported before is of no
    part."""
    return weight.since + _part(state, weight, at).began


def _part(state: CheckState, weight: EffectiveWeight, at: float) -> ComesLater:
    """One that began later than now was timed by a clock that has been set back since."""
    since, known = round(weight.since, 3), state.later
    if known is None or known.weight_since != since:
        return ComesLater(weight_since=since)
    age = max(at - weight.since, 0.0)
    return known if known.began <= age else ComesLater(weight_since=since, began=age)


def _begun(state: CheckState, weight: EffectiveWeight, age: float) -> CheckState:
    return state.replace(later=ComesLater(weight_since=round(weight.since, 3), began=age))


def expected(known: ComesLater, weight: EffectiveWeight) -> float:
    """Outcomes of the candidate to expect beside those of stable."""
    return weight.expected("candidate", known.stable)
