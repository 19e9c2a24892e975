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
from serinus.judge.forecast.waits import Hour, Paper, SharesPerSecond, hour_of
from serinus.metrics.counters import Growth

TIMES: Final = (2, 5, 100)
"""How many times stable's share of failed requests a bad candidate has; at most all fail."""
_LEAST_LOOKS: Final = 2
"""No look alone is enough for Fail."""
_MOST: Final = 0.5
"""Of requests that fail; a counter of more of them counts successes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of bad candidates at the first weight of a rollout."""

    weight: int
    """Percent."""
    failed: Mapping[int, float | None]
    """Requests of clients that fail until it is rolled back, by how many times stable's share of
    failed requests it has; None: it is not rolled back for them."""

    @property
    def most(self) -> float | None:
        """Of those that are found; None: none is."""
        return max((each for each in self.failed.values() if each is not None), default=None)

    @property
    def sentence(self) -> str:
        """For people; empty if none is found."""
        found = {times: failed for times, failed in self.failed.items() if failed is not None}
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
    weights: Iterable[int],
    splitting: Splitting = exact,
) -> dict[int, Cost]:
    """By weight; empty if no check counts failed requests, or none failed in stable's last hour."""
    check = next((each for each in analysis.checks if each.settings.counts_failures), None)
    if check is None or not looks:
        return {}
    kind, hour, span = kind_of(check), hour_of(looks), looks[-1].at - looks[0].since
    if not isinstance(kind, FindsBadEvents):
        return {}
    requests, share = _failures(hour, kind)
    if not share:
        return {}
    found = {}
    for weight in weights:
        rates = SharesPerSecond(splitting(weight), span)
        paper = Paper(analysis, check, baseline, hour, rates)
        per_second = requests * rates.of("candidate")
        failed: dict[int, float | None] = {}
        for times in TIMES:
            as_many = min(times, 1 / share)
            failing = share * as_many
            uncounted = check.settings.warm_up_seconds + paper.late
            least = max(_LEAST_LOOKS * paper.interval, _waited(check, failing, share) - uncounted)
            counted = paper.until("Fail", partial(kind.worsened, times=as_many), least)
            failed[times] = counted and per_second * (counted + uncounted) * failing
        found[weight] = Cost(weight, failed)
    return found


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
