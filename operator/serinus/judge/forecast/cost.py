"""How many requests of clients a bad candidate fails until it is rolled back."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.checks import Check
from serinus.judge.checks import kind_of
from serinus.judge.evidence.look import CountsFailures, Look
from serinus.judge.evidence.starts import failing_waited_for
from serinus.judge.findings.words import listed
from serinus.judge.forecast.splits import Splitting, exact
from serinus.judge.forecast.waits import (
    INFINITE_AFTER,
    NEAR_ENOUGH,
    Change,
    Hour,
    Paper,
    SharesPerSecond,
    Wait,
    hour_of,
    of_equal_pods,
    of_rollout,
    slowest,
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
    failed requests it has; infinity: it is not, or not before it is promoted."""

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
    kind: CountsFailures
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
    waits: Sequence[Wait],
    splitting: Splitting = exact,
) -> dict[int, Cost]:
    """By first weight, of rollouts with these weights in percent; empty if no check counts failed
    requests, none failed in stable's last hour, or as many would be tolerated. `waits`: of a
    candidate as good as stable, for all checks at these weights.

    Of several checks, the first to find a candidate ends it, all pass it before it is promoted,
    and the one that counts most of its failures knows best how many they are."""
    if not looks:
        return {}
    hour, span = hour_of(looks), looks[-1].at - looks[0].since
    rollouts = [*rollouts]
    offered = dict.fromkeys(chain.from_iterable(rollouts))
    rates = {weight: SharesPerSecond(splitting(weight), span) for weight in offered}
    half, alike = SharesPerSecond(exact(_HALF), span), of_equal_pods(baseline)
    paper = partial(Paper, analysis, hour=hour)
    tried = [
        (
            each,
            paper(each.check, alike, rates=half),
            {weight: paper(each.check, baseline, rates=own) for weight, own in rates.items()},
        )
        for each in _counted(analysis, hour)
    ]
    found: dict[int, dict[int, float]] = {weights[0]: {} for weights in rollouts}
    lasts = {weights[0]: slowest(of_rollout(waits, weights)) for weights in rollouts}
    for times in TIMES:
        # without the checks that tolerate so many
        trials = [
            _Trial(each, times, papers)
            for each, ever, papers in tried
            if ever.comes("Fail", _EVER, each.worse(times))
        ]
        most = max((each.requests * each.times(times) for each, *_ in tried), default=0.0)
        for weights in rollouts if trials else ():
            until = _until_found(trials, weights, lasts[weights[0]], analysis)
            found[weights[0]][times] = most * rates[weights[0]].of("candidate") * until
    return {weight: Cost(weight, failed) for weight, failed in found.items() if failed}


def _counted(analysis: Analysis, hour: Hour) -> Iterator[_Failures]:
    """By the checks that know how many failed."""
    for check in analysis.checks:
        kind = kind_of(check)
        if check.settings.counts_failures and isinstance(kind, CountsFailures):
            requests, share = _failures(hour, kind)
            if share:
                yield _Failures(check, kind, requests, share)


class _Trial:
    """Of a candidate with so many times stable's share of failed requests, by a check. What several
    rollouts ask is tried once."""

    def __init__(self, of: _Failures, times: float, papers: Mapping[int, Paper]) -> None:
        """`papers`: by weight."""
        self._papers, self._change = papers, of.worse(times)
        self._waited = _waited(of.check, of.times(times), of.share)
        self.warm_up = of.check.settings.warm_up_seconds

    def until_found(self, weight: int, sooner: float) -> float:
        """Seconds at this first weight until the check fails the candidate; infinity: it does not,
        or not so much sooner than this that the forecast could tell."""
        paper = self._papers[weight]
        uncounted = self.warm_up + paper.late
        least = max(_LEAST_LOOKS * paper.interval, self._waited - uncounted)
        latest = (sooner - uncounted) / NEAR_ENOUGH
        if latest < least or (latest < math.inf and not paper.comes("Fail", latest, self._change)):
            return math.inf
        found = paper.until("Fail", self._change, least)
        return math.inf if found is None else found + uncounted

    def until_passed(self, weight: int, most: float) -> float:
        """Seconds of a step without what pods take to warm up; infinity: it does not pass, or not
        within `most`."""
        found = self._papers[weight].until_passed(self._change, most)
        return math.inf if found is None else found

    def share_per_second(self, weight: int) -> float:
        """Of the hour's counts, that the candidate gets."""
        return self._papers[weight].rates.of("candidate")


def _until_found(
    trials: Sequence[_Trial],
    weights: Sequence[int],
    lasts: Mapping[int, float],
    analysis: Analysis,
) -> float:
    """Seconds at the first weight until such a candidate is rolled back; infinity: it is not, or
    not before it is promoted."""
    until = math.inf
    for trial in trials:
        until = min(until, trial.until_found(weights[0], until))
    ends, promoted = _until_end(trials, weights, lasts, analysis, until)
    return until if until < ends else math.inf if promoted else ends


def _until_end(
    trials: Sequence[_Trial],
    weights: Sequence[int],
    lasts: Mapping[int, float],
    analysis: Analysis,
    most: float,
) -> tuple[float, bool]:
    """Seconds at the first weight in which such a candidate gets as many requests as in all steps,
    if no check fails it, and whether it is promoted then; infinity: a step never ends. What is
    shown first decides. What is more than `most` may be said to be even more."""
    undecided, expected = analysis.on_inconclusive, max(lasts.values(), default=math.inf)
    longest = analysis.step_may_last(expected if expected < math.inf else None)
    [one, *_], [first, *_], served = trials, weights, 0.0
    for weight in weights:
        left = (most * one.share_per_second(first) - served) / one.share_per_second(weight)
        takes = _until_all_passed(trials, weight, weight == first, lasts.get(weight, 0.0), left)
        # a pause ends when it passes
        lasted = takes if undecided == "Pause" else min(takes, longest)
        served += lasted * one.share_per_second(weight)
        if takes == math.inf == lasted or (takes > lasted and undecided == "Rollback"):
            return served / one.share_per_second(first), False
    return served / one.share_per_second(first), True


def _until_all_passed(
    trials: Sequence[_Trial], weight: int, is_first: bool, least: float, most: float
) -> float:
    """Seconds of a step, at least; infinity: one of the checks does not pass such a candidate, or
    not within `most`."""
    takes = least
    for trial in trials:
        if takes > most or takes == math.inf:
            return math.inf
        warm_up = trial.warm_up if is_first else 0.0
        takes = max(takes, trial.until_passed(weight, most - warm_up) + warm_up)
    return takes


def _waited(check: Check, failing: float, share: float) -> float:
    """Seconds in which failures may be those of pods that start."""
    return failing_waited_for(failing, share) if check.settings.waits_for_starts else 0.0


def _failures(hour: Hour, kind: CountsFailures) -> tuple[float, float]:
    """Requests in the hour, and the share that failed; 0 if that is not known."""
    stable = {one: Growth(increases) for one, increases in hour.items()}
    requests, failed = kind.counted(stable)
    share = failed / requests if requests else 0.0
    return requests, share if share < _MOST else 0.0


def _rounded(requests: float) -> str:
    """In two digits: it is an estimate."""
    step = 10 ** max(math.floor(math.log10(requests)) - 1, 0) if requests >= 1 else 1
    return f"{max(math.ceil(requests / step) * step, 1):,}"
