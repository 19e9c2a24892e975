"""Candidate against stable: how the evidence about one quantity grows, and what it proves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.kernel import (
    BETTER,
    WORSE,
    Null,
    better,
    grown,
    log_sum,
    opened,
    requests_until,
    stakes,
)
from serinus.judge.look import Budget

AHEAD: Final = 1000.0
"""Candidate requests that a forecast looks ahead."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Shown to be worse than the tolerance: Fail. Shown to be better than the margin: Pass."""

    tolerance: Null
    margin: Null


def compared(
    name: str, weight: float, *, both_ways: bool = False, can_pass: bool = True
) -> Comparison:
    """A comparison before its first block; `weight` is its share of the check's evidence."""
    fail = opened(WORSE, weight / 2 if both_ways else weight)
    pass_ = opened(BETTER) if can_pass else []
    return Comparison(
        name=name,
        more=fail,
        fewer=fail if both_ways else [],
        not_more=pass_,
        not_fewer=pass_ if both_ways else [],
    )


class Scale:
    """What a block of so many requests makes of the events counted in it.

    'Fewer' is 'more' with the arms exchanged.
    """

    def __init__(self, policy: Policy, candidate_requests: float, stable_requests: float) -> None:
        arms = candidate_requests, stable_requests
        swapped = stable_requests, candidate_requests
        self.more = stakes(policy.tolerance, WORSE, *arms)
        self.fewer = stakes(policy.tolerance, WORSE, *swapped)
        self.not_more = stakes(policy.margin, better(policy.margin), *arms)
        self.not_fewer = stakes(policy.margin, better(policy.margin), *swapped)

    def weigh(self, known: Comparison, candidate: float, stable: float) -> Comparison:
        """What is known after a block with so many events per arm."""
        update: dict[str, object] = {
            "candidate": known.candidate + candidate,
            "stable": known.stable + stable,
            "more": grown(known.more, self.more, candidate, stable),
        }
        if known.fewer:
            update["fewer"] = grown(known.fewer, self.fewer, stable, candidate)
        if known.not_more:
            update["not_more"] = grown(known.not_more, self.not_more, candidate, stable)
        if known.not_fewer:
            update["not_fewer"] = grown(known.not_fewer, self.not_fewer, stable, candidate)
        return known.model_copy(update=update)


def with_peak(state: CheckState) -> CheckState:
    """The state, with the greatest evidence against the candidate brought up to date."""
    idle = [math.log(state.reserve)] if state.reserve else []
    total = log_sum((*_against(state.comparisons), *idle))
    return state.model_copy(update={"peak": max(state.peak, total)})


def added(counts: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """Sums by key."""
    return {key: counts.get(key, 0.0) + more.get(key, 0.0) for key in {**counts, **more}}


def verdict(state: CheckState, budget: Budget) -> Verdict:
    """What the evidence proves; a proof against the candidate is never taken back."""
    if state.peak >= -math.log(budget.false_fail):
        return "Fail"
    goal = -math.log(budget.false_pass)
    enough = state.step_requests >= budget.min_requests and bool(state.comparisons)
    shown = (e for known in state.comparisons for e in (known.not_more, known.not_fewer) if e)
    if enough and all(log_sum(evidence) >= goal for evidence in shown):
        return "Pass"
    return "Inconclusive"


def step_entered(state: CheckState) -> CheckState:
    """Pass has to be shown anew at each weight; the evidence against the candidate goes on."""
    fresh = opened(BETTER)
    restarted = [
        known.model_copy(
            update={
                "not_more": known.not_more and fresh,
                "not_fewer": known.not_fewer and fresh,
            }
        )
        for known in state.comparisons
    ]
    return state.model_copy(
        update={"comparisons": restarted, "step_requests": 0.0, "in_bounds_since": None}
    )


def requests_to_pass(
    state: CheckState, ahead: Sequence[Comparison], budget: Budget
) -> float | None:
    """An estimate for people: candidate requests until Pass if all rates stay as they are.

    `ahead` is what would be known AHEAD candidate requests later. None: never.
    """
    goal = -math.log(budget.false_pass)
    waits = [max(budget.min_requests - state.step_requests, 0.0)]
    for now, then in zip(state.comparisons, ahead, strict=True):
        for before, after in ((now.not_more, then.not_more), (now.not_fewer, then.not_fewer)):
            if before:
                wait = requests_until(goal, before, _growth(before, after))
                if wait is None:
                    return None
                waits.append(wait)
    return max(waits)


def requests_to_fail(
    state: CheckState, ahead: Sequence[Comparison], budget: Budget
) -> float | None:
    """As `requests_to_pass`, until Fail."""
    before, after = _against(state.comparisons), _against(ahead)
    return requests_until(-math.log(budget.false_fail), before, _growth(before, after))


def _growth(before: Sequence[float], after: Sequence[float]) -> list[float]:
    return [(later - now) / AHEAD for now, later in zip(before, after, strict=True)]


def _against(comparisons: Iterable[Comparison]) -> list[float]:
    return [log_e for known in comparisons for log_e in (*known.more, *known.fewer)]


def at_least(evidence: list[float], tolerance: float, budget: Budget) -> float:
    """How many times as many, at least: the greatest multiple of the tolerance that is refuted.

    Against 'no more than s times', s one of the tilts, the quotient of two tilts' evidence is
    again an e-process, so that the multiples refuted form an anytime-valid confidence bound.
    """
    goal = -math.log(budget.false_fail)
    bound = tolerance
    for index, (times, weight) in enumerate(WORSE[:-1]):
        beyond = sum(share for _, share in WORSE[index + 1 :])
        null = evidence[index] - math.log(weight)
        if log_sum(evidence[index + 1 :]) - math.log(beyond) - null < goal:
            break
        bound = tolerance * times
    return bound
