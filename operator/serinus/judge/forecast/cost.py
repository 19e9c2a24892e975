"""How many requests of clients a bad candidate fails until it is rolled back."""

import math
from collections.abc import Iterable, Mapping, Sequence
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
    weight until a candidate as good as stable has passed all checks."""
    check = next((each for each in analysis.checks if each.settings.counts_failures), None)
    if check is None or not looks:
        return {}
    kind, hour, span = kind_of(check), hour_of(looks), looks[-1].at - looks[0].since
    if not isinstance(kind, FindsBadEvents):
        return {}
    requests, share = _failures(hour, kind)
    if not share:
        return {}
    alike = Paper(
        analysis, check, of_equal_pods(baseline), hour, SharesPerSecond(exact(_HALF), span)
    )
    as_many = {times: min(times, 1 / share) for times in TIMES}
    worse = {times: partial(kind.worsened, times=each) for times, each in as_many.items()}
    bad = [times for times in TIMES if alike.comes("Fail", _EVER, worse[times])]
    found = {}
    for weights in rollouts if bad else ():
        papers = {
            each: Paper(analysis, check, baseline, hour, SharesPerSecond(splitting(each), span))
            for each in weights
        }
        first = papers[weights[0]]
        uncounted = check.settings.warm_up_seconds + first.late
        failed = dict[int, float]()
        for times in bad:
            failing = share * as_many[times]
            least = max(_LEAST_LOOKS * first.interval, _waited(check, failing, share) - uncounted)
            counted = first.until("Fail", worse[times], least) or math.inf
            if counted >= _until_promoted(papers, lasts, worse[times]):
                counted = math.inf
            per_second = requests * first.rates.of("candidate") * failing
            failed[times] = per_second * (counted + uncounted)
        found[weights[0]] = Cost(weights[0], failed)
    return found


def _until_promoted(
    papers: Mapping[int, Paper], lasts: Mapping[int, float], change: Change
) -> float:
    """Seconds at the first weight in which such a candidate gets as many requests as in all steps,
    if it passes them; infinity: it does not. What is shown first decides."""
    served, [first, *_] = 0.0, papers.values()
    for weight, paper in papers.items():
        passes = paper.until_passed(change) or math.inf
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
