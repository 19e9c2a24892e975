"""How much more a quantity varied than independent requests do: over time, and between pods.

Both from counts by pod and minute, without a model of either: Pearson's statistic, which compares
events with those expected, against what chance explains of it (McCullagh and Nelder, Generalized
Linear Models, 1989, 4.5; DerSimonian and Laird, Meta-analysis in clinical trials, 1986).

- Over time: each minute against its neighbour, so that a trend or a daily cycle counts for nothing;
  and the pods of each minute against each other, what is lasting about a pod left out.
- Between pods: the events of each against those that its share of each minute's requests makes
  expect, beyond what bursts explain.

An incident in the hour, at whose beginning and end two minutes differ by far more than any others,
is left out: it is no burst that will come again, and would take the weight of all evidence.

Dispersion that chance explains counts as none. Any other is reported with a margin for its own
error, since a baseline that is too good rolls back innocent candidates. With that margin, no more
than the budget were rolled back, for bursts of 5 on average and pods with a deviation of 20%. Pods
estimate their own deviation so badly that the ratio of a candidate's deviation to theirs follows
Student's t and not the normal distribution. Fewer than five may be alike by chance, so what chance
may hide is allowed for, and a single pod is taken to deviate by as much as few pods ever are.
Nor do a few that differ by far, since one of them was sick, allow for a candidate that always
fails: what pods differ by is no more than makes half of what stable answers well tolerable.

During a rollout, stable's counts are compared from look to look as well, for bursts that begin
after a quiet hour. A block is weighed by what the blocks before it showed of stable. So its weight
is known before its counts are, and for any weight up to 1 and E a fair bet against the candidate,
the expectation of E ** weight is at most 1: the evidence stays what it is, and no candidate can
change its weight.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from serinus.api.baseline import CheckBaseline, Dispersion
from serinus.api.status import Swings

Counts = tuple[float, float]
"""Requests and events."""
Minute = Mapping[str, Counts]
"""A minute, by pod."""

LEAST_BLOCKS: Final = 30
LEAST_EVENTS: Final = 10
LEAST_EXPECTED: Final = 5.0
"""Events of a pod, for its rate to tell anything."""
ERRORS_ALLOWED: Final = 1.5
"""Standard errors beyond which a figure is no chance; over time they are added to it as well."""
SWINGS_ALLOWED: Final = 2.0
"""The same from look to look, where it is asked again at each look."""
PAIRS_FORGOTTEN: Final = 0.03
"""Of the pairs of looks so far, at each further one: bursts may begin, and end, at any time."""
JUMP: Final = 9.0
"""Pearson's statistic of two looks, as a multiple of the variance known before, above which stable
has changed by more than chance (three standard deviations)."""
LEAST_PAIRS: Final = 2.5
"""That tell bursts from a single accident."""
MOST_OF_A_PAIR: Final = 5.0
"""As much of it counts as variance, so that an outage does not slow down the rest of the rollout,
while bursts, which come again and again, are known after a few."""
PEAKS_FORGOTTEN: Final = 0.01
"""As PAIRS_FORGOTTEN, of the lesser of each two consecutive pairs."""
PEAK_BY_CHANCE: Final = 1 - 2 / math.pi
"""Expectation of the lesser of two squared standard normal deviations."""
QUANTITIES_AS_ONE: Final = 4
"""Of a check: bounds and score ranges overlap, so several tell little more than one."""
LEAST_FREEDOM: Final = 4
"""Of five pods."""
OF_FEW_PODS: Final = ((49.4, 3.85, 2.26), (98.8, 5.46, 2.89))
"""By whether a candidate fails on both sides, and by freedom, from 1 on: Student's quantile over
the normal one that the tolerance is widened by, so that 0.5% of all pods are beyond it on all
sides. The other half of 1% is left to chance in the candidate's counts. Of two pods it is twice
that: a check compares several quantities, and they need be alike by chance in one."""
ALIKE_BY_CHANCE: Final = (0.06, 0.02, 0.0)
"""By freedom: what few pods whose rare events differ by chance alone are taken to deviate by.
The more events there are, the less often pods that differ look alike, and the less often does
chance in the candidate's few events hide that it differs; so neither needs be known."""
INCIDENT: Final = 25.0
"""Pearson's statistic of two minutes, as a multiple of the mean of the others, above which they
differ by an incident and not by bursts (five standard deviations)."""
MOST_OF_INCIDENTS: Final = 8
"""Pairs of minutes that may: two incidents begin and end, each within a minute or two."""
SICK: Final = 2.0
"""Times the rate of the other pods, beyond which a pod is sick, and shows nothing of the others."""
OTHERS_OF_A_SICK_POD: Final = 3
"""That there must be, for it to be the exception."""
ASSUMED_OF_FEW: Final = 0.25
"""Few pods are taken to deviate by no more, unless they are seen to: else two would leave nothing
to compare, and even a candidate that always fails would be tolerated."""
PODS_TOLERATED: Final = 2.58
"""Standard deviations of what pods that differ make of the ratio of two arms; within are 99%."""
MOST_TOLERATED: Final = 0.5
"""Of the requests that are well with stable: a candidate that fails more is no pod that differs."""
ASSUMED_OF_RARE: Final = 0.15
"""The same of rare events, where chance in the candidate's few events allows for more."""


class ArmBlock(NamedTuple):
    """What an arm counted of a quantity in a look."""

    requests: float
    events: float
    variance: float = 1.0
    """Of its counts by its history, as a multiple of that of independent ones."""
    rare: bool = True
    """Whether its events are taken for rare, as by the evidence they are weighed in."""


def dispersion(
    name: str, blocks: Sequence[Minute], *, rare: bool = True, both_ways: bool = False
) -> Dispersion:
    """How a quantity varied; as if independent where there is too little to tell.

    `rare`: whether events are taken for rare, as by the evidence that they will be weighed in.

    `both_ways`: whether a candidate fails for fewer of them as well.
    """
    served = [_serving(block) for block in blocks]
    served = [block for block in served if block]
    events = sum(e for block in served for _, e in block.values())
    if len(served) < LEAST_BLOCKS or events < LEAST_EVENTS:
        return Dispersion(name=name)
    pods = _Pods.of(served, rare=rare)
    over_time = max(_from_minute_to_minute(served, rare=rare), pods.bursts)
    between_pods = pods.differ(both_ways=both_ways)
    if not both_ways:
        share = events / sum(n for block in served for n, _ in block.values())
        between_pods = min(between_pods, _most_between(share, max(map(len, served))))
    return Dispersion(name=name, over_time=over_time, between_pods=between_pods)


def after_look(known: Swings | None, block: ArmBlock) -> Swings | None:
    """What is known of stable's swings after a look.

    Given the events of two looks, Pearson's statistic of how they fell to either has expectation 1
    for independent requests, however long the looks were and however few the events.
    """
    if block.requests <= 0:
        return known
    before = known or Swings()
    kept, square = 1 - PAIRS_FORGOTTEN, _square(known, block)
    pairs, squares = kept * before.pairs, kept * before.squares
    if square is not None:
        pairs += 1
        squares += min(square, MOST_OF_A_PAIR * _variance(known, block))
    return before.replace(
        requests=block.requests,
        events=block.events,
        pairs=_short(pairs),
        squares=_short(squares),
    )


def with_peaks(known: Swings | None, block: ArmBlock) -> Swings | None:
    """The same of the promoted revision in a guard, whose bursts may be as many events as a fault.
    A fault that begins makes one pair of looks differ; a burst makes two, when it comes and when it
    goes. So the lesser of each two consecutive pairs shows bursts, of any size and after the first
    one, and nothing of a fault."""
    after, square = after_look(known, block), _square(known, block)
    if after is None or square is None:
        return after
    before, kept = known or Swings(), 1 - PEAKS_FORGOTTEN
    return after.replace(
        square=_short(square),
        peaks=_short(kept * before.peaks + min(before.square, square)),
        peaks_of=_short(kept * before.peaks_of + 1),
    )


def jumped(known: Swings | None, block: ArmBlock) -> bool:
    """Whether stable's rate has changed since the look before by more than chance."""
    square = _square(known, block)
    return square is not None and square > JUMP * _variance(known, block)


def _square(known: Swings | None, block: ArmBlock) -> float | None:
    """Pearson's statistic of a look and the one before; None: there are no two with events."""
    if known is None or block.requests <= 0 or known.events + block.events <= 0:
        return None
    before = known.requests, known.events
    return _pearson(before, (block.requests, block.events), rare=block.rare)


def _variance(known: Swings | None, block: ArmBlock) -> float:
    return max(block.variance, swinging(known))


def swinging(known: Swings | None) -> float:
    """How many times as much stable's counts vary from look to look as independent ones."""
    if known is None or known.pairs < LEAST_PAIRS:
        return 1.0
    error = _error_of_neighbours(known.pairs)
    return max(_cautious(known.squares / known.pairs, error, SWINGS_ALLOWED), _peaking(known))


def _peaking(known: Swings) -> float:
    """The same by its peaks, each of which is two pairs."""
    if not known.peaks_of:
        return 1.0
    beyond = known.peaks / known.peaks_of - PEAK_BY_CHANCE
    by_chance = SWINGS_ALLOWED / math.sqrt(known.peaks_of)
    return 1 + 2 * beyond if beyond > by_chance else 1.0


def swinging_together(every: Iterable[Swings | None]) -> float:
    """The same of all quantities of a check, which together show it sooner."""
    known = [each for each in every if each is not None]
    pairs = math.fsum(each.pairs for each in known)
    if pairs < LEAST_PAIRS * QUANTITIES_AS_ONE:
        return 1.0
    figure = math.fsum(each.squares for each in known) / pairs
    return _cautious(figure, _error_of_neighbours(pairs / QUANTITIES_AS_ONE), SWINGS_ALLOWED)


def estimated(
    found: Iterable[Dispersion], bounds: Sequence[float] = (), shares: Sequence[float] = ()
) -> CheckBaseline:
    """What a check goes by; what varied by chance alone need not be kept."""
    kept = [each for each in found if each.over_time > 1 or each.between_pods]
    return CheckBaseline(bounds=list(bounds), shares=list(shares), dispersions=kept)


def _from_minute_to_minute(blocks: Sequence[Minute], *, rare: bool) -> float:
    """Pearson's statistic of each two neighbours, weighted by their events. Its error is that of as
    many pairs of equal weight (L. Kish, Survey Sampling, 1965)."""
    totals = [_total(block) for block in blocks]
    pairs = [
        (_pearson(one, other, rare=rare), one[1] + other[1])
        for one, other in pairwise(totals)
        if one[1] + other[1]
    ]
    usual = _without_incidents(sorted(pairs, reverse=True))
    if not usual:
        return 1.0
    weights = [events for _, events in usual]
    as_many = math.fsum(weights) ** 2 / math.fsum(weight**2 for weight in weights)
    return _cautious(_mean(usual), _error_of_neighbours(as_many))


def _without_incidents(
    greatest_first: Sequence[tuple[float, float]],
) -> Sequence[tuple[float, float]]:
    """Pairs of minutes, each with Pearson's statistic and events, without those between which
    something happened."""
    for number in range(min(MOST_OF_INCIDENTS, len(greatest_first) - LEAST_BLOCKS), 0, -1):
        usual = greatest_first[number:]
        if greatest_first[number - 1][0] > INCIDENT * max(_mean(usual), 1.0):
            return usual
    return greatest_first


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    """Of the statistics, weighted by events."""
    return math.fsum(each * events for each, events in pairs) / math.fsum(e for _, e in pairs)


def _pearson(one: Counts, other: Counts, *, rare: bool) -> float:
    """Of two blocks with events: how these fell to either, against their requests."""
    (n_1, e_1), (n_2, e_2) = one, other
    both = n_1 + n_2, e_1 + e_2
    return (e_1 * n_2 - e_2 * n_1) ** 2 / (n_1 * n_2 * both[1] * _chance(both, rare=rare))


def _chance(counts: Counts, *, rare: bool) -> float:
    """The variance of the events of independent requests, relative to their number."""
    requests, events = counts
    return 1.0 if rare or events >= requests else 1 - events / requests


def _error_of_neighbours(pairs: float) -> float:
    """Each block is in two pairs."""
    return math.sqrt(3 / pairs)


class _Pods:
    """Pods against each other, minute by minute and over all of them."""

    def __init__(
        self,
        inside: float,
        freedom: int,
        seen: Mapping[str, Counts],
        chance: float,
        *,
        rare: bool,
    ) -> None:
        self._inside, self._freedom, self._chance = inside, freedom, chance
        self._alone, self._rare = not seen, rare
        self._all, self._seen = seen, _next_to_each_other(_telling(seen))
        """By pod, events expected and counted; of all pods, and of those that tell how pods
        differ."""

    @classmethod
    def of(cls, blocks: Sequence[Minute], *, rare: bool) -> "_Pods":
        """From the minutes in which several served."""
        inside, freedom, by_chance, counted = 0.0, 0, 0.0, 0.0
        seen: dict[str, Counts] = {}
        for block in blocks:
            requests, events = _total(block)
            if len(block) < 2 or not events:
                continue
            freedom += len(block) - 1
            chance = _chance((requests, events), rare=rare)
            by_chance, counted = by_chance + chance * events, counted + events
            for pod, (n, e) in block.items():
                expected = n * events / requests
                inside += (e - expected) ** 2 / (expected * chance)
                before = seen.get(pod, (0.0, 0.0))
                seen[pod] = (before[0] + expected, before[1] + e)
        return cls(inside, freedom, seen, by_chance / counted if counted else 1.0, rare=rare)

    @property
    def bursts(self) -> float:
        """Dispersion of each pod's counts over time, beyond what is lasting about it."""
        freedom = self._freedom - (len(self._all) - 1)
        if freedom < LEAST_BLOCKS:
            return 1.0
        inside = self._inside - _between(self._all) / self._chance
        return _cautious(inside / freedom, math.sqrt(2 / freedom))

    def differ(self, *, both_ways: bool) -> float:
        """Standard deviation of the pods' rates, relative to their mean; as much greater as
        Student's law has what normal deviations have."""
        if self._alone:
            return self._assumed
        seen = _well(self._seen)
        freedom = len(seen) - 1
        if freedom < 1:
            return 0.0
        between, by_chance = _between(seen), freedom * self.bursts * self._chance
        few = freedom < LEAST_FREEDOM
        if few and not self._rare:
            return self._of_few(_deviation(seen, between), freedom, both_ways=both_ways)
        if between - by_chance <= ERRORS_ALLOWED * math.sqrt(2 / freedom) * by_chance:
            return ALIKE_BY_CHANCE[freedom - 1] if few else 0.0
        deviation = _deviation(seen, between - by_chance)
        if few:
            return self._of_few(deviation, freedom, both_ways=both_ways)
        return deviation * _students(freedom, both_ways=both_ways)

    def _of_few(self, deviation: float, freedom: int, *, both_ways: bool) -> float:
        most = max(self._assumed, deviation * _students(LEAST_FREEDOM, both_ways=both_ways))
        return min(deviation * OF_FEW_PODS[both_ways][freedom - 1], most)

    @property
    def _assumed(self) -> float:
        return ASSUMED_OF_RARE if self._rare else ASSUMED_OF_FEW


def _well(seen: Mapping[str, Counts]) -> Mapping[str, Counts]:
    """Events expected and counted, without the worst pod if it is sick. No other is left out, since
    pods may just differ."""
    if len(seen) <= OTHERS_OF_A_SICK_POD:
        return seen
    worst = max(seen, key=lambda pod: seen[pod][1] / seen[pod][0])
    others = {pod: counts for pod, counts in seen.items() if pod != worst}
    expected, events = _sums(others)
    if seen[worst][1] <= SICK * events / expected * seen[worst][0]:
        return seen
    return _telling(_next_to_each_other(others))


def _telling(seen: Mapping[str, Counts]) -> Mapping[str, Counts]:
    return {pod: each for pod, each in seen.items() if each[0] >= LEAST_EXPECTED}


def _next_to_each_other(seen: Mapping[str, Counts]) -> Mapping[str, Counts]:
    """With the events to expect of each by the rate of these pods: a pod that is none of them may
    have had most events. None if these have none."""
    expected, events = _sums(seen)
    return {pod: (n * events / expected, e) for pod, (n, e) in seen.items()} if events else {}


def _sums(seen: Mapping[str, Counts]) -> Counts:
    """Events expected and counted of all."""
    return math.fsum(n for n, _ in seen.values()), math.fsum(e for _, e in seen.values())


def _deviation(seen: Mapping[str, Counts], beyond: float) -> float:
    """That makes so much of Pearson's statistic."""
    expected = [each for each, _ in seen.values()]
    total = sum(expected)
    return math.sqrt(beyond / (total - sum(each**2 for each in expected) / total))


def _between(seen: Mapping[str, Counts]) -> float:
    return sum((e - expected) ** 2 / expected for expected, e in seen.values())


def _most_between(share: float, pods: int) -> float:
    """What so many pods may differ by, next to one of the candidate. What is assumed of few that
    look alike tolerates no such candidate, or stable itself fails most requests."""
    times = 1 + MOST_TOLERATED * (1 - share) / share
    most = math.log(max(times, 1.0)) / (PODS_TOLERATED * math.sqrt(1 + 1 / pods))
    return max(most, ASSUMED_OF_FEW)


def _cautious(figure: float, error: float, allowed: float = ERRORS_ALLOWED) -> float:
    """`error`: standard error of the figure relative to it; `allowed`: errors that are chance."""
    return figure * (1 + ERRORS_ALLOWED * error) if figure > 1 + allowed * error else 1.0


def _short(figure: float) -> float:
    """In three digits after the point, for the status."""
    return math.floor(figure * 1e3 + 0.5) / 1e3


def _students(freedom: int, *, both_ways: bool) -> float:
    """As OF_FEW_PODS, of more pods, to half a hundredth."""
    return 1.09 + 2.5 / (freedom - 1.69) if both_ways else 1 + 2 / (freedom - 1.5)


def _serving(block: Minute) -> Minute:
    return {pod: counts for pod, counts in block.items() if counts[0] > 0}


def _total(block: Minute) -> Counts:
    return sum(n for n, _ in block.values()), sum(e for _, e in block.values())
