"""fairness: the groups, at each rate each pair of them, in both directions."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Final, Self, TypeVar

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.fairness import EqualisedOdds, Fairness
from serinus.api.quantities import fraction
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.checks.disparity import (
    AgainstStable,
    Arms,
    Disparity,
    GroupCounts,
    Pair,
    Rate,
    WithinCandidate,
    gained_together,
    groups_of,
    key,
    together,
)
from serinus.judge.evidence import comparison
from serinus.judge.evidence.comparison import Gains, allowed, begun
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, log_sum
from serinus.judge.evidence.look import ENOUGH_EXPECTED, ErrorBudget, Look
from serinus.judge.evidence.matchers import labelled_nowhere
from serinus.judge.evidence.odds_ratio import Counted, PairCounts
from serinus.judge.findings.fairness import (
    GroupRates,
    NameTooLong,
    OneLargeGroup,
    ShownUnfair,
    TooFewGroups,
    TooManyGroups,
)
from serinus.judge.findings.finding import Figures, Finding, Later
from serinus.judge.findings.matchers import LabelNowhere
from serinus.judge.findings.rates import EventCount, Forecast, ShownBetter, ShownWorse
from serinus.metrics.counters import Increase
from serinus.metrics.queries import CounterQuery

T = TypeVar("T")

CANDIDATE_AND_STABLE: Final = ("candidate", "stable")
MOST_GROUPS: Final = 8
"""The status has room for their pairs, at three rates."""
LONGEST_GROUP: Final = 40
RULE_OF_THREE: Final = 3
"""So many more may have been due where none, or few, were seen (95%): what is small by chance in
the first minute is waited for."""

FAVOURED: Final = Rate("favourable answers", "answers")
ODDS: Final = (Rate("true positives", "positives"), Rate("false positives", "negatives"))


@dataclass(frozen=True, slots=True)
class FavourableAnswers:
    """How often each group is answered favourably."""

    whole: CounterQuery
    favourable: CounterQuery

    @property
    def queries(self) -> tuple[CounterQuery, ...]:
        return self.whole, self.favourable

    @property
    def rates(self) -> tuple[Rate, ...]:
        return (FAVOURED,)

    def increases(self, look: Look, arm: int) -> Iterator[tuple[str, Increase]]:
        """Of an arm, each with what it counts."""
        for query, what in zip(self.queries, (FAVOURED.whole, FAVOURED.events), strict=True):
            yield from ((what, increase) for increase in look.growth(query)[arm].increases)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How often those who should have been favoured were, and those who should not."""

    counters: CounterQuery
    label: str
    counted: Mapping[str, tuple[str, ...]]
    """What each outcome counts."""

    @classmethod
    def of(cls, odds: EqualisedOdds) -> Self:
        """From the settings."""
        right, wrong = ODDS
        counted = {
            odds.true_positive: (right.whole, right.events),
            odds.false_negative: (right.whole,),
            odds.false_positive: (wrong.whole, wrong.events),
            odds.true_negative: (wrong.whole,),
        }
        matchers = tuple(odds.outcomes.matchers)
        return cls(CounterQuery(odds.outcomes.metric, matchers), odds.outcome_label, counted)

    @property
    def queries(self) -> tuple[CounterQuery, ...]:
        return (self.counters,)

    @property
    def rates(self) -> tuple[Rate, ...]:
        return ODDS

    def increases(self, look: Look, arm: int) -> Iterator[tuple[str, Increase]]:
        """Of an arm, each with what it counts; an outcome of another name counts nothing."""
        for increase in look.growth(self.counters)[arm].increases:
            for what in self.counted.get(increase.labels.get(self.label, ""), ()):
                yield what, increase


class FairnessCheck:
    """Fail: some group is favoured above some other by more than the tolerance. Pass: each group
    that is large enough to count is shown to be within the margin of each other."""

    def __init__(self, settings: Fairness) -> None:
        self._tolerance = NullHypothesis(settings.tolerance, fraction(settings.absolute_tolerance))
        self._margin = NullHypothesis(settings.margin, fraction(settings.absolute_margin))
        self._disparities: list[Disparity] = [WithinCandidate(self._tolerance, self._margin)]
        if settings.compares_with_stable:
            self._disparities.append(AgainstStable(settings.tolerance, settings.margin))
        self._arms = CANDIDATE_AND_STABLE if settings.compares_with_stable else ("candidate",)
        self._label, self._least_share = settings.group_label, settings.min_group_share
        self._sources: list[FavourableAnswers | Outcomes] = []
        if settings.favourable is not None:
            metric, matchers = settings.predictions.metric, tuple(settings.predictions.matchers)
            favourable = CounterQuery(metric, (*matchers, *settings.favourable), part=True)
            self._sources.append(FavourableAnswers(CounterQuery(metric, matchers), favourable))
        if settings.equalised_odds is not None:
            self._sources.append(Outcomes.of(settings.equalised_odds))
        self._rates = tuple(rate for source in self._sources for rate in source.rates)

    def queries(self) -> tuple[CounterQuery, ...]:
        """The answers, those that are favourable, and the outcomes; as far as they are set."""
        return tuple(query for source in self._sources for query in source.queries)

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """What is known, and what a look adds -> the verdict, and what is known then."""
        if problem := look.unreadable(self.queries(), self._arms):
            return Finding("Error", problem, state)
        known, counts = self._counts(look)
        if unfit := _unfit(groups_of(counts.candidate) | groups_of(state.candidate)):
            return Finding("Error", unfit, state)
        before = state

        def counted(each: Look) -> CheckState:
            return self._counted(before, *((known, counts) if each is look else self._counts(each)))

        state = comparison.looked(before, look, counted)
        budget = replace(budget, min_requests=max(budget.min_requests, self._to_see_all()))
        verdict = self._verdict(state, budget)
        if verdict != "Fail":
            if wrong := self._unlabelled(look):
                return Finding("Error", wrong, state)
            if missing := self._missing(state, look):
                return Finding("NoData", missing, state)
        figures = Later(partial(self._figures, verdict, state, look, budget))
        return Finding(verdict, figures, state)

    def _verdict(self, state: CheckState, budget: ErrorBudget) -> Verdict:
        """Where all groups but one are small, a step has nothing to wait for but answers."""
        found = comparison.verdict(self._decisive(state), budget)
        enough = state.own_requests >= budget.min_requests
        passes = found == "Inconclusive" and enough and self._all_but_one_are_small(state)
        return "Pass" if passes else found

    def learn(self, _: Sequence[Look]) -> CheckBaseline:
        """Answers are taken for independent."""
        return NO_HISTORY

    def decided_by(self, state: CheckState) -> CheckState:
        """The state with one comparison for each pair, by which verdicts are made."""
        pairs = zip(*self._by_comparison(state.comparisons), strict=True)
        return state.replace(comparisons=[together(each) for each in pairs])

    # what a block adds

    def _counts(self, look: Look) -> tuple[set[str], Arms]:
        """The candidate's groups that were there before the block, and what was counted in it."""
        known: set[str] = set()
        candidate, stable = defaultdict[str, float](float), defaultdict[str, float](float)
        for arm, counts in enumerate((candidate, stable)[: len(self._arms)]):
            for source in self._sources:
                for what, increase in source.increases(look, arm):
                    # a series without a group belongs to none
                    if group := increase.labels.get(self._label):
                        counts[key(what, group)] += increase.amount
                        if increase.known and arm == 0:
                            known.add(group)
            for rate in self._rates:
                counts[rate.whole] = sum(rate.of(g, counts)[1] for g in groups_of(counts))
        return known, Arms(candidate, stable)

    def _counted(self, state: CheckState, known: set[str], counts: Arms) -> CheckState:
        """Weights are set before the data that they weigh: a group that appears in this block is
        compared from the next one on."""
        before = _counted_so_far(state)
        state = self._opened(state, known)
        if not counts.any:
            # its groups stay known, should their series go before anything is counted
            return state.replace(candidate={**counts.candidate, **state.candidate})
        of_candidate = groups_of(state.candidate) | groups_of(counts.candidate)
        stable = _of_groups(counts.stable, of_candidate)
        state = comparison.served(state, counts.candidate, stable, SHIFTED)
        weighed = [
            self._weighed(known, disparity, counts.of(pair), before.of(pair))
            for known, pair, disparity in self._compared(state)
        ]
        after = state.replace(comparisons=weighed)
        peak = comparison.weighed(state, self.decided_by(after).comparisons).peak
        found = comparison.confirmed(after.replace(peak=peak))
        return self._opened(found, groups_of(counts.candidate))

    def _weighed(
        self, known: Comparison, disparity: Disparity, block: PairCounts, before: PairCounts
    ) -> Comparison:
        gained = disparity.gains(known, block, before)
        (first, _), (second, _) = block.candidate
        return comparison.counted(known, gained, first, second)

    def _opened(self, state: CheckState, groups: set[str]) -> CheckState:
        there = {each.name for each in state.comparisons}
        pairs = self._pairs_of(groups | groups_of(state.candidate))
        names = [pair.name + each.suffix for pair in pairs for each in self._disparities]
        new = [begun(name, both_ways=True) for name in names if name not in there]
        return comparison.compare(state, new, SHIFTED, both_ways=True)

    # what is known

    def _pairs(self, state: CheckState) -> list[Pair]:
        return self._pairs_of(groups_of(state.candidate))

    def _pairs_of(self, groups: set[str]) -> list[Pair]:
        couples = list(combinations(sorted(groups), 2))
        return [Pair(rate, *couple) for rate in self._rates for couple in couples]

    def _compared(self, state: CheckState) -> Iterator[tuple[Comparison, Pair, Disparity]]:
        """Each comparison, with what it compares and how."""
        of = {
            pair.name + each.suffix: (pair, each)
            for pair in self._pairs(state)
            for each in self._disparities
        }
        yield from ((known, *of[known.name]) for known in state.comparisons)

    def _by_comparison(self, of_comparisons: Sequence[T]) -> list[Sequence[T]]:
        """By kind of comparison, what belongs to each pair, whose comparisons follow each other."""
        kinds = len(self._disparities)
        return [of_comparisons[kind::kinds] for kind in range(kinds)]

    def _decisive(self, state: CheckState) -> CheckState:
        """The state with the comparisons that Pass depends on, one for each pair."""
        state = self.decided_by(state)
        names = {pair.name for pair in self._pairs(state) if self._counts_for_pass(pair, state)}
        kept = [each for each in state.comparisons if each.name in names]
        return state.replace(comparisons=kept)

    def _counts_for_pass(self, pair: Pair, state: CheckState) -> bool:
        small = self._small(pair.rate, state.candidate)
        return pair.first not in small and pair.second not in small

    def _all_but_one_are_small(self, state: CheckState) -> bool:
        return bool(state.comparisons) and not self._decisive(state).comparisons

    def _small(self, rate: Rate, counts: GroupCounts) -> dict[str, float]:
        """The groups that a step need not wait for, with their shares of the whole."""
        least, total = fraction(self._least_share), counts.get(rate.whole, 0.0)
        sizes = {group: rate.of(group, counts)[1] for group in sorted(groups_of(counts))}
        return {g: n / total for g, n in sizes.items() if n + RULE_OF_THREE < least * total}

    def _to_see_all(self) -> int:
        """Answers after which a group that was not seen is small."""
        least = fraction(self._least_share)
        return math.ceil(RULE_OF_THREE / least) if least else 0

    def _unlabelled(self, look: Look) -> LabelNowhere | None:
        """Whether what an arm counts has no groups. Stable's is told first: where only the
        candidate's has none, that is what has changed."""
        for source in self._sources:
            counters = source.queries[0]
            counted = dict(zip(CANDIDATE_AND_STABLE, look.growth(counters), strict=True))
            for arm in reversed(self._arms):
                wrong = labelled_nowhere(
                    counters, arm, counted[arm], self._label, "fairness.groupLabel"
                )
                if wrong and counted[arm].so_far >= ENOUGH_EXPECTED:
                    return wrong
        return None

    def _missing(self, state: CheckState, look: Look) -> Figures | None:
        """What there is no answer without."""
        for source in self._sources:
            if problem := look.missing(source.queries[0], self._arms):
                return problem
        for arm, counts in zip(self._arms, _counted_so_far(state), strict=False):
            groups = {group for rate in self._rates for group in _seen(rate, counts)}
            for rate in self._rates:
                seen, small = _seen(rate, counts), self._small(rate, state.candidate)
                if len(groups) < 2 or (len(seen) < 2 and not groups - set(seen) <= set(small)):
                    return TooFewGroups(arm, rate.whole, seen[0] if seen else None, self._label)
        return None

    # the figures of it

    def _figures(
        self, verdict: Verdict, state: CheckState, look: Look, budget: ErrorBudget
    ) -> GroupRates:
        counted = _counted_so_far(comparison.counts_of(state, verdict))
        pairs = self._pairs(state)
        if verdict == "Fail":
            worst = _worst(self.decided_by(state)).name
            pair = next(each for each in pairs if each.name == worst)
        else:
            pair = max(pairs, key=lambda each: self._apart(counted.of(each)))
        return GroupRates(
            events=pair.rate.events,
            groups=_event_counts(pair, counted.candidate),
            stable=_event_counts(pair, counted.stable),
            tolerance=allowed(self._tolerance),
            margin=allowed(self._margin),
            conclusion=self._conclusion(verdict, pair, state, look, budget),
            small={
                group: share
                for rate in self._rates
                for group, share in self._small(rate, state.candidate).items()
            },
            least_share=self._least_share,
        )

    def _conclusion(
        self, verdict: Verdict, pair: Pair, state: CheckState, look: Look, budget: ErrorBudget
    ) -> ShownUnfair | ShownBetter | OneLargeGroup | Forecast:
        if verdict == "Fail":
            worst, favoured, other = _worst(self.decided_by(state)), *pair.groups
            if log_sum(worst.below) > log_sum(worst.above):
                favoured, other = other, favoured
            recent = comparison.recent_of(state)
            counts = _event_counts(pair, recent.candidate) if recent else {}
            return ShownUnfair(favoured, other, ShownWorse(budget.false_rollback), counts)
        if verdict == "Pass":
            if self._all_but_one_are_small(state):
                return OneLargeGroup()
            return ShownBetter(budget.false_pass, look.share, look.copied)
        return self._forecast(state, look, budget)

    def _forecast(self, state: CheckState, look: Look, budget: ErrorBudget) -> Forecast:
        decisive, gained = self._decisive(state), self._per_request(state)
        of_decisive = [gained[each.name] for each in decisive.comparisons]
        to_pass = comparison.requests_to_pass(decisive, of_decisive, budget)
        if self._all_but_one_are_small(state):
            to_pass = budget.min_requests - state.own_requests
        return Forecast(
            to_pass,
            comparison.requests_to_fail(self.decided_by(state), gained.values(), budget),
            look.per_second(state.step_requests),
        )

    def _per_request(self, state: CheckState) -> dict[str, Gains]:
        """What one more candidate request adds for each pair, on the average."""
        counted, total = _counted_so_far(state), max(state.candidate.values())
        gained = [
            disparity.per_request(known, counted.of(pair), total)
            for known, pair, disparity in self._compared(state)
        ]
        known = zip(*self._by_comparison(state.comparisons), strict=True)
        pairs = zip(known, zip(*self._by_comparison(gained), strict=True), strict=True)
        return {each[0].name: gained_together(each, gains) for each, gains in pairs}

    def _apart(self, counted: PairCounts) -> float:
        """How far apart the rates are; below all others where one is not known."""
        compared = counted[: len(self._arms)]
        if not all(whole for arm in compared for _, whole in arm):
            return -1.0
        first, *others = map(_difference, compared)
        return abs(first - sum(others))


def _difference(groups: tuple[Counted, Counted]) -> float:
    (events_1, all_1), (events_2, all_2) = groups
    return events_1 / all_1 - events_2 / all_2


def _counted_so_far(state: CheckState) -> Arms:
    return Arms(state.candidate, state.stable)


def _of_groups(counts: GroupCounts, groups: set[str]) -> GroupCounts:
    """The counts of these groups alone."""
    return {name: n for name, n in counts.items() if not groups_of([name]) - groups}


def _seen(rate: Rate, counts: GroupCounts) -> list[str]:
    return [group for group in sorted(groups_of(counts)) if rate.of(group, counts)[1]]


def _event_counts(pair: Pair, counts: GroupCounts) -> dict[str, EventCount]:
    """Of the groups that have answers."""
    both = zip(pair.groups, pair.of(counts), strict=True)
    return {group: EventCount(*counted) for group, counted in both if counted[1]}


def _unfit(groups: set[str]) -> NameTooLong | TooManyGroups | None:
    """Why so many groups, or groups of such names, cannot be compared."""
    if too_long := next((group for group in sorted(groups) if len(group) > LONGEST_GROUP), None):
        return NameTooLong(too_long, LONGEST_GROUP)
    return TooManyGroups(len(groups), MOST_GROUPS) if len(groups) > MOST_GROUPS else None


def _worst(state: CheckState) -> Comparison:
    return max(state.comparisons, key=lambda each: log_sum((*each.above, *each.below)))
