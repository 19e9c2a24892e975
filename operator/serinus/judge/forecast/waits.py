"""How long a step takes at today's traffic, found by running the judge on simulated counts.

Each check is given counts with the rates of stable's last hour, and the shortest time is searched
for after which it passes a candidate equal to stable. To that come the looks that it takes, and the
time in which nothing counts. A trial costs as much as two or three looks of a rollout, so whether
the check would fail a candidate with twice the bad events is tried only for times that somebody
asks about.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.checks import Check
from serinus.api.quantities import seconds
from serinus.api.status import CheckState, Verdict
from serinus.judge.analysis import budget_of, reads
from serinus.judge.checks import kind_of
from serinus.judge.evidence.comparison import step_entered
from serinus.judge.evidence.look import ArmName, EffectiveWeight, FindsBadEvents, Look, Served
from serinus.judge.evidence.pods import by_target
from serinus.judge.forecast.splits import Split, Splitting, exact
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, Series

INFINITE_AFTER: Final = 7 * 86400.0
"""Seconds; a longer wait counts as infinite."""
NEAR_ENOUGH: Final = 1.2
LOOKS: Final[Mapping[Verdict, int]] = {"Pass": 1, "Fail": 3}
"""In how many the counts of a trial come. Pass depends on their sum, once a look before has shown
what to compare, and which requests are still unanswered; no look alone is enough for Fail."""
_AT: Final = 1e9
"""Unix seconds of the simulated look; any value will do."""

Change = Callable[[Served], Served]
"""What a candidate equal to stable serves -> what another candidate does."""
Hour = dict[CounterQuery, tuple[Increase, ...]]
"""What stable counted in its whole history."""


@dataclass(frozen=True, slots=True)
class SharesPerSecond:
    """The share of the hour's counts that each arm gets per second."""

    split: Split
    span: float
    """Seconds that were counted."""

    @property
    def effective(self) -> EffectiveWeight:
        """The split as if it had always been in effect."""
        return EffectiveWeight(self.split.share, since=0.0)

    def of(self, arm: ArmName) -> float:
        """Share of all."""
        return self.effective.of(arm) / self.span


@dataclass(frozen=True, slots=True)
class Detection:
    """Of a candidate with twice the bad events, by a check at a weight."""

    paper: "Paper"
    among_equal_pods: "Paper"
    """The same, if pods did not differ."""
    uncounted: float
    """Seconds at the beginning in which nothing counts."""
    twice: Change

    def within(self, span: float) -> bool:
        """Whether it fails by a look within so many seconds; infinity: whether it ever does."""
        counted = min(span - self.uncounted, INFINITE_AFTER)
        looked = counted // self.paper.interval * self.paper.interval
        return looked > 0 and self.paper.comes("Fail", looked, self.twice)

    @property
    def hidden_by_pods(self) -> bool:
        """Whether it never fails, since pods may differ by as much."""
        never = not self.within(math.inf)
        return never and self.among_equal_pods.comes("Fail", INFINITE_AFTER, self.twice)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a check needs at a weight."""

    check: Check
    weight: int
    """Percent."""
    passes: float | None
    """Seconds until an equal candidate passes; None: it never does."""
    detects: Detection | None
    """None: there are no bad events to find."""

    @property
    def until_pass(self) -> float:
        """Seconds; infinity: never."""
        return math.inf if self.passes is None else self.passes

    def as_first(self) -> "Wait":
        """At the first weight of a rollout, whose requests do not count while pods warm up."""
        more, detects = self.check.settings.warm_up_seconds, self.detects
        return replace(
            self,
            passes=None if self.passes is None else self.passes + more,
            detects=detects and replace(detects, uncounted=detects.uncounted + more),
        )


def of_rollout(waits: Iterable[Wait], weights: Sequence[int]) -> list[Wait]:
    """Those at its weights."""
    first = min(weights, default=0)
    return [
        wait.as_first() if wait.weight == first else wait
        for wait in waits
        if wait.weight in weights
    ]


def slowest(waits: Iterable[Wait]) -> dict[int, float]:
    """By weight, seconds until the last check passes; infinity: never."""
    found: dict[int, float] = {}
    for wait in waits:
        found[wait.weight] = max(found.get(wait.weight, 0.0), wait.until_pass)
    return found


def waits(
    analysis: Analysis,
    looks: Sequence[Look],
    baseline: Baseline,
    weights: Sequence[int],
    splitting: Splitting = exact,
) -> Iterator[Wait]:
    """For each check that compares counts, and each weight below 100%.

    `looks` follow each other without a gap. The time in which pods warm up is left out.
    """
    hour, span = hour_of(looks), looks[-1].at - looks[0].since
    alike = of_equal_pods(baseline)
    for check in analysis.checks:
        if not check.settings.shares_budget:
            continue
        kind, before = kind_of(check), check.settings.counts_after_seconds
        twice = partial(kind.worsened, times=2) if isinstance(kind, FindsBadEvents) else None
        for weight in (each for each in weights if each < 100):
            rates = SharesPerSecond(splitting(weight), span)
            paper, equal = (Paper(analysis, check, b, hour, rates) for b in (baseline, alike))
            passes = paper.until_passed(_same)
            passes = passes and before + passes
            detects = Detection(paper, equal, before + paper.late, twice) if twice else None
            yield Wait(check, weight, passes, detects)


def of_equal_pods(baseline: Baseline) -> Baseline:
    """The baseline, if pods did not differ."""
    checks = [
        check.replace(dispersions=[each.replace(between_pods=0.0) for each in check.dispersions])
        for check in baseline.checks
    ]
    return baseline.replace(checks=checks)


class Paper:
    """A check, given simulated counts of candidate and stable."""

    def __init__(
        self,
        analysis: Analysis,
        check: Check,
        baseline: Baseline,
        hour: Hour,
        rates: SharesPerSecond,
    ) -> None:
        self._check, self._kind = check, kind_of(check)
        self._budget, self._known = budget_of(analysis, check), baseline.of(reads(check))
        self.rates, self.interval = rates, seconds(analysis.interval)
        late = isinstance(self._kind, FindsBadEvents) and self._kind.counts_late
        self.late = self.interval if late else 0.0
        """Seconds until what was bad in a look is counted."""
        asked = self._kind.queries()
        self._hour = {one: each for one, each in hour.items() if one in asked}
        self._verdicts: dict[tuple[Verdict, float, Change], Verdict] = {}

    def until(
        self, verdict: Verdict, change: Change, least: float = 0.0, most: float = math.inf
    ) -> float | None:
        """Seconds until it comes to the verdict about a candidate with this change, no fewer than
        `least`, no more than `most`, and no more exact than `spans`; None: never, not in that time,
        or it fails before."""
        if least and self.comes(verdict, least, change):
            return least
        longer = [span for span in spans(self.interval) if span > least]

        def ends(span: float) -> bool:
            return span > most or self._found(verdict, span, change) in (verdict, "Fail")

        found = bisect_left(longer, True, key=ends)
        within = found < len(longer) and longer[found] <= most
        return longer[found] if within and self.comes(verdict, longer[found], change) else None

    def until_passed(self, change: Change, most: float = math.inf) -> float | None:
        """Seconds of a step until the look by which it passes such a candidate; None: it does not,
        or not within `most`."""
        passes = self.until("Pass", change, most=most)
        # pods are scraped as often as looked at, and the first block of a step began before
        return passes and (math.ceil(passes / self.interval) + 1) * self.interval

    def comes(self, verdict: Verdict, span: float, change: Change) -> bool:
        """Whether it comes to the verdict within these seconds."""
        return self._found(verdict, span, change) == verdict

    def _found(self, asked: Verdict, span: float, change: Change) -> Verdict:
        """What is asked again is not tried again."""
        key = asked, span, change
        if key not in self._verdicts:
            self._verdicts[key] = self._tried(*key)
        return self._verdicts[key]

    def _tried(self, asked: Verdict, span: float, change: Change) -> Verdict:
        """The verdict after these seconds, in the looks that the one that is asked for takes."""
        looks = LOOKS[asked]
        look = self._look(span / looks, change)
        state = self._begun
        if asked == "Pass":
            state = step_entered(self._kind.judge(state, look, self._budget).state)
        elif self.late:
            known = self._kind.judge(state, look, self._budget).state
            state = state.replace(candidate=known.candidate, stable=known.stable)
        for _ in range(looks):
            found = self._kind.judge(state, look, self._budget)
            state = found.state
        return found.verdict

    @cached_property
    def _begun(self) -> CheckState:
        """Comparisons are opened by a first look. What comes later is taken to come at once:
        nothing says before how late that is."""
        state = CheckState(policy=self._check.digest, counts_after=0.0)
        return self._kind.judge(state, self._look(0.0, _same), self._budget).state

    def _look(self, span: float, change: Change) -> Look:
        stable = {
            one: _grown(each, self.rates.of("stable") * span) for one, each in self._hour.items()
        }
        equal = {
            one: _grown(_of_fewer_pods(each, self.rates), span) for one, each in self._hour.items()
        }
        weight = self.rates.effective
        return Look(_AT, change(equal), stable, {}, baseline=self._known, weight=weight)


@lru_cache
def spans(interval: float) -> tuple[float, ...]:
    """Seconds to try, up to INFINITE_AFTER: each so much longer than the one before that the
    difference is worth a look."""
    found = [interval]
    while found[-1] < INFINITE_AFTER:
        further = max(found[-1] + interval, found[-1] * NEAR_ENOUGH)
        found.append(min(further, INFINITE_AFTER))
    return tuple(found)


def hour_of(looks: Iterable[Look]) -> Hour:
    """Summed up by series."""
    hour: dict[CounterQuery, dict[tuple[str, ...], Increase]] = defaultdict(dict)
    for look in looks:
        for counters in look.stable:
            sums = hour[counters]
            for each in look.growth(counters)[1].increases:
                key = (each.target, *sorted(f"{k}={v}" for k, v in each.labels.items()))
                before = sums[key].amount if key in sums else 0.0
                sums[key] = each._replace(amount=before + each.amount)
    return {counters: tuple(sums.values()) for counters, sums in hour.items()}


def _of_fewer_pods(increases: Sequence[Increase], rates: SharesPerSecond) -> tuple[Increase, ...]:
    """The candidate's per second, counted by as many pods as its weight needs: by those that have
    counted any, as far as there are enough."""
    counted = by_target(Growth(tuple(increases)))
    pods = sorted(counted, key=lambda target: (not counted[target], target))
    kept = pods[: max(math.ceil(len(pods) * rates.split.pods), 1)]
    few = [each for each in increases if each.target in kept]
    total, share = sum(each.amount for each in increases), sum(each.amount for each in few)
    times = rates.of("candidate") * total / share if share else 0.0
    return tuple(each._replace(amount=each.amount * times) for each in few)


def _grown(increases: Sequence[Increase], times: float) -> Growth:
    """A block counted long after the pods started."""
    grown = []
    for each in increases:
        amount = each.amount * times
        samples = ((0.0, 1.0), (_AT / 2, 1.0), (_AT, 1.0 + amount))
        series = Series(each.labels, samples)
        grown.append(
            each._replace(series=series, start=_AT / 2, end=_AT, amount=amount, known=True)
        )
    return Growth(tuple(grown), _AT if grown else None)


def _same(served: Served) -> Served:
    return served
