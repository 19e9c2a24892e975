"""The share of bad events among a whole, against stable's and against a fixed limit."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from serinus.api.baseline import CheckBaseline, Dispersion
from serinus.api.checks import Backend, Counter, LabelMatcher
from serinus.api.quantities import fraction
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.evidence import comparison, pods, stable_pods
from serinus.judge.evidence.comparison import (
    Gains,
    Policy,
    Scale,
    allowed,
    among_pods,
    begun,
    in_rollout,
    variation,
)
from serinus.judge.evidence.dispersion import ArmBlock, Counts, dispersion, estimated
from serinus.judge.evidence.history import served
from serinus.judge.evidence.kernel import WORSE, NullHypothesis, log_sum
from serinus.judge.evidence.look import ByPod, ErrorBudget, Look, Served
from serinus.judge.findings.event_share import EventShares, Nouns, StablePodDiffers
from serinus.judge.findings.finding import Finding, Later
from serinus.judge.findings.rates import Conclusion, EventCount, Forecast, ShownBetter, ShownWorse
from serinus.metrics.counters import Growth
from serinus.metrics.events import EventQueries, unsuccessful
from serinus.metrics.queries import CounterQuery
from serinus.metrics.strata import BothArms, Stratum, divided

LIMIT = "limit"
_UNANSWERED = "unanswered"
"""Requests that have not succeeded, less those that were counted as events."""


class Bounds(Protocol):
    """The settings that such a check has."""

    @property
    def tolerance(self) -> float: ...
    @property
    def absolute_tolerance(self) -> str: ...
    @property
    def margin(self) -> float: ...
    @property
    def absolute_margin(self) -> str: ...
    @property
    def limit(self) -> str | None: ...


class EventShare:
    """Candidate against stable; the limit is a second hypothesis that shares the budget."""

    def __init__(
        self,
        bounds: Bounds,
        whole: Counter,
        events: list[LabelMatcher],
        nouns: Nouns,
        beside: str | None = None,
        successes: str | None = None,
        backend: Backend | None = None,
    ) -> None:
        asked = EventQueries.of(whole, events, beside, successes, backend)
        self._whole, self._outcome, self._rest = asked.whole, asked.outcome, asked.rest
        self._nouns = nouns
        self._policies = {nouns.events: _against_stable(bounds)}
        self._limit = bounds.limit
        if bounds.limit is not None:
            limit = NullHypothesis(0.0, fraction(bounds.limit))
            self._policies[LIMIT] = Policy(limit, limit)

    def queries(self) -> tuple[CounterQuery, ...]:
        """Both counters."""
        return self._whole, self._outcome

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """What is known, and what a look adds -> the verdict, and what is known then."""
        if problem := look.unreadable(self.queries()):
            return Finding("Error", problem, state)
        if self._rest and (unknown := look.missing(self._outcome, ("stable",))):
            # without successes of stable's, every request of both would count as an event
            return Finding("NoData", look.missing(self._whole) or unknown, state)
        before = self.opened(state)
        state = comparison.looked(before, look, lambda each: self._counted(before, each, budget))
        verdict = comparison.verdict(state, budget)
        if verdict == "Fail":
            state = state.replace(pods_to_blame=self._pods_to_blame(state))
        missing = look.missing(self._whole)
        if missing and verdict != "Fail":
            return Finding("NoData", missing, state)
        figures = Later(partial(self._figures, verdict, state, look, budget))
        return Finding(verdict, figures, state)

    def served_by_pod(self, state: CheckState, look: Look) -> ByPod:
        """The candidate's events by pod."""
        whole, events = look.growth(self._whole)[0], look.growth(self._outcome)[0]
        outcome = pods.by_target(events)
        counted = {
            target: (n, self._events(n, outcome.get(target, 0.0)))
            for target, n in pods.by_target(whole).items()
        }
        events_s, n_s = sum(each.stable for each in state.comparisons[:1]), self._totals(state)[1]
        share = events_s / n_s if n_s else 0.0
        return ByPod(
            requests=whole,
            counted=counted,
            of_stable=share,
            bad="failed",
            costly=True,
            alternatives=WORSE,
            known=look.baseline.warm_up is not None,
            missing=look.missing(self._whole),
        )

    def learn(self, history: Sequence[Look]) -> CheckBaseline:
        """How stable's events varied."""
        blocks = [
            {pod: (n, self._events(n, outcome)) for pod, (n, outcome) in block.items()}
            for block in served(history, self._whole, self._outcome)
        ]
        return estimated([dispersion(self._nouns.events, blocks)])

    def within(self, look: Look) -> Mapping[Stratum, Mapping[str, Counts]]:
        """Stable's events in each stratum."""
        strata = divided(look.stratify, [look.growth(each) for each in self.queries()])
        return {
            stratum: {self._nouns.events: (n.total, self._events(n.total, outcome.total))}
            for stratum, ((_, n), (_, outcome)) in strata.items()
        }

    @property
    def counts_late(self) -> bool:
        """A request that has not succeeded yet may be under way."""
        return self._rest

    def counted(self, arm: Served) -> tuple[float, float]:
        """All events of the arm as a whole, and the bad ones among them."""
        whole, outcome = (arm.get(each, Growth()).total for each in self.queries())
        return whole, self._events(whole, outcome)

    def worsened(self, arm: Served, times: float) -> Served:
        """With so many times as many events, or as many fewer successes, of the arm as a whole: not
        every target that counts requests counts successes."""
        outcome = arm.get(self._outcome, Growth())
        whole, bad = self.counted(arm)
        events = min(times * bad, whole)
        counted = whole - events if self._rest else events
        changed = counted / outcome.total if outcome.total else 1.0
        return {**arm, self._outcome: outcome.with_amounts(lambda each: changed * each.amount)}

    def opened(self, state: CheckState) -> CheckState:
        """The state with its comparisons, which the first block to count needs."""
        if state.comparisons:
            return state
        return comparison.compare(state, [begun(name) for name in self._policies], WORSE)

    def _counted(self, state: CheckState, look: Look, budget: ErrorBudget) -> CheckState:
        whole, events = look.growth(self._whole), look.growth(self._outcome)
        n_c, n_s = _sums(whole)
        key = self._nouns.whole
        # before what is unanswered, which would look like requests of an earlier step
        if n_c + n_s:
            state = comparison.served(state, {key: n_c}, {key: n_s}, WORSE)
        if self._rest:
            failed, state = self._unsuccessful(state, whole, events)
            blocks = [((n_c, n_s), failed)]
            bad, bad_s = map(_shared, failed, whole, events)
        else:
            blocks = [(_sums(n), _sums(e)) for n, e in look.strata(whole, events)]
            bad, bad_s = map(pods.by_target, events)
        if not n_c + n_s:
            return state
        state = pods.with_requests(state, pods.by_target(whole[0]))
        enough = math.inf if look.copied else comparison.ceiling(state, budget)
        plain = weighed = list(state.comparisons)
        varied = self._varied(state, look)
        for requests, counted in blocks:
            scales = self._scales(state.comparisons, requests, varied, look)
            plain = [s.weigh(e, *counted) for s, e in zip(scales, plain, strict=True)]
            weighed = [s.weigh(e, *counted, enough) for s, e in zip(scales, weighed, strict=True)]
        variance = varied.over_time
        own, block = (
            ArmBlock(n, math.fsum(counted[arm] for _, counted in blocks), variance)
            for arm, n in enumerate((n_c, n_s))
        )
        strata = blocks if look.stratify else ()
        found = [pods.with_events(each, bad, state, strata) for each in weighed]
        many = len(found)
        state = comparison.weighed_by_arm(
            state, found, plain, [block] * many, budget, [own] * many, look.at
        )
        if look.stratify and not look.chosen:  # pods of stable may get other mixes by intent
            return state
        by_pod, margin = (
            stable_pods.by_pod(whole[1], bad_s),
            self._policies[self._nouns.events].margin,
        )
        return stable_pods.weighed(state, margin, by_pod, variance, look.at, look.since)

    def _unsuccessful(
        self, state: CheckState, whole: tuple[Growth, Growth], good: tuple[Growth, Growth]
    ) -> tuple[tuple[float, float], CheckState]:
        """What a block adds to the events of each arm, and the state with what is unanswered."""
        (events, rest), (events_s, rest_s) = (
            unsuccessful(before.get(_UNANSWERED, 0.0), n.total, ok.total)
            for before, n, ok in zip((state.candidate, state.stable), whole, good, strict=True)
        )
        return (events, events_s), state.replace(
            candidate={**state.candidate, _UNANSWERED: rest},
            stable={**state.stable, _UNANSWERED: rest_s},
        )

    def _events(self, whole: float, outcome: float) -> float:
        """How many of the whole are events; of successes, those that are under way as well."""
        return max(whole - outcome, 0.0) if self._rest else outcome

    def _varied(self, state: CheckState, look: Look) -> Dispersion:
        return in_rollout(look.baseline.of(self._nouns.events), state)

    def _scales(
        self,
        comparisons: Iterable[Comparison],
        requests: tuple[float, float],
        varied: Dispersion,
        look: Look,
    ) -> list[Scale]:
        serving = look.pods(self._whole)
        return [
            Scale(self._policies[each.name], *requests, varied, serving) for each in comparisons
        ]

    def _figures(
        self, verdict: Verdict, state: CheckState, look: Look, budget: ErrorBudget
    ) -> EventShares:
        shown = comparison.counts_of(state, verdict)
        n_c, n_s = self._totals(shown)
        events, policy = shown.comparisons[0], self._policies[self._nouns.events]
        varied, hour = self._varied(state, look), look.baseline.of(self._nouns.events)
        there = look.pods_there(self._whole)
        return EventShares(
            nouns=self._nouns,
            candidate=EventCount(events.candidate, n_c),
            stable=EventCount(events.stable, n_s),
            tolerance=allowed(among_pods(policy.tolerance, varied, there)),
            margin=allowed(policy.margin),
            limit=self._limit,
            conclusion=self._conclusion(verdict, state, look, budget),
            variation=variation(events.name, events, policy.tolerance, hour, state, there),
            stratify=look.stratify,
            differing=tuple(self._differing(state)),
        )

    def _differing(self, state: CheckState) -> Iterator[StablePodDiffers]:
        margin = allowed(self._policies[self._nouns.events].margin)
        for each in stable_pods.suspects(state):
            own = EventCount(each.events, each.requests)
            others = EventCount(each.other_events, each.other_requests)
            since = stable_pods.recent_of(each)
            recent = since and (EventCount(*since[0][::-1]), EventCount(*since[1][::-1]))
            yield StablePodDiffers(
                each.name, self._nouns.events, own, others, margin, each.differs, recent
            )

    def _conclusion(
        self, verdict: Verdict, state: CheckState, look: Look, budget: ErrorBudget
    ) -> Conclusion | None:
        if verdict == "Fail":
            return self._shown_worse(state, budget)
        if verdict == "Pass":
            return ShownBetter(budget.false_pass, look.share, look.copied)
        return self._forecast(state, look, budget) if all(self._totals(state)) else None

    def _shown_worse(self, state: CheckState, budget: ErrorBudget) -> ShownWorse:
        worst, tolerance, stable_share = self._worst(state)
        found = pods.attributed_pods(state, worst, tolerance, stable_share)
        recent = comparison.recent_counts(state, worst.name, self._nouns.whole)
        return ShownWorse(budget.false_rollback, worst.name == LIMIT, found, recent)

    def _pods_to_blame(self, state: CheckState) -> list[str]:
        return pods.pods_to_blame(state, *self._worst(state))

    def _worst(self, state: CheckState) -> tuple[Comparison, NullHypothesis, float]:
        """The comparison with the clearest evidence, what is tolerated of it, and stable's share
        of events."""
        worst = max(state.comparisons, key=lambda each: log_sum(each.above))
        share = pods.share_to_expect(state.comparisons[0], *self._totals(state))
        return worst, self._policies[worst.name].tolerance, share

    def _forecast(self, state: CheckState, look: Look, budget: ErrorBudget) -> Forecast:
        gained = partial(self._per_request, state, look)
        return comparison.forecast(state, look, budget, gained, self._nouns.whole)

    def _per_request(self, state: CheckState, look: Look) -> list[Gains]:
        """What one more candidate request adds on the average."""
        recent = comparison.since_dropped(state)
        n_c, n_s = self._totals(recent)
        scales = self._scales(recent.comparisons, (1.0, n_s / n_c), self._varied(state, look), look)
        return [
            scale.gains(each, each.candidate / n_c, each.stable / n_c)
            for scale, each in zip(scales, recent.comparisons, strict=True)
        ]

    def _totals(self, state: CheckState) -> tuple[float, float]:
        """Counted so far, of candidate and stable."""
        key = self._nouns.whole
        return state.candidate.get(key, 0.0), state.stable.get(key, 0.0)


def _sums(arms: BothArms) -> tuple[float, float]:
    return arms[0].total, arms[1].total


def _shared(events: float, whole: Growth, good: Growth) -> dict[str, float]:
    """The events by target, in the shares of what did not succeed in this block."""
    succeeded = pods.by_target(good)
    rest = {
        target: max(n - succeeded.get(target, 0.0), 0.0)
        for target, n in pods.by_target(whole).items()
    }
    total = sum(rest.values())
    return {target: events * n / total for target, n in rest.items()} if total else {}


def _against_stable(bounds: Bounds) -> Policy:
    return Policy(
        NullHypothesis(bounds.tolerance, fraction(bounds.absolute_tolerance)),
        NullHypothesis(bounds.margin, fraction(bounds.absolute_margin)),
    )
