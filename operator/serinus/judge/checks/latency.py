"""latency: the share of requests slower than a bound, for a few bounds, against stable's and
against a fixed limit.

Never a quantile of a histogram: it is a guess between two bounds, and has no known error.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from serinus.api.baseline import INDEPENDENT, CheckBaseline
from serinus.api.checks.latency import Latency
from serinus.api.quantities import fraction, seconds
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.checks.latency_bounds import (
    Durations,
    bound_of,
    by_pod,
    named,
    nearest,
)
from serinus.judge.checks.latency_change import Change
from serinus.judge.checks.slowdown import kept, ratios
from serinus.judge.evidence import comparison, pods
from serinus.judge.evidence.comparison import (
    Gains,
    Policy,
    Scale,
    allowed,
    among_pods,
    at_least,
    begun,
    expected_next,
    expected_share,
    in_rollout,
    variation,
)
from serinus.judge.evidence.dispersion import ArmBlock, Counts, dispersion, estimated
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, log_sum
from serinus.judge.evidence.look import ByPod, ErrorBudget, Look, Served
from serinus.judge.evidence.shift import SHIFT, Exceeding, Shift
from serinus.judge.findings import words
from serinus.judge.findings.finding import Figures, Finding, Later
from serinus.judge.findings.latency import (
    BoundsUnknown,
    NoCommonBound,
    NothingServed,
    SlowestAllowed,
    SlowShares,
)
from serinus.judge.findings.rates import Conclusion, EventCount, Forecast, ShownBetter, ShownWorse
from serinus.metrics.histograms import ArmHistogram, slowed
from serinus.metrics.queries import CounterQuery
from serinus.metrics.strata import Stratum, divided
from serinus.metrics.warm_up import warmed_up

REQUESTS: Final = "requests"
LIMIT: Final = "limit"
IN_ONE_BUCKET: Final = "requests in one bucket"
"""Stable's, while it is not known at which bounds to compare."""
SELDOM: Final = 0.05
"""Share of stable's requests that take longer than what is far longer twice over."""
FAR_LONGER: Final = 2.0


class LatencyCheck:
    """Requests slower than each bound, candidate against stable.

    Bounds are set before the data that they weigh: by stable's history, or without one by what
    stable shows in one block, and weighed from the next one on. A bound that some pod no longer
    has is given up, with its evidence.
    """

    def __init__(self, settings: Latency) -> None:
        histogram = settings.histogram
        matchers = tuple(histogram.matchers)
        backend = histogram.backend
        self._classic = CounterQuery(
            f"{histogram.metric}_bucket", matchers, buckets=True, backend=backend
        )
        self._native = CounterQuery(histogram.metric, matchers, native=True, backend=backend)
        self._per_second = histogram.per_second
        self._warm_up = settings.warm_up_seconds
        self._policy = Policy(
            NullHypothesis(settings.tolerance, fraction(settings.absolute_tolerance)),
            NullHypothesis(settings.margin, fraction(settings.absolute_margin)),
            SHIFTED,
        )
        self._slowdown = settings.slowdown
        self._limit = settings.limit
        if settings.limit is not None:
            null = NullHypothesis(0.0, fraction(settings.limit.share))
            self._limit_policy = Policy(null, null, SHIFTED)
            self._limit_bound = seconds(settings.limit.bound) * self._per_second

    def queries(self) -> tuple[CounterQuery, ...]:
        return self._classic, self._native

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        source = self._source(look)
        if problem := look.unreadable((source,)):
            return Finding("Error", problem, state)
        if state.reserve is not None:  # in a guard, where both carry other loads
            return self._changed(state, look, budget, source)
        before, (block, strata) = state, self._blocks(look, source)

        def counted(each: Look) -> CheckState:
            blocks = (block, strata) if each is look else self._blocks(each, source)
            return self._counted(before, *blocks, each, budget)

        state = comparison.looked(before, look, counted)
        if not state.comparisons and block.are_of_both and not block.common:
            return Finding("Error", NoCommonBound(source.metric), state)
        verdict = comparison.verdict(state, budget)
        if verdict == "Fail":
            state = state.replace(pods_to_blame=self._pods_to_blame(state, look))
        missing = look.missing(source)
        if missing and verdict != "Fail":
            return Finding("NoData", missing, state)
        figures = Later(partial(self._figures, verdict, state, block, look, budget))
        return Finding(verdict, figures, state)

    def _changed(
        self, state: CheckState, look: Look, budget: ErrorBudget, source: CounterQuery
    ) -> Finding:
        own = look.at_this_weight
        block = self._blocks(own, source)[0] if own else None
        if block and block.are_of_both and not block.common:
            return Finding("Error", NoCommonBound(source.metric), state)
        tolerances = {
            each.name: self._policy_of(each, look).tolerance for each in state.comparisons
        }
        change = Change(look, budget, look.pods_there(source), tolerances, self._per_second)
        return change.judge(state, block, look.missing(source))

    def served_by_pod(self, state: CheckState, look: Look) -> ByPod:
        """The candidate's requests, and those that took far longer than with stable; none while it
        is not known how long these take."""
        source = self._source(look)
        growth, stable = look.growth(source)
        served, of_stable = map(ArmHistogram.of, (growth, stable))
        seldom, is_known = _seldom(state, look, of_stable)
        longer = FAR_LONGER * min(seldom, default=math.inf)
        share = math.fsum(of_stable.surely_above(longer).values()) / max(of_stable.total, 1.0)
        bad = served.surely_above(longer)
        # by a look in which stable may be slow itself a pod is bad, but not well
        counted = {
            target: (n, bad[target])
            if is_known or state.waits_for_a_start or bad[target] > SELDOM * n
            else (0.0, 0.0)
            for target, n in served.totals.items()
        }
        return ByPod(
            requests=growth,
            counted=counted,
            of_stable=share,
            bad=f"took more than {words.latency(longer / self._per_second)}",
            costly=False,
            alternatives=SHIFTED,
            known=look.baseline.warm_up is not None,
            missing=look.missing(source),
        )

    def learn(self, history: Sequence[Look]) -> CheckBaseline:
        """Which bounds tell most of stable, and how the requests slower than each varied."""
        native = any(look.growth(self._native)[1].increases for look in history)
        source = self._native if native else self._classic
        stable = [ArmHistogram.of(look.growth(source)[1]) for look in history]
        bounds = nearest([Durations(each, each) for each in stable])
        found = [
            dispersion(
                named(bound), [by_pod(each, each.above(bound) or {}) for each in stable], rare=False
            )
            for bound in bounds
        ]
        if self._limit and bounds:
            slow = [by_pod(each, each.surely_above(self._limit_bound)) for each in stable]
            found.append(dispersion(self._varies_as(LIMIT), slow, rare=False))
        shares = [expected_share(*_slower(stable, bound)) for bound in bounds]
        baseline = estimated(found, bounds, shares)
        if self._slowdown is None or not bounds:
            return baseline
        return baseline.replace(slower=kept(_shares(stable)))

    def within(self, look: Look) -> Mapping[Stratum, Mapping[str, Counts]]:
        """Stable's requests slower than each bound, in each stratum."""
        arms = look.growth(self._source(look))
        bounds = nearest([Durations.of(arms)])
        strata = {
            stratum: ArmHistogram.of(stable)
            for stratum, ((_, stable),) in divided(look.stratify, [arms]).items()
        }
        return {
            stratum: {
                named(bound): (each.total, math.fsum((each.above(bound) or {}).values()))
                for bound in bounds
            }
            for stratum, each in strata.items()
        }

    @property
    def counts_late(self) -> bool:
        """A duration is counted when it is known."""
        return False

    def worsened(self, arm: Served, times: float) -> Served:
        """With so many times as many requests above each bound."""
        return {query: slowed(growth, times) for query, growth in arm.items()}

    def _source(self, look: Look) -> CounterQuery:
        """Native histograms where both arms have them: their bounds lie closer."""
        both = all(growth.newest is not None for growth in look.growth(self._native))
        return self._native if both else self._classic

    def _blocks(self, look: Look, source: CounterQuery) -> tuple[Durations, Sequence[Durations]]:
        """All durations that a look adds, and those of each stratum."""
        candidate, stable = (warmed_up(each, self._warm_up) for each in look.growth(source))
        block = Durations.of((candidate, stable))
        if not look.stratify:
            return block, [block]
        return block, [Durations.of(each) for (each,) in look.strata((candidate, stable))]

    def _counted(
        self,
        state: CheckState,
        block: Durations,
        strata: Iterable[Durations],
        look: Look,
        budget: ErrorBudget,
    ) -> CheckState:
        state = _without_lost_bounds(state, block)
        if not state.comparisons:
            from_history = _kept(look.baseline.bounds, block)
            before = state.stable.get(IN_ONE_BUCKET, 0.0)
            state = self._begun(state, from_history or nearest([block], before))
            if not from_history:
                counted = {} if state.comparisons else {IN_ONE_BUCKET: before + block.stable.total}
                return state.replace(stable={**state.stable, **counted})
        n_c, n_s = block.candidate.total, block.stable.total
        if not n_c + n_s:
            return state
        expected = _expected(state, look)
        state = comparison.served(state, {REQUESTS: n_c}, {REQUESTS: n_s}, SHIFTED)
        state = pods.with_requests(state, block.candidate.totals)
        weighed = list(state.comparisons)
        usual = in_rollout(INDEPENDENT, state).over_time
        for stratum in strata:
            weighed = self._weighed(weighed, expected, stratum, block.pods, usual, look)
        found, of_stable = [], []
        for each in weighed:
            if each.name == SHIFT:
                found.append(each)
                of_stable.append(ArmBlock(0.0, 0.0))
                continue
            slow_c, slow_s = self._slow(each, block)
            by_stratum = self._by_stratum(each, strata) if look.stratify else ()
            found.append(pods.with_events(each, slow_c, state, by_stratum))
            variance = max(look.baseline.of(self._varies_as(each.name)).over_time, usual)
            of_stable.append(ArmBlock(n_s, math.fsum(slow_s.values()), variance, rare=False))
        return comparison.weighed_by_arm(state, found, found, of_stable, budget)

    def _weighed(
        self,
        comparisons: Iterable[Comparison],
        expected: Mapping[str, float],
        stratum: Durations,
        serving: tuple[int, int],
        usual: float,
        look: Look,
    ) -> list[Comparison]:
        """`usual`: how much more all of them varied so far than by chance."""
        requests = stratum.candidate.total, stratum.stable.total
        weighed: list[Comparison] = []
        bounds: list[Exceeding] = []
        for each in comparisons:
            if each.name == SHIFT:
                shift = Shift(self._policy.tolerance.offset, SHIFTED, requests, bounds)
                weighed.append(shift.weigh(each))
            elif each.name != LIMIT and not stratum.knows(bound_of(each)):
                weighed.append(each)
            else:
                slow = [math.fsum(arm.values()) for arm in self._slow(each, stratum)]
                scale = self._scale(each, requests, usual, serving, look)
                share = expected.get(each.name)
                weighed.append(scale.weigh(each, slow[0], slow[1], expected=share))
                if each.name != LIMIT and share is not None:
                    bounds.append(scale.exceeding(each, slow[0], slow[1], share))
        return weighed

    def _by_stratum(
        self, each: Comparison, strata: Iterable[Durations]
    ) -> list[tuple[pods.Arms, pods.Arms]]:
        """Requests and slow ones of both arms, in the strata that tell both."""
        found = []
        for stratum in strata:
            if each.name == LIMIT or stratum.knows(bound_of(each)):
                slow_c, slow_s = (math.fsum(of.values()) for of in self._slow(each, stratum))
                requests = stratum.candidate.total, stratum.stable.total
                found.append((requests, (slow_c, slow_s)))
        return found

    def _begun(self, state: CheckState, bounds: Iterable[float]) -> CheckState:
        new = [begun(named(bound)) for bound in bounds]
        if len(new) > 1:
            new.append(begun(SHIFT, can_pass=False))
        if new and self._limit:
            new.append(begun(LIMIT))
        return comparison.compare(state, new, SHIFTED)

    def _slow(
        self, each: Comparison, block: Durations
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Slow requests of both arms, by target."""
        if each.name == LIMIT:
            bound = self._limit_bound
            return block.candidate.surely_above(bound), block.stable.surely_above(bound)
        bound = bound_of(each)
        return block.candidate.above(bound) or {}, block.stable.above(bound) or {}

    def _varies_as(self, name: str) -> str:
        """Under which name stable's history has the dispersion of a comparison. Checks of one
        histogram share that history, and may have other limits."""
        return f"{LIMIT} of {self._limit_bound:g}" if name == LIMIT else name

    def _policy_of(self, each: Comparison, look: Look) -> Policy:
        if each.name == LIMIT:
            return self._limit_policy
        found = self._ratios(bound_of(each), look)
        if found is None:
            return self._policy
        tolerance, margin = found
        return replace(
            self._policy,
            tolerance=replace(self._policy.tolerance, ratio=tolerance),
            margin=replace(self._policy.margin, ratio=margin),
        )

    def _ratios(self, bound: float, look: Look) -> tuple[float, float] | None:
        if self._slowdown is None:
            return None
        return ratios(look.baseline.slower, bound, self._slowdown)

    def _scale(
        self,
        each: Comparison,
        requests: tuple[float, float],
        usual: float,
        serving: tuple[int, int],
        look: Look,
    ) -> Scale:
        varied = at_least(look.baseline.of(self._varies_as(each.name)), usual)
        return Scale(self._policy_of(each, look), *requests, varied, serving)

    def _figures(
        self, verdict: Verdict, state: CheckState, block: Durations, look: Look, budget: ErrorBudget
    ) -> Figures:
        if not state.comparisons:
            return BoundsUnknown()
        shown = comparison.counts_of(state, verdict)
        n_c, n_s = shown.candidate.get(REQUESTS, 0.0), shown.stable.get(REQUESTS, 0.0)
        if n_c == 0 or n_s == 0:
            return NothingServed("stable" if n_c else "candidate", self._warm_up)
        each = _worst(shown) if verdict == "Fail" else _most_different(shown)
        bound = self._limit_counted(block) if each.name == LIMIT else bound_of(each)
        policy = self._policy_of(each, look)
        compared = self._policy if each.name == LIMIT else policy
        hour = look.baseline.of(self._varies_as(each.name))
        varied = in_rollout(hour, state)
        there = look.pods_there(self._source(look))
        return SlowShares(
            bound=bound / self._per_second,
            candidate=EventCount(each.candidate, n_c),
            stable=EventCount(each.stable, n_s),
            tolerance=allowed(among_pods(compared.tolerance, varied, there)),
            margin=allowed(compared.margin),
            limit=self._slowest_allowed(block),
            conclusion=self._conclusion(verdict, state, block, look, budget),
            variation=variation("slow requests", each, policy.tolerance, hour, state, there),
            in_one_bucket=_in_one_bucket(state),
            slowdown=None if each.name == LIMIT else self._slowdown,
            in_shares=compared is not self._policy,
            stratify=look.stratify,
        )

    def _limit_counted(self, block: Durations) -> float:
        """Where the limit is counted from, in the histogram's unit."""
        return block.candidate.next_bound(self._limit_bound)

    def _slowest_allowed(self, block: Durations) -> SlowestAllowed | None:
        if self._limit is None:
            return None
        return SlowestAllowed(self._limit_counted(block) / self._per_second, self._limit.share)

    def _conclusion(
        self, verdict: Verdict, state: CheckState, block: Durations, look: Look, budget: ErrorBudget
    ) -> Conclusion:
        if verdict == "Fail":
            return self._shown_worse(state, look, budget)
        if verdict == "Pass":
            return ShownBetter(budget.false_pass, look.share, look.copied)
        return self._forecast(state, block, look, budget)

    def _shown_worse(self, state: CheckState, look: Look, budget: ErrorBudget) -> ShownWorse:
        worst = _worst(state)
        n_c, n_s = state.candidate[REQUESTS], state.stable[REQUESTS]
        stable_share = pods.share_to_expect(worst, n_c, n_s)
        tolerance = self._policy_of(worst, look).tolerance
        found = pods.attributed_pods(state, worst, tolerance, stable_share)
        recent = comparison.recent_counts(state, worst.name, REQUESTS)
        return ShownWorse(budget.false_rollback, worst.name == LIMIT, found, recent)

    def _pods_to_blame(self, state: CheckState, look: Look) -> list[str]:
        worst = _worst(state)
        n_c, n_s = state.candidate[REQUESTS], state.stable[REQUESTS]
        stable_share = pods.share_to_expect(worst, n_c, n_s)
        tolerance = self._policy_of(worst, look).tolerance
        return pods.pods_to_blame(state, worst, tolerance, stable_share)

    def _forecast(
        self, state: CheckState, block: Durations, look: Look, budget: ErrorBudget
    ) -> Forecast:
        gained = partial(self._per_request, state, block.pods, look)
        return comparison.forecast(state, look, budget, gained)

    def _per_request(self, state: CheckState, serving: tuple[int, int], look: Look) -> list[Gains]:
        """What one more candidate request adds on the average."""
        n_c, n_s = state.candidate[REQUESTS], state.stable[REQUESTS]
        requests = 1.0, n_s / n_c
        usual = in_rollout(INDEPENDENT, state).over_time
        gained: list[Gains] = []
        bounds: list[Exceeding] = []
        for each in state.comparisons:
            if each.name == SHIFT:
                shift = Shift(self._policy.tolerance.offset, SHIFTED, requests, bounds)
                gained.append(Gains(*shift.gains(each), [], []))
                continue
            slow = each.candidate / n_c, each.stable / n_c
            share = expected_share(each.stable, n_s)
            scale = self._scale(each, requests, usual, serving, look)
            gained.append(scale.gains(each, *slow, share))
            if each.name != LIMIT:
                bounds.append(scale.exceeding(each, *slow, share))
        return gained


def _expected(state: CheckState, look: Look) -> Mapping[str, float]:
    """By comparison, stable's share as known before the look: by the looks so far, or by its
    history."""
    so_far = state.stable.get(REQUESTS, 0.0)
    if not so_far:
        beyond = zip(look.baseline.bounds, look.baseline.shares, strict=False)
        return {named(bound): share for bound, share in beyond}
    return {each.name: expected_next(each, so_far) for each in state.comparisons}


def _seldom(state: CheckState, look: Look, stable: ArmHistogram) -> tuple[Sequence[float], bool]:
    """The bounds that few of stable's requests take longer than, and whether some are known from
    before the look, in which stable may be slow itself."""
    hour = dict(zip(look.baseline.bounds, look.baseline.shares, strict=False))
    so_far = _in_rollout(state)
    known = [
        bound for shares in (hour, so_far) for bound, share in shares.items() if share <= SELDOM
    ]
    # the rarest share is compared, so hardly any request took longer than the next bound
    rarest = max(hour or so_far, default=math.inf)
    next_one = [bound for bound in stable.bounds if bound > rarest][:1]
    # what is known may be of a few requests, of stable's own first minute
    return [*(known or next_one), *_seldom_in(stable)], bool(known or hour)


def _in_rollout(state: CheckState) -> Mapping[float, float]:
    """Stable's shares of slower requests so far, by bound. Not those of its last look: pods would
    seem to level off whenever stable is slow."""
    if not (so_far := state.stable.get(REQUESTS, 0.0)):
        return {}
    return {
        bound_of(each): expected_share(each.stable, so_far)
        for each in _at_bounds(state)
        if each.name != LIMIT
    }


def _seldom_in(stable: ArmHistogram) -> Iterator[float]:
    """The bounds that few of stable's requests took longer than in a look, and not by chance: if
    what is far longer changed from look to look, pods would seem to level off that do not."""
    for bound in stable.bounds:
        above = stable.above(bound)
        if above is not None and _at_most(math.fsum(above.values())) <= SELDOM * stable.total:
            yield bound


def _at_most(events: float) -> float:
    """To be expected where so many were counted, within two standard deviations; 3 where none
    was, since then none comes with a probability of 5%."""
    return events + 2 * math.sqrt(events) + 3


def _worst(state: CheckState) -> Comparison:
    return max(_at_bounds(state), key=lambda each: log_sum(each.above))


def _most_different(state: CheckState) -> Comparison:
    return max(_at_bounds(state), key=lambda each: _excess(each, state))


def _at_bounds(state: CheckState) -> list[Comparison]:
    """Those of one bound each, and of the limit."""
    return [each for each in state.comparisons if each.name != SHIFT]


def _in_one_bucket(state: CheckState) -> bool:
    """Whether nothing is known of what stable's requests took but one bound."""
    compared = [each for each in _at_bounds(state) if each.name != LIMIT]
    return len(compared) <= 1 and not any(each.stable for each in compared)


def _kept(bounds: Sequence[float], block: Durations) -> list[float]:
    """Bounds that stable's history chose, if the candidate has most of them."""
    known = [bound for bound in bounds if block.knows(bound)]
    return known if 2 * len(known) > len(bounds) else []


def _without_lost_bounds(state: CheckState, block: Durations) -> CheckState:
    """Too few of them could pass a candidate by what hardly any request exceeds: where most are
    lost, all are chosen anew."""
    compared = [each for each in _at_bounds(state) if each.name != LIMIT]
    lost = [each for each in compared if not block.knows(bound_of(each))]
    if not lost:
        return state
    if 2 * len(lost) > len(compared):
        return state.replace(
            comparisons=[],
            candidate={},
            stable={},
            own_candidate={},
            own_stable={},
            pods={},
            recent={},
            dropped=comparison.dropped_with(state),
            pods_to_blame=[],
            peak=0.0,
            least=None,
            settled=0.0,
        )
    kept = [each for each in state.comparisons if each not in lost]
    return state.replace(comparisons=kept)


def _shares(stable: Sequence[ArmHistogram]) -> dict[float, float]:
    """Of all requests, those that were slower than each bound that every pod has."""
    blocks = [each for each in stable if each.total]
    total = math.fsum(each.total for each in blocks)
    common = set.intersection(*(set(each.bounds) for each in blocks))
    above = {bound: [each.above(bound) for each in blocks] for bound in common}
    return {
        bound: math.fsum(n for each in found if each for n in each.values()) / total
        for bound, found in above.items()
        if None not in found
    }


def _slower(stable: Iterable[ArmHistogram], bound: float) -> tuple[float, float]:
    """How many requests were, and of how many."""
    counts = [(math.fsum((each.above(bound) or {}).values()), each.total) for each in stable]
    return math.fsum(slow for slow, _ in counts), math.fsum(total for _, total in counts)


def _excess(each: Comparison, state: CheckState) -> float:
    return each.candidate / state.candidate[REQUESTS] - each.stable / state.stable[REQUESTS]
