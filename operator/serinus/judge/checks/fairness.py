"""fairness: the groups inside the candidate, at each rate each pair of them, in both directions.

'The first is favoured no more than r times as often as the second' says of their refusals that
the second's rate is at most 1/r of the first's, plus 1 - 1/r. Counts of what is rare tell more, so
each block is weighed by favours or by refusals: by whichever were rarer before it. A choice that
does not look at the block keeps the evidence what it is.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Self

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.fairness import EqualisedOdds, Fairness
from serinus.api.quantities import fraction
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.evidence import comparison
from serinus.judge.evidence.comparison import Gains, Policy, Scale, allowed, begun
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, log_sum
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.findings.fairness import (
    GroupRates,
    NameTooLong,
    ShownUnfair,
    TooFewGroups,
    TooManyGroups,
)
from serinus.judge.findings.finding import Figures, Finding
from serinus.judge.findings.rates import EventCount, Forecast, ShownBetter, ShownWorse
from serinus.metrics.counters import Increase
from serinus.metrics.queries import CounterQuery

MOST_GROUPS: Final = 8
"""The status has room for their pairs, at three rates."""
LONGEST_NAME: Final = 40
RULE_OF_THREE: Final = 3
"""So many more may have been due where none, or few, were seen (95%): what is small by chance in
the first minute is waited for."""

GroupCounts = Mapping[str, float]
"""By what is counted and the group: `answers: north`."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of events among a whole, in each group."""

    events: str
    whole: str

    def of(self, group: str, counts: GroupCounts) -> tuple[float, float]:
        """Events and whole of a group."""
        events, whole = (_key(what, group) for what in (self.events, self.whole))
        return counts.get(events, 0.0), counts.get(whole, 0.0)


FAVOURED: Final = Rate("favourable answers", "answers")
ODDS: Final = (Rate("true positives", "positives"), Rate("false positives", "negatives"))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups at a rate."""

    rate: Rate
    first: str
    second: str

    @property
    def groups(self) -> tuple[str, str]:
        """Both."""
        return self.first, self.second

    @property
    def name(self) -> str:
        """Of its comparison."""
        return f"{self.rate.events}: {self.first} / {self.second}"


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

    def increases(self, look: Look) -> Iterator[tuple[str, Increase]]:
        """The candidate's, each with what it counts."""
        for query, what in zip(self.queries, (FAVOURED.whole, FAVOURED.events), strict=True):
            yield from ((what, increase) for increase in look.growth(query)[0].increases)


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

    def increases(self, look: Look) -> Iterator[tuple[str, Increase]]:
        """The candidate's, each with what it counts; an outcome of another name counts nothing."""
        for increase in look.growth(self.counters)[0].increases:
            for what in self.counted.get(increase.labels.get(self.label, ""), ()):
                yield what, increase


class FairnessCheck:
    """Fail: some group is favoured above some other by more than the tolerance. Pass: each group
    that is large enough to count is shown to be within the margin of each other."""

    def __init__(self, settings: Fairness) -> None:
        self._favoured = Policy(
            NullHypothesis(settings.tolerance, fraction(settings.absolute_tolerance)),
            NullHypothesis(settings.margin, fraction(settings.absolute_margin)),
            SHIFTED,
        )
        self._refused = Policy(
            of_refusals(self._favoured.tolerance), of_refusals(self._favoured.margin), SHIFTED
        )
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
        if problem := look.unreadable(self.queries()):
            return Finding("Error", problem, state)
        before, (counts, _) = state, self._counts(look)
        if unfit := _unfit(_groups(counts) | _groups(state.candidate)):
            return Finding("Error", unfit, state)
        state = comparison.looked(before, look, lambda each: self._counted(before, each))
        budget = replace(budget, min_requests=max(budget.min_requests, self._to_see_all()))
        verdict = comparison.verdict(self._decisive(state), budget)
        missing = self._missing(state, look)
        if missing and verdict != "Fail":
            return Finding("NoData", missing, state)
        return Finding(verdict, self._figures(verdict, state, look, budget), state)

    def learn(self, _: Sequence[Look]) -> CheckBaseline:
        """Stable has no part in it."""
        return NO_HISTORY

    # what a block adds

    def _counts(self, look: Look) -> tuple[dict[str, float], set[str]]:
        """The candidate's, and the groups that were there before the block."""
        counts: dict[str, float] = defaultdict(float)
        known = set()
        for source in self._sources:
            for what, increase in source.increases(look):
                # a series without a group belongs to none
                if group := increase.labels.get(self._label):
                    counts[_key(what, group)] += increase.amount
                    if increase.known:
                        known.add(group)
        for rate in self._rates:
            counts[rate.whole] = sum(rate.of(group, counts)[1] for group in _groups(counts))
        return counts, known

    def _counted(self, state: CheckState, look: Look) -> CheckState:
        """Weights are set before the data that they weigh: a group that appears in this block is
        compared from the next one on."""
        before, (counts, known) = state.candidate, self._counts(look)
        state = self._opened(state, known)
        state = comparison.served(state, counts, {}, SHIFTED)
        pairs = {pair.name: pair for pair in self._pairs(state)}
        weighed = [
            self._weighed(each, pairs[each.name], counts, before) for each in state.comparisons
        ]
        return self._opened(comparison.weighed(state, weighed), _groups(counts))

    def _opened(self, state: CheckState, groups: set[str]) -> CheckState:
        there = {each.name for each in state.comparisons}
        names = [pair.name for pair in self._pairs_of(groups | _groups(state.candidate))]
        new = [begun(name, both_ways=True) for name in names if name not in there]
        return comparison.compare(state, new, SHIFTED, both_ways=True)

    def _weighed(
        self, known: Comparison, pair: Pair, counts: GroupCounts, before: GroupCounts
    ) -> Comparison:
        first, second = pair.rate.of(pair.first, counts), pair.rate.of(pair.second, counts)
        refusals = self._refusals_are_rarer(pair, before)
        return comparison.counted(
            known, self._gains(known, first, second, refusals), first[0], second[0]
        )

    def _refusals_are_rarer(self, pair: Pair, counts: GroupCounts) -> bool:
        both = [pair.rate.of(group, counts) for group in pair.groups]
        return sum(events for events, _ in both) > sum(whole for _, whole in both) / 2

    def _gains(
        self,
        known: Comparison,
        first: tuple[float, float],
        second: tuple[float, float],
        refusals: bool,
    ) -> Gains:
        """Of (favours, whole) per group. One group is favoured more where the other is refused
        more."""
        (favours_1, all_1), (favours_2, all_2) = first, second
        if not refusals:
            return Scale(self._favoured, all_1, all_2, both_ways=True).gains(
                known, favours_1, favours_2
            )
        refused = max(all_1 - favours_1, 0.0), max(all_2 - favours_2, 0.0)
        seen = Scale(self._refused, all_1, all_2, both_ways=True).gains(known, *refused)
        return Gains(seen.below, seen.above, seen.not_below, seen.not_above)

    # what is known

    def _pairs(self, state: CheckState) -> list[Pair]:
        return self._pairs_of(_groups(state.candidate))

    def _pairs_of(self, groups: set[str]) -> list[Pair]:
        couples = list(combinations(sorted(groups), 2))
        return [Pair(rate, *couple) for rate in self._rates for couple in couples]

    def _decisive(self, state: CheckState) -> CheckState:
        """The state with the comparisons that Pass depends on."""
        names = {pair.name for pair in self._pairs(state) if self._counts_for_pass(pair, state)}
        kept = [each for each in state.comparisons if each.name in names]
        return state.replace(comparisons=kept)

    def _counts_for_pass(self, pair: Pair, state: CheckState) -> bool:
        small = self._small(pair.rate, state.candidate)
        return pair.first not in small and pair.second not in small

    def _small(self, rate: Rate, counts: GroupCounts) -> dict[str, float]:
        """The groups that a step need not wait for, with their shares of the whole."""
        least, total = fraction(self._least_share), counts.get(rate.whole, 0.0)
        sizes = {group: rate.of(group, counts)[1] for group in sorted(_groups(counts))}
        return {g: n / total for g, n in sizes.items() if n + RULE_OF_THREE < least * total}

    def _to_see_all(self) -> int:
        """Answers after which a group that was not seen is small."""
        least = fraction(self._least_share)
        return math.ceil(RULE_OF_THREE / least) if least else 0

    def _missing(self, state: CheckState, look: Look) -> Figures | None:
        """What there is no answer without."""
        for source in self._sources:
            if problem := look.missing(source.queries[0], ("candidate",)):
                return problem
        for rate in self._rates:
            seen = self._seen(rate, state)
            if len(seen) < 2:
                return TooFewGroups(rate.whole, seen[0] if seen else None, self._label)
        return None

    def _seen(self, rate: Rate, state: CheckState) -> list[str]:
        counts = state.candidate
        return [group for group in sorted(_groups(counts)) if rate.of(group, counts)[1]]

    # the figures of it

    def _figures(
        self, verdict: Verdict, state: CheckState, look: Look, budget: ErrorBudget
    ) -> GroupRates:
        counts, pairs = comparison.counts_of(state, verdict).candidate, self._pairs(state)
        if verdict == "Fail":
            worst = _worst(state).name
            pair = next(each for each in pairs if each.name == worst)
        else:
            pair = max(pairs, key=lambda each: _apart(each, counts))
        return GroupRates(
            events=pair.rate.events,
            groups={group: EventCount(*pair.rate.of(group, counts)) for group in pair.groups},
            tolerance=allowed(self._favoured.tolerance),
            margin=allowed(self._favoured.margin),
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
    ) -> ShownUnfair | ShownBetter | Forecast:
        if verdict == "Fail":
            worst, favoured, other = _worst(state), *pair.groups
            if log_sum(worst.below) > log_sum(worst.above):
                favoured, other = other, favoured
            return ShownUnfair(favoured, other, ShownWorse(budget.false_rollback))
        if verdict == "Pass":
            return ShownBetter(budget.false_pass, look.share)
        return self._forecast(state, look, budget)

    def _forecast(self, state: CheckState, look: Look, budget: ErrorBudget) -> Forecast:
        decisive, total = self._decisive(state), max(state.candidate.values())
        return Forecast(
            comparison.requests_to_pass(decisive, self._per_request(decisive, total), budget),
            comparison.requests_to_fail(state, self._per_request(state, total), budget),
            look.per_second(state.step_requests),
        )

    def _per_request(self, state: CheckState, total: float) -> list[Gains]:
        """What one more candidate request adds to each comparison, on the average."""
        pairs, gained = {pair.name: pair for pair in self._pairs(state)}, []
        for known in state.comparisons:
            pair = pairs[known.name]
            first, second = (pair.rate.of(g, state.candidate) for g in pair.groups)
            refusals = self._refusals_are_rarer(pair, state.candidate)
            arms = [(events / total, whole / total) for events, whole in (first, second)]
            gained.append(self._gains(known, arms[0], arms[1], refusals))
        return gained


def of_refusals(favoured: NullHypothesis) -> NullHypothesis:
    """The same bound on favours, as one on the refusals of the other group."""
    ratio, offset = favoured.ratio, favoured.offset
    return NullHypothesis(1 / ratio, (ratio - 1 + offset) / ratio)


def _key(what: str, group: str) -> str:
    return f"{what}: {group}"


def _groups(counts: Iterable[str]) -> set[str]:
    return {group for _, colon, group in (key.partition(": ") for key in counts) if colon}


def _unfit(groups: set[str]) -> NameTooLong | TooManyGroups | None:
    """Why so many groups, or groups of such names, cannot be compared."""
    if too_long := next((group for group in sorted(groups) if len(group) > LONGEST_NAME), None):
        return NameTooLong(too_long, LONGEST_NAME)
    return TooManyGroups(len(groups), MOST_GROUPS) if len(groups) > MOST_GROUPS else None


def _worst(state: CheckState) -> Comparison:
    return max(state.comparisons, key=lambda each: log_sum((*each.above, *each.below)))


def _apart(pair: Pair, counts: GroupCounts) -> float:
    """How far apart the rates are; below all others where one is not known."""
    (events_1, all_1), (events_2, all_2) = (pair.rate.of(g, counts) for g in pair.groups)
    return abs(events_1 / all_1 - events_2 / all_2) if all_1 and all_2 else -1.0
