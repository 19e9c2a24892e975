"""Candidate against stable: how the evidence about a check's quantities grows, and what it proves.

The evidence against the candidate is a mixture: over alternatives, over the quantities compared,
and over the time at which the candidate went bad. So a model that breaks after a long good time is
found nearly as soon as one that was broken from the start, and what it did well before is no
credit. The weight for later times is held back and released bit by bit.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

from serinus.api.baseline import INDEPENDENT, Dispersion
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.evidence.bets import on_less, on_more
from serinus.judge.evidence.dispersion import (
    PODS_TOLERATED,
    ArmBlock,
    after_look,
    jumped,
    swinging,
    swinging_together,
    with_peaks,
)
from serinus.judge.evidence.kernel import (
    BETTER,
    WORSE,
    Alternative,
    LogIncrement,
    NullHypothesis,
    better,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
    raised,
    requests_until,
)
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.evidence.overshoot import boost
from serinus.judge.evidence.shift import SHIFT, Exceeding
from serinus.judge.findings.rates import AllowedRate, EventCount, Forecast, Recent, Variation

FIRST_RELEASE: Final = 0.97
"""Of all weight, for what is known at the start."""

RAISE_EVERY: Final = 1000.0
"""Candidate's requests after which weight is laid out anew."""

MOST_OF_A_LOOK: Final = 0.6
"""Of the log of what Fail takes: so much one look may add, and two are enough."""
MOST_OF_A_BURST: Final = 0.47
"""The same of a look whose counts would not be OVERWHELMING times enough: it may be a burst."""
OVERWHELMING: Final = 2.0
BURST_WITHIN: Final = 30.0
"""Seconds: in a guard, what looks may add within that is no more than what one may."""

MUCH_OF_A_LOOK: Final = 0.25
"""The same of a look after which the next one comes sooner: of equal revisions, few do."""

OF_A_SHIFT: Final = 0.4
"""Of the weight laid on all comparisons."""

LATELY_KEPT: Final = 6
"""Looks within that."""

AS_BEFORE: Final = 50.0
"""Requests: in a look with fewer, chance would move a share further than what changes in time."""

MOST_APART: Final = math.log(1e9)
"""ln of how many times as much as stable's is tolerated because pods differ: more makes no
difference, and could not be squared."""

NEXT_TO_NOTHING: Final = 1e-9
"""Of the weight, where rounding leaves none."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Shown to be worse than the tolerance: Fail. Shown to be better than the margin: Pass."""

    tolerance: NullHypothesis
    margin: NullHypothesis
    alternatives: tuple[Alternative, ...] = WORSE


class Gains(NamedTuple):
    """What a block adds to the evidence of a comparison."""

    above: list[float]
    below: list[float]
    not_above: list[float]
    not_below: list[float]

    def divided(self, by: float) -> "Gains":
        """The same, of so many times less weight."""
        return Gains(*([gain / by for gain in kind] for kind in self))


def among_pods(
    tolerance: NullHypothesis, dispersion: Dispersion, pods: tuple[float, float]
) -> NullHypothesis:
    """The tolerance, widened to cover at least the differences to be expected by chance between so
    many pods of candidate and stable. A limit, of ratio 0, knows no stable."""
    if not dispersion.between_pods or not tolerance.ratio:
        return tolerance
    candidate, stable = pods
    apart = math.sqrt(1 / max(candidate, 1) + 1 / max(stable, 1))
    widened = math.exp(min(PODS_TOLERATED * (apart * dispersion.between_pods), MOST_APART))
    return NullHypothesis(max(tolerance.ratio, widened), tolerance.offset)


def allowed(null: NullHypothesis) -> AllowedRate:
    """The figures of a tolerance or margin."""
    return AllowedRate(null.ratio, null.offset)


def in_rollout(history: Dispersion, state: CheckState) -> Dispersion:
    """What stable's history showed, or all quantities of the check in the looks so far, if they
    swung more."""
    return at_least(history, swinging_together(each.swings for each in state.comparisons))


def at_least(history: Dispersion, over_time: float) -> Dispersion:
    """What stable's history showed, or so much variance over time if that is more."""
    return history if over_time <= history.over_time else history.replace(over_time=over_time)


def variation(
    what: str,
    known: Comparison,
    tolerance: NullHypothesis,
    hour: Dispersion,
    state: CheckState,
    pods: tuple[int, int],
) -> Variation:
    """The figures of how a quantity varied in stable's last hour and in the rollout, and of what is
    tolerated for it with so many pods of candidate and stable, if that is more than is set."""
    history = in_rollout(hour, state)
    widened = among_pods(tolerance, history, pods)
    of_stable, own = max(history.over_time, swinging(known.swings)), swinging(known.own_swings)
    seen = history.replace(over_time=max(of_stable, own))
    whose = "Stable's" if own <= of_stable else "The candidate's"
    least = 0.0 if widened == tolerance else widened.ratio
    new = seen.over_time > hour.over_time
    return Variation(what, seen, least, pods, whose=whose, new=new)


class Passing(NamedTuple):
    """What an event adds to the evidence for the candidate. Only the margin rules it, however
    stable's events vary."""

    above: list[LogIncrement]
    below: list[LogIncrement]

    @classmethod
    def of(cls, margin: NullHypothesis, arms: tuple[float, float], both_ways: bool) -> "Passing":
        """In a block of so many requests per arm; `both_ways`: below as well."""
        passing, exchanged = better(margin), arms[::-1]
        below = log_increments(margin, passing, *exchanged) if both_ways else []
        return cls(log_increments(margin, passing, *arms), below)


class Scale:
    """What a block of so many requests makes of the events counted in it.

    'Below' is 'above' with the arms exchanged, where both directions are asked for. Where events
    come in bursts, each counts as much less as their variance is greater, and so does each request:
    by stable's history, or by its looks before this one if they swung more.
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
        passing: Passing | None = None,
    ) -> None:
        self._policy, self._arms = policy, (candidate_requests, stable_requests)
        self._passing = passing or Passing.of(policy.margin, self._arms, both_ways)
        self._tolerance = among_pods(policy.tolerance, dispersion, pods)
        self._bursts = dispersion.over_time

    def varied(self, dispersion: Dispersion, pods: tuple[float, float]) -> "Scale":
        """The same for events that varied so; the margin is not widened for it."""
        return Scale(self._policy, *self._arms, dispersion, pods, passing=self._passing)

    def gains(
        self, known: Comparison, candidate: float, stable: float, expected: float | None = None
    ) -> Gains:
        """For so many events per arm; none where a comparison has no such question.

        `expected`: stable's share of events before the block. None: events are taken for rare.
        """
        found = Gains(
            gains(self._above(expected), candidate, stable) if known.above else [],
            gains(self._below(expected), stable, candidate) if known.below else [],
            gains(self._passing.above, candidate, stable) if known.not_above else [],
            gains(self._passing.below, stable, candidate) if known.not_below else [],
        )
        by = self._variance(known)
        return found if by == 1 else found.divided(by)

    def weigh(
        self,
        known: Comparison,
        candidate: float,
        stable: float,
        ceiling: float = math.inf,
        expected: float | None = None,
    ) -> Comparison:
        """What is known after a block with so many events per arm.

        `ceiling`: ln of the evidence against the candidate above which more is of no use. To give
        it says that the events are counts of independent requests. `expected`: as for `gains`.
        """
        gained = self.gains(known, candidate, stable, expected)
        if ceiling < math.inf and self._variance(known) == 1:
            boosted = self._boosted(known, gained.above, candidate + stable, ceiling)
            gained = gained._replace(above=boosted)
        return counted(known, gained, candidate, stable)

    def exceeding(
        self, known: Comparison, candidate: float, stable: float, expected: float
    ) -> Exceeding:
        """What such a block shows of a shift, where events are requests beyond a bound."""
        ratio, variance = self._tolerance.ratio, self._variance(known)
        return Exceeding(candidate, stable, expected, ratio, variance)

    @property
    def bursts(self) -> float:
        """The variance of any counts, as a multiple of that of independent ones."""
        return self._bursts

    def _above(self, expected: float | None) -> list[LogIncrement]:
        if expected is None:
            return self._above_if_rare
        bets = on_more(self._tolerance, self._policy.alternatives, self._arms, expected)
        return [bet.log_increment(*self._arms) for bet in bets]

    def _below(self, expected: float | None) -> list[LogIncrement]:
        if expected is None:
            return self._below_if_rare
        bets = on_less(self._tolerance, self._policy.alternatives, self._arms, expected)
        return [bet.log_increment(*self._arms[::-1]) for bet in bets]

    @cached_property
    def _above_if_rare(self) -> list[LogIncrement]:
        return log_increments(self._tolerance, self._policy.alternatives, *self._arms)

    @cached_property
    def _below_if_rare(self) -> list[LogIncrement]:
        exchanged = self._arms[::-1]
        return log_increments(self._tolerance, self._policy.alternatives, *exchanged)

    def _variance(self, known: Comparison) -> float:
        """Of the counts, as a multiple of that of independent ones."""
        return max(self._bursts, _swinging(known))

    def _boosted(
        self, known: Comparison, gained: list[float], events: float, ceiling: float
    ) -> list[float]:
        null, alternatives = self._tolerance, self._policy.alternatives
        by = boost(null, alternatives, known.above, self._arms, events, ceiling)
        if not by:
            return gained
        reached = log_sum([log_e + gain for log_e, gain in zip(known.above, gained, strict=True)])
        return [gain + min(by, ceiling - reached) for gain in gained]


def _swinging(known: Comparison) -> float:
    """In a guard the promoted revision has nearly all events, so that bursts show there first."""
    return max(swinging(known.swings), swinging(known.own_swings))


def counted(known: Comparison, gained: Gains, candidate: float, stable: float) -> Comparison:
    """What is known after a block with so many events per arm, which gained so much."""
    of_candidate, of_stable = known.recent or (0.0, 0.0)
    recent = [of_candidate + candidate, of_stable + stable]
    return known.replace(
        recent=recent if any(recent) else None,
        candidate=known.candidate + candidate,
        stable=known.stable + stable,
        own_candidate=known.own_candidate + candidate,
        own_stable=known.own_stable + stable,
        above=grown(known.above, gained.above),
        below=grown(known.below, gained.below),
        not_above=grown(known.not_above, gained.not_above),
        not_below=grown(known.not_below, gained.not_below),
    )


def expected_share(events: float, requests: float) -> float:
    """Of events among further requests of stable, which had so many. Half an event more, since what
    never came may come (R. Krichevsky and V. Trofimov, The performance of universal encoding,
    1981)."""
    return (min(events, requests) + 0.5) / (requests + 1)


def expected_next(known: Comparison, requests: float) -> float:
    """Stable's share of events in the next block, before it: that of its last look, which follows
    whatever changes in both arms, and as AS_BEFORE requests that of all `requests` so far."""
    share = expected_share(known.stable, requests)
    if known.swings is None:
        return share
    last = known.swings
    return (last.events + AS_BEFORE * share) / (last.requests + AS_BEFORE)


def begun(name: str, *, both_ways: bool = False, can_pass: bool = True) -> Comparison:
    """A comparison whose evidence towards Pass starts now; against the candidate it has none.

    `can_pass`: whether Pass depends on it.
    """
    shown = opened(BETTER) if can_pass else []
    return Comparison(name=name, not_above=shown, not_below=shown if both_ways else [])


def compare(
    state: CheckState,
    new: Sequence[Comparison],
    alternatives: Sequence[Alternative],
    *,
    both_ways: bool = False,
) -> CheckState:
    """The state with further comparisons, whose evidence against the candidate starts now, with
    equal weight, and as much on a shift as on all others."""
    if not new:
        return state
    released, state = _released(state)
    added = []
    for each, part in zip(new, _parts(new), strict=True):
        above = opened(alternatives, released * part / (2 if both_ways else 1))
        added.append(each.replace(above=above, below=above if both_ways else []))
    return state.replace(comparisons=[*state.comparisons, *added])


def looked(state: CheckState, look: Look, count: Callable[[Look], CheckState]) -> CheckState:
    """The state after a look, by `count`, which weighs what was counted. All of it is evidence
    against the candidate; only what began while the weight was in effect is evidence for it.

    Whether a block counts for it is known before its first request; if the weight is lost
    meanwhile, the evidence for the candidate ends with it (see `step_entered`).
    """
    known, own = count(look), look.at_this_weight
    if own is look:
        return known
    return _passing_by(known, state if own is None else count(own))


def served(
    state: CheckState,
    candidate: Mapping[str, float],
    stable: Mapping[str, float],
    alternatives: Sequence[Alternative],
) -> CheckState:
    """The state with a block's requests added, by what was read, before its events are weighed.

    Weight is laid out anew with each later step's first requests, and every RAISE_EVERY requests;
    in a guard at each look, as much as time has passed.
    """
    requests, step = max(candidate.values()), state.step_requests
    if requests and _is_due(state, requests) and any(each.above for each in state.comparisons):
        state = _raised(state, alternatives)
    return state.replace(
        candidate=_added(state.candidate, candidate),
        stable=_added(state.stable, stable),
        recent=_with_recent(state.recent, candidate, stable),
        step_requests=step + requests,
        own_candidate=_added(state.own_candidate, candidate),
        own_stable=_added(state.own_stable, stable),
    )


def weighed(state: CheckState, comparisons: Sequence[Comparison]) -> CheckState:
    """The state after a look, its greatest evidence against the candidate brought up to date."""
    after = state.replace(comparisons=[*comparisons])
    return after.replace(peak=max(state.peak, _total(after)))


def weighed_by_arm(
    state: CheckState,
    comparisons: Sequence[Comparison],
    plain: Sequence[Comparison],
    stable: Sequence[ArmBlock],
    budget: ErrorBudget,
    candidate: Sequence[ArmBlock] = (),
    at: float | None = None,
) -> CheckState:
    """The same, of arms whose pods are scraped at different moments.

    If something that both arms share fails, a look may count it in one arm and not yet in the
    other; stable's rate then jumps in that look or in the next one. So a look in which it jumps
    adds nothing against the candidate, what the look before it added is taken back, and no look
    alone is enough for Fail. Evidence stays valid if it is lowered.

    `plain`: the comparisons without what is redistributed (see `boost`). `stable`: what it counted,
    by comparison. `candidate`: the same of it, which matters in a guard. So does `at`, the time of
    the look (Unix seconds): a burst that the promoted revision has with all the traffic is as good
    as a total failure, and its pods are scraped one after the other, so looks soon after another
    may add no more than one.
    """
    before = _total(state)
    state, floor = _lately(state, before, at)
    found = [
        each.replace(swings=after_look(each.swings, block))
        for each, block in zip(comparisons, stable, strict=True)
    ]
    if state.reserve is not None and candidate:
        found = [
            each.replace(own_swings=with_peaks(each.own_swings, block))
            for each, block in zip(found, candidate, strict=True)
        ]
    after = state.replace(comparisons=found)
    if any(
        jumped(each.swings, block) for each, block in zip(state.comparisons, stable, strict=True)
    ):
        settled = min(before, state.settled)
        return weighed(state.replace(settled=settled), _without_gain(after, settled, state))
    total = _total(after)
    reached = total if plain is comparisons else _total(state.replace(comparisons=[*plain]))
    most = max(floor + _most_of_a_look(reached - floor, budget), before)
    # what a look added in which stable counted nothing is not confirmed by it
    settled = before if any(block.requests for block in stable) else min(before, state.settled)
    if total > most:
        return weighed(state.replace(settled=settled), _lowered(after, most))
    return after.replace(settled=settled, peak=max(state.peak, total))


def _lately(state: CheckState, total: float, at: float | None) -> tuple[CheckState, float]:
    """The state with what is known before a look, and the evidence (ln, 0 or more) to which that
    and those soon before it may add what one may."""
    if state.reserve is None or at is None:
        return state, max(total, 0.0)
    lately = [each for each in state.lately if 0 <= at - each[0] < BURST_WITHIN]
    if not lately or at - lately[-1][0] >= BURST_WITHIN / LATELY_KEPT:
        lately.append([at, total])
    floor = max(min(before for _, before in lately), 0.0)
    return state.replace(lately=lately), floor


def _most_of_a_look(added: float, budget: ErrorBudget) -> float:
    """ln of the evidence that a look may add. Two are enough for Fail, unless a few events that
    came at once explain them, as they may before it is known how stable's come."""
    enough = -math.log(budget.false_fail)
    overwhelms = added >= OVERWHELMING * enough
    return (MOST_OF_A_LOOK if overwhelms else MOST_OF_A_BURST) * enough


def ceiling(state: CheckState, budget: ErrorBudget) -> float:
    """ln of the evidence of one comparison that is enough for Fail, whatever the others show.

    A trifle more, so that what reaches it is enough after rounding as well.
    """
    return math.log(1 / budget.false_fail - state.held_back) + 1e-5


def verdict(state: CheckState, budget: ErrorBudget) -> Verdict:
    """What the evidence proves; a proof against the candidate is never taken back."""
    if is_enough(state, budget):
        return "Fail"
    goal, shown = _to_pass(state, budget), _towards_pass(state)
    if not shown or state.own_requests < budget.min_requests:
        return "Inconclusive"
    return "Pass" if all(log_sum(evidence) >= goal for evidence in shown) else "Inconclusive"


def is_enough(state: CheckState, budget: ErrorBudget) -> bool:
    """Whether the candidate was proved to be worse, whatever the check may wait for."""
    return state.peak >= -math.log(budget.false_fail)


def strength(state: CheckState, budget: ErrorBudget) -> tuple[float, float | None]:
    """How much of the evidence that Fail takes there is now, and of that which Pass takes, on the
    scale of logarithms: 1 is enough. None: no comparison of this check can pass."""
    against = max(_total(state), 0.0) / -math.log(budget.false_fail) if state.comparisons else 0.0
    goal, shown = _to_pass(state, budget), _towards_pass(state)
    if not shown:
        return against, None
    least = min(log_sum(evidence) for evidence in shown) / goal
    return against, max(min(least, state.own_requests / budget.min_requests), 0.0)


def begins_to_fail(state: CheckState, budget: ErrorBudget) -> bool:
    """Whether the last look added much of the evidence that Fail takes, which the next one confirms
    or takes back."""
    if not state.comparisons:
        return False
    added = _total(state) - max(state.settled, 0.0)
    return added >= MUCH_OF_A_LOOK * -math.log(budget.false_fail)


def confirmed(state: CheckState) -> CheckState:
    """The state of a check of which no look waits for another one that confirms it."""
    return state.replace(settled=max(_total(state), 0.0))


def step_entered(state: CheckState) -> CheckState:
    """Pass has to be shown anew at each weight; the evidence against the candidate goes on."""
    return _passing_by(state, CheckState()).replace(
        step_requests=0.0, alone=0.0, in_bounds_since=None
    )


def without_credit(state: CheckState) -> CheckState:
    """The state if Pass has to be shown anew at the same weight, at which requests go on."""
    return step_entered(state).replace(
        dropped=dropped_with(state), step_requests=state.step_requests
    )


def begun_anew(state: CheckState) -> CheckState:
    """The state without what was counted so far: evidence begins with the weight held back. What is
    dropped of a mixture is never below 0, so what is left keeps to the budget."""
    return CheckState(
        policy=state.policy,
        budget=state.budget,
        held_back=state.held_back,
        reserve=state.reserve,
        dropped=dropped_with(state),
        step_requests=state.step_requests,
        stable_pods_compared=state.stable_pods_compared,
        references=state.references,
        starts=state.starts,
        later=state.later,
        counts_after=state.counts_after,
        undivided=state.undivided,
    )


def acquitted(
    state: CheckState, alternatives: Sequence[Alternative], budget: ErrorBudget
) -> CheckState:
    """The state without what was counted against the candidate so far: that begins anew with all
    weight. What is known of stable is kept, and the evidence for the candidate, unless it has lost
    more than another attempt to pass costs."""
    if _lost_for_pass(state) > _to_pass(without_credit(state), budget) - _to_pass(state, budget):
        state = without_credit(state)
    bare = [
        each.replace(
            candidate=0.0,
            stable=0.0,
            recent=None,
            pods={},
            at_stables_shares=0.0,
            above=[],
            below=[],
        )
        for each in state.comparisons
    ]
    anew = state.replace(
        comparisons=[],
        candidate={},
        stable={},
        recent={},
        pods={},
        pods_to_blame=[],
        peak=0.0,
        least=None,
        settled=0.0,
        held_back=1.0,
        releases=0,
    )
    both_ways = any(each.below for each in state.comparisons)
    return compare(anew, bare, alternatives, both_ways=both_ways)


def _lost_for_pass(state: CheckState) -> float:
    return max((-log_sum(evidence) for evidence in _towards_pass(state)), default=0.0)


def dropped_with(state: CheckState) -> int:
    """How often evidence for the candidate was dropped at this weight, if that of the state is. It
    was one more attempt to pass if it had begun."""
    return state.dropped + (state.own_requests > 0)


def forecast(
    state: CheckState,
    look: Look,
    budget: ErrorBudget,
    per_request: Callable[[], Sequence[Gains]],
    whole: str = "requests",
) -> Forecast:
    """How long it takes until Pass and until Fail.

    `per_request`: what one more candidate request adds to each comparison at the rates counted so
    far; not used where requests are divided into strata, whose sums do not tell it. `whole`: what
    requests are called.
    """
    gained = gains_so_far(state) if look.stratify else per_request()
    return Forecast(
        requests_to_pass(state, gained, budget),
        requests_to_fail(state, gained, budget),
        look.per_second(state.step_requests),
        whole,
        fail_known=not look.stratify,
    )


def requests_to_pass(
    state: CheckState, gained: Iterable[Gains], budget: ErrorBudget
) -> float | None:
    """An estimate for people: candidate requests until Pass if all rates stay as they are.

    `gained` is what one more candidate request adds to each comparison. None: never, as where
    there is nothing that could be shown, or in a guard, where nothing waits for it.
    """
    if state.reserve is not None:
        return None
    if not _towards_pass(state):
        return None
    goal = _to_pass(state, budget)
    waits = [max(budget.min_requests - state.own_requests, 0.0)]
    for each, gain in zip(state.comparisons, gained, strict=True):
        for evidence, more in ((each.not_above, gain.not_above), (each.not_below, gain.not_below)):
            wait = requests_until(goal, evidence, more) if evidence else 0.0
            if wait is None:
                return None
            waits.append(wait)
    return max(waits)


def requests_to_fail(
    state: CheckState, gained: Iterable[Gains], budget: ErrorBudget
) -> float | None:
    """As `requests_to_pass`, until Fail."""
    evidence = [e for each in state.comparisons for e in (*each.above, *each.below)]
    gains = [g for gain in gained for g in (*gain.above, *gain.below)]
    return requests_until(-math.log(budget.false_fail), evidence, gains)


def gains_so_far(state: CheckState) -> list[Gains]:
    """What a candidate request of this step has added to the evidence for Pass, on average: where
    requests are divided, their sums do not tell what the next ones will add."""
    requests, fresh = max(state.own_requests, 1.0), opened(BETTER)

    def added(evidence: Sequence[float]) -> list[float]:
        return [(log_e - at) / requests for log_e, at in zip(evidence, fresh, strict=False)]

    return [
        Gains(
            [0.0] * len(each.above),
            [0.0] * len(each.below),
            added(each.not_above),
            added(each.not_below),
        )
        for each in state.comparisons
    ]


def since_dropped(state: CheckState) -> CheckState:
    """The state with the counts that tell what is to come: if evidence for the candidate was
    dropped, as after a pod of stable was mended, those since then."""
    return counts_of(state, "Pass") if state.dropped and state.own_requests else state


def counts_of(state: CheckState, verdict: Verdict) -> CheckState:
    """The state with the counts that its verdict rests on: for Pass, those of this step alone."""
    if verdict != "Pass":
        return state
    comparisons = [
        each.replace(candidate=each.own_candidate, stable=each.own_stable)
        for each in state.comparisons
    ]
    return state.replace(
        candidate=state.own_candidate, stable=state.own_stable, comparisons=comparisons
    )


def marked(state: CheckState) -> CheckState:
    """The state after a look. If there was never less evidence against the candidate, nothing that
    was counted so far is recent any more: what comes later may become evidence."""
    if not state.comparisons:
        return state
    total = _total(state)
    if total > (state.least or 0.0):
        return state
    return state.replace(
        least=math.ceil(total * 1e6) / 1e6,
        recent={},
        comparisons=[each.replace(recent=None) for each in state.comparisons],
    )


def recent_of(state: CheckState) -> CheckState | None:
    """The state with the counts since there was least evidence against the candidate. None: that
    was before the first request, or the status is that of an operator that did not mark it."""
    if state.least is None:
        return None
    comparisons = []
    for each in state.comparisons:
        candidate, stable = each.recent or (0.0, 0.0)
        comparisons.append(each.replace(candidate=candidate, stable=stable))
    return state.replace(
        candidate={key: n for key, (n, _) in state.recent.items()},
        stable={key: n for key, (_, n) in state.recent.items()},
        comparisons=comparisons,
    )


def recent_counts(state: CheckState, name: str, whole: str) -> Recent | None:
    """Of a comparison, and of all requests of a metric. None: as above."""
    recent = recent_of(state)
    if recent is None:
        return None
    each = next(known for known in recent.comparisons if known.name == name)
    return Recent(
        EventCount(each.candidate, recent.candidate.get(whole, 0.0)),
        EventCount(each.stable, recent.stable.get(whole, 0.0)),
    )


def _passing_by(known: CheckState, own: CheckState) -> CheckState:
    """The state, with another one's evidence for the candidate; a comparison that the other does
    not have begins anew."""
    shown = {each.name: each for each in own.comparisons}
    comparisons = []
    for each in known.comparisons:
        by = shown.get(each.name) or begun(each.name, both_ways=True)
        kept = each.replace(
            own_candidate=by.own_candidate,
            own_stable=by.own_stable,
            not_above=each.not_above and by.not_above,
            not_below=each.not_below and by.not_below,
        )
        comparisons.append(kept)
    return known.replace(
        comparisons=comparisons, own_candidate=own.own_candidate, own_stable=own.own_stable
    )


def _towards_pass(state: CheckState) -> list[Sequence[float]]:
    """The evidence for the candidate, of each comparison and direction that Pass depends on."""
    return [e for each in state.comparisons for e in (each.not_above, each.not_below) if e]


def _to_pass(state: CheckState, budget: ErrorBudget) -> float:
    """ln of the evidence that is enough for Pass: each attempt is paid for like an entry."""
    if not state.dropped:
        return budget.to_pass
    return replace(budget, entry=budget.entry + state.dropped).to_pass


def _total(state: CheckState) -> float:
    """ln of all evidence against the candidate, with what is held back."""
    return log_sum([math.log(state.held_back), *_laid(state)])


def _laid(state: CheckState) -> list[float]:
    """The evidence against the candidate, without what is held back."""
    return [e for each in state.comparisons for e in (*each.above, *each.below)]


def _without_gain(after: CheckState, total: float, before: CheckState) -> list[Comparison]:
    """The comparisons after a look that gained nothing over the state before it, once that is
    lowered to ln of a total."""
    left = _log_without(total, after.held_back)
    return _shifted(after, left - max(log_sum(_laid(before)), log_sum(_laid(after))))


def _lowered(after: CheckState, total: float) -> list[Comparison]:
    """The comparisons with ln of so much evidence in all."""
    return _shifted(after, _log_without(total, after.held_back) - log_sum(_laid(after)))


def _log_without(total: float, held_back: float) -> float:
    return total + math.log(max(-math.expm1(math.log(held_back) - total), NEXT_TO_NOTHING))


def _shifted(state: CheckState, by: float) -> list[Comparison]:
    return [
        each.replace(
            above=grown(each.above, [by] * len(each.above)),
            below=grown(each.below, [by] * len(each.below)),
        )
        for each in state.comparisons
    ]


def _is_due(state: CheckState, requests: float) -> bool:
    """Whether weight is laid out anew before so many requests of the candidate."""
    if state.reserve is not None:
        return state.held_back > state.reserve
    step = state.step_requests
    entered = step == 0 and any(state.candidate.values())
    return entered or step // RAISE_EVERY < (step + requests) // RAISE_EVERY


def _released(state: CheckState) -> tuple[float, CheckState]:
    """Weight from what is held back: of what is left a half, a third, a fourth, so that some of it
    is left however often some is released. In a guard all that is not reserved, so that a fault is
    found as soon after many good hours as after few; where there is nothing, a half."""
    share = 1 / (state.releases + 1) if state.releases else FIRST_RELEASE
    weight = state.held_back * share
    if state.reserve is not None:
        weight = max(state.held_back - state.reserve, 0.0) or state.held_back / 2
    return weight, state.replace(held_back=state.held_back - weight, releases=state.releases + 1)


def _raised(state: CheckState, alternatives: Sequence[Alternative]) -> CheckState:
    weight, state = _released(state)
    against = [each for each in state.comparisons if each.above or each.below]
    parts = {
        each.name: weight * part / sum(map(bool, (each.above, each.below)))
        for each, part in zip(against, _parts(against), strict=True)
    }
    comparisons = [
        each.replace(
            above=each.above and raised(each.above, alternatives, parts[each.name]),
            below=each.below and raised(each.below, alternatives, parts[each.name]),
        )
        for each in state.comparisons
    ]
    return state.replace(comparisons=comparisons)


def _parts(comparisons: Sequence[Comparison]) -> list[float]:
    """Of the weight laid on them."""
    others = sum(each.name != SHIFT for each in comparisons)
    if others in (0, len(comparisons)):
        return [1 / len(comparisons)] * len(comparisons)
    return [OF_A_SHIFT if each.name == SHIFT else (1 - OF_A_SHIFT) / others for each in comparisons]


def _with_recent(
    recent: Mapping[str, Sequence[float]],
    candidate: Mapping[str, float],
    stable: Mapping[str, float],
) -> dict[str, list[float]]:
    found = {}
    for key in {**recent, **candidate, **stable}:
        of_candidate, of_stable = recent.get(key, (0.0, 0.0))
        found[key] = [of_candidate + candidate.get(key, 0.0), of_stable + stable.get(key, 0.0)]
    return found


def _added(counts: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    return {key: counts.get(key, 0.0) + more.get(key, 0.0) for key in {**counts, **more}}
