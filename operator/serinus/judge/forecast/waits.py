"""How long a step takes at today's traffic, found by running the judge on simulated counts.

Each check is given LOOKS blocks with the rates of stable's last hour, longer and longer, until it
passes a candidate equal to stable, and until it fails one with twice the bad events; several,
because no look alone is enough for Fail. To that come the looks that it takes, and the time in
which nothing counts.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.checks import Check
from serinus.api.quantities import seconds
from serinus.api.status import CheckState, Verdict
from serinus.judge.analysis import budget_of, reads
from serinus.judge.checks import kind_of
from serinus.judge.evidence.look import ArmName, EffectiveWeight, Look
from serinus.judge.findings.finding import Finding
from serinus.judge.forecast.splits import Split, Splitting, exact
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, Series

INFINITE_AFTER: Final = 7 * 86400.0
"""Seconds; a longer wait counts as infinite."""
NEAR_ENOUGH: Final = 1.2
LOOKS: Final = 3
_AT: Final = 1e9
"""Unix seconds of the simulated look; any value will do."""

Change = Callable[[CounterQuery, Growth], Growth]
"""The counts of a candidate equal to stable -> those of another candidate."""
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
class Wait:
    """Seconds that a check needs at a weight; None: it never comes to that verdict."""

    check: Check
    weight: int
    """Percent."""
    passes: float | None
    """Until an equal candidate passes."""
    fails: float | None
    """Until a candidate with twice the bad events fails."""
    hidden_by_pods: bool = False
    """Whether it would if pods did not differ."""

    @property
    def until_pass(self) -> float:
        """Seconds; infinity: never."""
        return math.inf if self.passes is None else self.passes

    def as_first(self) -> "Wait":
        """At the first weight of a rollout, whose requests do not count while pods warm up."""
        more = self.check.settings.warm_up_seconds
        return replace(
            self,
            passes=None if self.passes is None else self.passes + more,
            fails=None if self.fails is None else self.fails + more,
        )


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
    interval = seconds(analysis.interval)
    alike = _of_equal_pods(baseline)
    for check in analysis.checks:
        if not check.settings.shares_budget:
            continue
        for weight in (each for each in weights if each < 100):
            rates = SharesPerSecond(splitting(weight), span)
            paper = Paper(analysis, check, baseline, hour, rates)
            bad_events = check.settings.finds_bad_events
            fails = paper.until("Fail", times_as_many(2)) if bad_events else None
            hidden = (
                bad_events
                and fails is None
                and baseline != alike
                and Paper(analysis, check, alike, hour, rates).comes(
                    "Fail", INFINITE_AFTER, times_as_many(2)
                )
            )
            passes = paper.until("Pass", _same)
            before = check.settings.counts_after_seconds
            yield Wait(
                check,
                weight,
                # pods are scraped as often as looked at, and the first block of a step began before
                passes and before + _in_looks(passes + interval, interval),
                fails and before + _in_looks(fails, interval),
                hidden_by_pods=hidden,
            )


def _of_equal_pods(baseline: Baseline) -> Baseline:
    checks = [
        check.replace(dispersions=[each.replace(between_pods=0.0) for each in check.dispersions])
        for check in baseline.checks
    ]
    return baseline.replace(checks=checks)


def _in_looks(span: float, interval: float) -> float:
    """Seconds until the first look after a time."""
    return math.ceil(span / interval) * interval


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
        self._kind, self._budget = kind_of(check), budget_of(analysis, check)
        self._known, self._rates = baseline.of(reads(check)), rates
        self._interval = seconds(analysis.interval)
        asked = self._kind.queries()
        self._hour = {one: each for one, each in hour.items() if one in asked}
        # comparisons are opened by a first look
        # what comes later is taken to come at once: nothing says before how late that is
        begun = CheckState(policy=check.digest, counts_after=0.0)
        self._begun = self._judged(begun, 0.0, _same).state

    def until(self, verdict: Verdict, change: Change) -> float | None:
        """Seconds until it comes to the verdict about a candidate with this change; no more exact
        than the time between two looks."""
        if not self.comes(verdict, INFINITE_AFTER, change):
            return None
        low, high = 0.0, self._interval
        while high < INFINITE_AFTER and not self.comes(verdict, high, change):
            low, high = high, min(high * 4, INFINITE_AFTER)
        while high > low * NEAR_ENOUGH and high - low > self._interval:
            middle = math.sqrt(low * high)
            if self.comes(verdict, middle, change):
                high = middle
            else:
                low = middle
        return high

    def comes(self, verdict: Verdict, span: float, change: Change) -> bool:
        """Whether it comes to the verdict within these seconds."""
        state = self._begun
        for _ in range(LOOKS):
            found = self._judged(state, span / LOOKS, change)
            state = found.state
        return found.verdict == verdict

    def _judged(self, state: CheckState, span: float, change: Change) -> Finding:
        stable = {
            one: _grown(each, self._rates.of("stable") * span) for one, each in self._hour.items()
        }
        candidate = {
            one: change(one, _grown(_of_fewer_pods(each, self._rates), span))
            for one, each in self._hour.items()
        }
        weight = self._rates.effective
        look = Look(_AT, candidate, stable, {}, baseline=self._known, weight=weight)
        return self._kind.judge(state, look, self._budget)


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
    """The candidate's per second, counted by as many pods as its weight needs."""
    pods = sorted({each.target for each in increases})
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


def _same(_: CounterQuery, growth: Growth) -> Growth:
    return growth


def times_as_many(times: float) -> Change:
    """So many times as many events that are a part of a whole, or requests above each bucket
    bound."""

    def change(counters: CounterQuery, growth: Growth) -> Growth:
        if counters.part:
            return _each(growth, lambda increase: times * increase.amount)
        totals = {
            _histogram(increase): increase.amount
            for increase in growth.increases
            if "le" in increase.labels and increase.counts_all
        }

        def below(increase: Increase) -> float:
            """Requests up to the bound."""
            if "le" not in increase.labels:
                return increase.amount
            every = totals.get(_histogram(increase), math.inf)
            return max(times * increase.amount - (times - 1) * every, 0.0)

        return _each(growth, below)

    return change


def _histogram(increase: Increase) -> tuple[str, frozenset[tuple[str, str]]]:
    """The target and the labels that the buckets of one histogram share."""
    return increase.target, frozenset(each for each in increase.labels.items() if each[0] != "le")


def _each(growth: Growth, amount: Callable[[Increase], float]) -> Growth:
    increases = (each._replace(amount=amount(each)) for each in growth.increases)
    return replace(growth, increases=tuple(increases))
