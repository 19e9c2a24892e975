"""How many requests of clients a bad candidate fails until it is rolled back."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.checks import Check
from serinus.judge.checks import kind_of
from serinus.judge.evidence.look import FindsBadEvents, Look
from serinus.judge.evidence.starts import failing_waited_for
from serinus.judge.findings.words import listed
from serinus.judge.forecast.splits import Splitting, exact
from serinus.judge.forecast.waits import (
    INFINITE_AFTER,
    Change,
    Hour,
    Paper,
    SharesPerSecond,
    hour_of,
    of_equal_pods,
)
from serinus.metrics.counters import Growth

TIMES: Final = (2, 5, 100)
"""How many times stable's share of failed requests a bad candidate has; at most all fail."""
_LEAST_LOOKS: Final = 2
"""No look alone is enough for Fail."""
_MOST: Final = 0.5
"""Of requests that fail; a counter of more of them counts successes."""
_EVER: Final = 1e6 * INFINITE_AFTER
"""Seconds in which a candidate with half the traffic is found, unless the check tolerates it."""
_HALF: Final = 50


@dataclass(frozen=True, slots=True)
class Cost:
    """Of bad candidates at the first weight of a rollout, without those that the check
    tolerates."""

    weight: int
    """Percent."""
    failed: Mapping[int, float]
    """Requests of clients that fail until it is rolled back, by how many times stable's share of
    failed requests it has; infinity: it is not found, or not before it is promoted."""

    @property
    def most(self) -> float:
        """Of all; infinity: one of them is not found."""
        return max(self.failed.values())

    @property
    def not_found(self) -> list[int]:
        """How many times stable's share those have that are not found."""
        return [times for times, failed in self.failed.items() if failed == math.inf]

    @property
    def sentence(self) -> str:
        """For people; empty if none is found."""
        found = {times: failed for times, failed in self.failed.items() if failed < math.inf}
        if not found:
            return ""
        one, times = len(found) == 1, listed([str(each) for each in found])
        return (
            f"{'A candidate' if one else 'Candidates'} with {times} times stable's errors "
            f"{'fails' if one else 'fail'} about "
            f"{listed([_rounded(each) for each in found.values()])} requests of clients "
            f"until rolled back at {self.weight}%."
        )


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failed requests of stable, as a check counts them."""

    check: Check
    kind: FindsBadEvents
    requests: float
    """In stable's hour."""
    share: float
    """Of them that failed."""

    def times(self, times: float) -> float:
        """So many times the share; at most all fail."""
        return min(times * self.share, 1.0)

    def worse(self, times: float) -> Change:
        """What a candidate with so many times stable's share serves."""
        return partial(self.kind.worsened, times=self.times(times) / self.share)


def costs(
    analysis: Analysis,
    looks: Sequence[Look],
    baseline: Baseline,
    rollouts: Iterable[Sequence[int]],
    lasts: Mapping[int, float],
    splitting: Splitting = exact,
) -> dict[int, Cost]:
    """By first weight, of rollouts with these weights in percent; empty if no check counts failed
    requests, none failed in stable's last hour, or as many would be tolerated. `lasts`: seconds by
    weight until a candidate as good as stable has passed all checks.

    Of several checks, the first to find a candidate ends it, and the one that counts most of its
    failures knows best how many they are."""
    if not looks:
        return {}
    hour, span = hour_of(looks), looks[-1].at - looks[0].since
    counted = [*_counted(analysis, hour)]
    paper = partial(Paper, analysis, hour=hour)
    half, alike = SharesPerSecond(exact(_HALF), span), of_equal_pods(baseline)

    def finding(times: int) -> list[_Failures]:
        """Those whose checks do not tolerate so many."""
        papers = [(each, paper(each.check, alike, rates=half)) for each in counted]
        return [each for each, own in papers if own.comes("Fail", _EVER, each.worse(times))]

    bad = {times: by for times in TIMES if (by := finding(times))}
    found = {}
    for weights in rollouts if bad else ():
        rates = {weight: SharesPerSecond(splitting(weight), span) for weight in weights}
        failed = dict[int, float]()
        for times, by in bad.items():
            most = max(each.requests * each.times(times) for each in counted)
            until = []
            for each in by:
                papers = {w: paper(each.check, baseline, rates=own) for w, own in rates.items()}
                until.append(_until_found(each, times, papers, lasts))
            failed[times] = most * rates[weights[0]].of("candidate") * min(until)
        found[weights[0]] = Cost(weights[0], failed)
    return found


def _counted(analysis: Analysis, hour: Hour) -> Iterator[_Failures]:
    """By the checks that know how many failed."""
    for check in analysis.checks:
        kind = kind_of(check)
        if check.settings.counts_failures and isinstance(kind, FindsBadEvents):
            requests, share = _failures(hour, kind)
            if share:
                yield _Failures(check, kind, requests, share)


def _until_found(
    of: _Failures, times: float, papers: Mapping[int, Paper], lasts: Mapping[int, float]
) -> float:
    """Seconds at the first weight until the check fails such a candidate; infinity: it does not, or
    not before it is promoted. `papers` are by weight."""
    first, change = next(iter(papers.values())), of.worse(times)
    uncounted = of.check.settings.warm_up_seconds + first.late
    waited = _waited(of.check, of.times(times), of.share)
    found = first.until("Fail", change, max(_LEAST_LOOKS * first.interval, waited - uncounted))
    if found is None or found >= _until_promoted(papers, lasts, change):
        return math.inf
    return found + uncounted


def _until_promoted(
    papers: Mapping[int, Paper], lasts: Mapping[int, float], change: Change
) -> float:
    """Seconds at the first weight in which such a candidate gets as many requests as in all steps,
    if it passes them; infinity: it does not. What is shown first decides."""
    served, [first, *_] = 0.0, papers.values()
    for weight, paper in papers.items():
        passes = paper.until_passed(change)
        if passes is None:
            return math.inf
        served += max(passes, lasts.get(weight, 0.0)) * paper.rates.of("candidate")
    return served / first.rates.of("candidate")


def _waited(check: Check, failing: float, share: float) -> float:
    """Seconds in which failures may be those of pods that start."""
    return failing_waited_for(failing, share) if check.settings.waits_for_starts else 0.0


def _failures(hour: Hour, kind: FindsBadEvents) -> tuple[float, float]:
    """Requests in the hour, and the share that failed; 0 if that is not known."""
    stable = {one: Growth(increases) for one, increases in hour.items()}
    [counted] = kind.within(Look(0.0, {}, stable, {})).values()
    [(requests, failed)] = counted.values()
    share = failed / requests if requests else 0.0
    return requests, share if share < _MOST else 0.0


def _rounded(requests: float) -> str:
    """In two digits: it is an estimate."""
    step = 10 ** max(math.floor(math.log10(requests)) - 1, 0) if requests >= 1 else 1
    return f"{max(math.ceil(requests / step) * step, 1):,}"
