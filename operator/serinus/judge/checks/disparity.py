"""Two groups at a rate, compared within the candidate, or with how stable treats them.

'The first is favoured no more than r times as often as the second' says of their refusals that
the second's rate is at most 1/r of the first's, plus 1 - 1/r. Counts of what is rare tell more, so
each block is weighed by favours or by refusals: by whichever were rarer before it. A choice that
does not look at the block keeps the evidence what it is.

With stable, odds are compared instead of rates: whatever the rates are and however they change,
evidence about the ratio of two odds ratios is valid, and none is known about that of rates.

Both together ask whether it is unfair and stable is not: evidence against either is at most that
against each, and evidence for one of them is the average of both.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serinus.api.status import Comparison
from serinus.judge.evidence.comparison import Gains, Policy, Scale
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, better, log_sum
from serinus.judge.evidence.odds_ratio import Block, Counted, PairCounts

GroupCounts = Mapping[str, float]
"""By what is counted and the group: `answers: north`."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of events among a whole, in each group."""

    events: str
    whole: str

    def of(self, group: str, counts: GroupCounts) -> Counted:
        """Events and whole of a group."""
        events, whole = (key(what, group) for what in (self.events, self.whole))
        return counts.get(events, 0.0), counts.get(whole, 0.0)


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

    def of(self, counts: GroupCounts) -> tuple[Counted, Counted]:
        """Events and whole of both."""
        return self.rate.of(self.first, counts), self.rate.of(self.second, counts)


class Arms(NamedTuple):
    """Counts of candidate and stable."""

    candidate: GroupCounts
    stable: GroupCounts

    @property
    def any(self) -> bool:
        """Whether anything was counted."""
        return any(self.candidate.values()) or any(self.stable.values())

    def of(self, pair: Pair) -> PairCounts:
        """Of a pair."""
        return PairCounts(pair.of(self.candidate), pair.of(self.stable))


class Disparity(Protocol):
    """How two groups are compared."""

    suffix: str
    """Of the names of its comparisons."""

    def gains(self, known: Comparison, block: PairCounts, before: PairCounts) -> Gains:
        """What a block adds to the evidence about a pair, after what was counted before it."""
        ...

    def per_request(self, known: Comparison, counted: PairCounts, requests: float) -> Gains:
        """What one more candidate request adds on the average, after so many."""
        ...


class WithinCandidate:
    """How many times as often one group is favoured as another."""

    suffix = ""

    def __init__(self, tolerance: NullHypothesis, margin: NullHypothesis) -> None:
        self._favoured = Policy(tolerance, margin, SHIFTED)
        self._refused = Policy(of_refusals(tolerance), of_refusals(margin), SHIFTED)

    def gains(self, known: Comparison, block: PairCounts, before: PairCounts) -> Gains:
        return self._gains(known, block.candidate, _refusals_are_rarer(before.candidate))

    def per_request(self, known: Comparison, counted: PairCounts, requests: float) -> Gains:
        first, second = ((n / requests, whole / requests) for n, whole in counted.candidate)
        return self._gains(known, (first, second), _refusals_are_rarer(counted.candidate))

    def _gains(self, known: Comparison, groups: tuple[Counted, Counted], refusals: bool) -> Gains:
        """One group is favoured more where the other is refused more."""
        (favours_1, all_1), (favours_2, all_2) = groups
        if not refusals:
            return Scale(self._favoured, all_1, all_2, both_ways=True).gains(
                known, favours_1, favours_2
            )
        refused = max(all_1 - favours_1, 0.0), max(all_2 - favours_2, 0.0)
        seen = Scale(self._refused, all_1, all_2, both_ways=True).gains(known, *refused)
        return Gains(seen.below, seen.above, seen.not_below, seen.not_above)


class AgainstStable:
    """How many times stable's odds ratio of two groups the candidate's is."""

    suffix = ", against stable"

    def __init__(self, tolerance: float, margin: float) -> None:
        self._tolerance, self._margin = tolerance, margin
        self._worse = [tolerance * times for times, _ in SHIFTED]
        self._better = [margin * times for times, _ in better(NullHypothesis(margin, 0.0))]

    def gains(self, known: Comparison, block: PairCounts, before: PairCounts) -> Gains:
        return self._gains(block)

    def per_request(self, known: Comparison, counted: PairCounts, requests: float) -> Gains:
        return self._gains(counted).divided(requests)

    def _gains(self, rates: PairCounts) -> Gains:
        block = Block(rates)
        return Gains(
            block.log_ratios(self._tolerance, self._worse),
            block.log_ratios(1 / self._tolerance, [1 / each for each in self._worse]),
            block.log_ratios(self._margin, self._better),
            block.log_ratios(1 / self._margin, [1 / each for each in self._better]),
        )


def together(each: Sequence[Comparison]) -> Comparison:
    """The comparisons of a pair as one: against the candidate the least evidence counts, and for it
    the average. Each has an equal part of the weight of all."""
    more = math.log(len(each))
    above = min((one.above for one in each), key=log_sum)
    below = min((one.below for one in each), key=log_sum)
    return each[0].replace(
        above=[e + more for e in above],
        below=[e + more for e in below],
        not_above=[e - more for one in each for e in one.not_above],
        not_below=[e - more for one in each for e in one.not_below],
    )


def gained_together(each: Sequence[Comparison], gained: Sequence[Gains]) -> Gains:
    """What the comparisons of a pair gain as one; those whose evidence is least."""
    above = min(zip(each, gained, strict=True), key=lambda one: log_sum(one[0].above))[1].above
    below = min(zip(each, gained, strict=True), key=lambda one: log_sum(one[0].below))[1].below
    not_above = [gain for one in gained for gain in one.not_above]
    return Gains(above, below, not_above, [gain for one in gained for gain in one.not_below])


def of_refusals(favoured: NullHypothesis) -> NullHypothesis:
    """The same bound on favours, as one on the refusals of the other group."""
    ratio, offset = favoured.ratio, favoured.offset
    return NullHypothesis(1 / ratio, (ratio - 1 + offset) / ratio)


def key(what: str, group: str) -> str:
    """Of a count of a group."""
    return f"{what}: {group}"


def groups_of(counts: Iterable[str]) -> set[str]:
    """All groups that have such keys."""
    return {group for _, colon, group in (each.partition(": ") for each in counts) if colon}


def _refusals_are_rarer(groups: tuple[Counted, Counted]) -> bool:
    return sum(events for events, _ in groups) > sum(whole for _, whole in groups) / 2
