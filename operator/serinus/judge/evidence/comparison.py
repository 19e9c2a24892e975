"""Candidate against stable: how the evidence about a check's quantities grows, and what it proves.

The evidence against the candidate is a mixture: over tilts, over the quantities compared, and
over the time at which the candidate went bad. So a model that breaks after a long good time is
found nearly as soon as one that was broken from the start, and what it did well before is no
credit. The weight for later times is held in a reserve and laid out bit by bit.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from serinus.api.baseline import INDEPENDENT, Dispersion
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.evidence.kernel import (
    BETTER,
    WORSE,
    Null,
    Tilt,
    better,
    gains,
    grown,
    log_sum,
    opened,
    raised,
    requests_until,
    stakes,
)
from serinus.judge.evidence.look import Budget
from serinus.judge.evidence.overshoot import boost

FIRST_DRAW: Final = 0.97
"""Of all weight, for what is known at the start."""

RAISE_EVERY: Final = 1000.0
"""Candidate's requests after which weight is laid out anew."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Shown to be worse than the tolerance: Fail. Shown to be better than the margin: Pass."""

    tolerance: Null
    margin: Null
    tilts: tuple[Tilt, ...] = WORSE


class Gains(NamedTuple):
    """What a block adds to the evidence of a comparison."""

    more: list[float]
    fewer: list[float]
    not_more: list[float]
    not_fewer: list[float]

    def divided(self, by: float) -> "Gains":
        """The same, of so many times less weight."""
        return Gains(*([gain / by for gain in kind] for kind in self))


PODS_TOLERATED: Final = 2.58
"""Standard deviations of what pods that differ make of the ratio of two arms; within are 99%."""


def among_pods(tolerance: Null, dispersion: Dispersion, pods: tuple[float, float]) -> Null:
    """The tolerance, widened by what so many pods of candidate and stable may differ by chance."""
    if not dispersion.between_pods:
        return tolerance
    deviation = math.sqrt(sum(1 / max(arm, 1) for arm in pods)) * dispersion.between_pods
    return replace(tolerance, ratio=tolerance.ratio * math.exp(PODS_TOLERATED * deviation))


class Scale:
    """What a block of so many requests makes of the events counted in it.

    'Fewer' is 'more' with the arms exchanged, where both directions are asked for. Where events
    come in bursts, each counts as much less as their variance is greater, and so does each request.
    """

    def __init__(
        self,
        policy: Policy,
        candidate_requests: float,
        stable_requests: float,
        dispersion: Dispersion = INDEPENDENT,
        pods: tuple[float, float] = (math.inf, math.inf),
        *,
        both_ways: bool = False,
    ) -> None:
        arms = candidate_requests, stable_requests
        exchanged = stable_requests, candidate_requests
        passing = better(policy.margin)
        if dispersion.between_pods:
            policy = replace(policy, tolerance=among_pods(policy.tolerance, dispersion, pods))
        self._policy, self._arms, self._bursts = policy, arms, dispersion.over_time
        self._more = stakes(policy.tolerance, policy.tilts, *arms)
        self._not_more = stakes(policy.margin, passing, *arms)
        self._fewer = stakes(policy.tolerance, policy.tilts, *exchanged) if both_ways else []
        self._not_fewer = stakes(policy.margin, passing, *exchanged) if both_ways else []

    def gains(self, known: Comparison, candidate: float, stable: float) -> Gains:
        """For so many events per arm; none where a comparison has no such question."""
        found = Gains(
            gains(self._more, candidate, stable) if known.more else [],
            gains(self._fewer, stable, candidate) if known.fewer else [],
            gains(self._not_more, candidate, stable) if known.not_more else [],
            gains(self._not_fewer, stable, candidate) if known.not_fewer else [],
        )
        return found if self._bursts == 1 else found.divided(self._bursts)

    def weigh(
        self,
        known: Comparison,
        candidate: float,
        stable: float,
        ceiling: float = math.inf,
    ) -> Comparison:
        """What is known after a block with so many events per arm.

        `ceiling`: ln of the evidence against the candidate above which more is of no use. To give
        it says that the events are counts of independent requests.
        """
        gained = self.gains(known, candidate, stable)
        if ceiling < math.inf and self._bursts == 1:
            boosted = self._boosted(known, gained.more, candidate + stable, ceiling)
            gained = gained._replace(more=boosted)
        return counted(known, gained, candidate, stable)

    def _boosted(
        self, known: Comparison, gained: list[float], events: float, ceiling: float
    ) -> list[float]:
        null, tilts = self._policy.tolerance, self._policy.tilts
        by = boost(null, tilts, known.more, self._arms, events, ceiling)
        if not by:
            return gained
        reached = log_sum([log_e + gain for log_e, gain in zip(known.more, gained, strict=True)])
        return [gain + min(by, ceiling - reached) for gain in gained]


def counted(known: Comparison, gained: Gains, candidate: float, stable: float) -> Comparison:
    """What is known after a block with so many events per arm, which gained so much."""
    return known.replace(
        candidate=known.candidate + candidate,
        stable=known.stable + stable,
        more=grown(known.more, gained.more),
        fewer=grown(known.fewer, gained.fewer),
        not_more=grown(known.not_more, gained.not_more),
        not_fewer=grown(known.not_fewer, gained.not_fewer),
    )


def begun(name: str, *, both_ways: bool = False, can_pass: bool = True) -> Comparison:
    """A comparison whose evidence towards Pass starts now; against the candidate it has none.

    `can_pass`: whether Pass depends on it.
    """
    shown = opened(BETTER) if can_pass else []
    return Comparison(name=name, not_more=shown, not_fewer=shown if both_ways else [])


def compare(
    state: CheckState,
    new: Sequence[Comparison],
    tilts: Sequence[Tilt],
    *,
    both_ways: bool = False,
) -> CheckState:
    """The state with further comparisons, whose evidence against the candidate starts now, with
    equal weight."""
    if not new:
        return state
    drawn, state = _drawn(state)
    more = opened(tilts, drawn / len(new) / (2 if both_ways else 1))
    against = {"more": more, "fewer": more if both_ways else []}
    added = [each.replace(**against) for each in new]
    return state.replace(comparisons=[*state.comparisons, *added])


def served(
    state: CheckState,
    candidate: Mapping[str, float],
    stable: Mapping[str, float],
    tilts: Sequence[Tilt],
) -> CheckState:
    """The state with a block's requests added, by what was read, before its events are weighed.

    Weight is laid out anew with each later step's first requests, and every RAISE_EVERY requests.
    """
    requests, step = max(candidate.values()), state.step_requests
    entered = step == 0 and any(state.candidate.values())
    due = entered or step // RAISE_EVERY < (step + requests) // RAISE_EVERY
    if requests and due and any(each.more for each in state.comparisons):
        state = _raised(state, tilts)
    return state.replace(
        candidate=_added(state.candidate, candidate),
        stable=_added(state.stable, stable),
        step_requests=step + requests,
    )


def weighed(state: CheckState, comparisons: list[Comparison]) -> CheckState:
    """The state after a block, its greatest evidence against the candidate brought up to date."""
    held_back = math.log(state.reserve)
    total = log_sum([held_back, *(e for each in comparisons for e in (*each.more, *each.fewer))])
    return state.replace(comparisons=comparisons, peak=max(state.peak, total))


def ceiling(state: CheckState, budget: Budget) -> float:
    """ln of the evidence of one comparison that is enough for Fail, whatever the others show.

    A trifle more, so that what reaches it is enough after rounding as well.
    """
    return math.log(1 / budget.false_fail - state.reserve) + 1e-5


def verdict(state: CheckState, budget: Budget) -> Verdict:
    """What the evidence proves; a proof against the candidate is never taken back."""
    if state.peak >= -math.log(budget.false_fail):
        return "Fail"
    goal = -math.log(budget.false_pass)
    shown = [e for each in state.comparisons for e in (each.not_more, each.not_fewer) if e]
    if not shown or state.step_requests < budget.min_requests:
        return "Inconclusive"
    return "Pass" if all(log_sum(evidence) >= goal for evidence in shown) else "Inconclusive"


def step_entered(state: CheckState) -> CheckState:
    """Pass has to be shown anew at each weight; the evidence against the candidate goes on."""
    fresh = opened(BETTER)
    restarted = [
        each.replace(not_more=each.not_more and fresh, not_fewer=each.not_fewer and fresh)
        for each in state.comparisons
    ]
    return state.replace(comparisons=restarted, step_requests=0.0, alone=0.0, in_bounds_since=None)


def requests_to_pass(state: CheckState, gained: Iterable[Gains], budget: Budget) -> float | None:
    """An estimate for people: candidate requests until Pass if all rates stay as they are.

    `gained` is what one more candidate request adds to each comparison. None: never.
    """
    goal = -math.log(budget.false_pass)
    waits = [max(budget.min_requests - state.step_requests, 0.0)]
    for each, gain in zip(state.comparisons, gained, strict=True):
        for evidence, more in ((each.not_more, gain.not_more), (each.not_fewer, gain.not_fewer)):
            wait = requests_until(goal, evidence, more) if evidence else 0.0
            if wait is None:
                return None
            waits.append(wait)
    return max(waits)


def requests_to_fail(state: CheckState, gained: Iterable[Gains], budget: Budget) -> float | None:
    """As `requests_to_pass`, until Fail."""
    evidence = [e for each in state.comparisons for e in (*each.more, *each.fewer)]
    gains = [g for gain in gained for g in (*gain.more, *gain.fewer)]
    return requests_until(-math.log(budget.false_fail), evidence, gains)


def _drawn(state: CheckState) -> tuple[float, CheckState]:
    """Weight from the reserve: of what is left a half, a third, a fourth, so that some of it is
    left however often it is drawn from."""
    share = 1 / (state.draws + 1) if state.draws else FIRST_DRAW
    weight = state.reserve * share
    return weight, state.replace(reserve=state.reserve - weight, draws=state.draws + 1)


def _raised(state: CheckState, tilts: Sequence[Tilt]) -> CheckState:
    weight, state = _drawn(state)
    directions = sum(bool(e) for each in state.comparisons for e in (each.more, each.fewer))
    part = weight / directions
    comparisons = [
        each.replace(
            more=each.more and raised(each.more, tilts, part),
            fewer=each.fewer and raised(each.fewer, tilts, part),
        )
        for each in state.comparisons
    ]
    return state.replace(comparisons=comparisons)


def _added(counts: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    return {key: counts.get(key, 0.0) + more.get(key, 0.0) for key in {**counts, **more}}
