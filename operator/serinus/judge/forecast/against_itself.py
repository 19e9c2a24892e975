"""Would this policy have rolled back an unchanged model? Stable's pods against each other."""

from collections.abc import Iterator
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.status import CheckStatus
from serinus.judge.analysis import Progress, judge
from serinus.judge.evidence.history import at, times
from serinus.judge.evidence.look import EffectiveWeight
from serinus.metrics.queries import (
    CounterQuery,
    History,
    Measurement,
    Query,
    QueryError,
    QueryResult,
)

MOST_PODS: Final = 5
APART: Final = "1m"
"""From one sample of the history to the next."""
EVERY: Final = 5
"""Samples from one look to the next, whatever the interval of the analysis is: by a long one the
hour would be a single look, and no look alone is enough for Fail. Each look costs as much as one of
a rollout; pods that were bad for less than two of them are seldom named."""


def rolled_back(
    analysis: Analysis, history: History, baseline: Baseline
) -> Iterator[tuple[str, CheckStatus]]:
    """Pods of stable that fail a check when tested as a candidate against the others, each with
    the failed check."""
    pods = sorted(_pods(history))
    if len(pods) < 2:
        return
    always = EffectiveWeight(1 / len(pods), since=0.0)
    moments = times(history.stable)[::EVERY]
    kept = frozenset(moments)
    analysis = analysis.replace(interval=APART)
    seen = {query: at(answer, kept) for query, answer in history.stable.items()}
    for pod in pods[:MOST_PODS]:
        hour = Measurement(moments[-1], _of(seen, pod, True), _of(seen, pod, False))
        before = Progress(baseline=baseline)
        after = judge(analysis, before, hour, moments[0], always, explained=False)
        failed = next((check for check in after.checks if check.rolls_back), None)
        if failed is not None:
            yield pod.split("@")[0], failed


def _pods(history: History) -> set[str]:
    return {
        series.target
        for query, answer in history.stable.items()
        if query.backend is None and not isinstance(answer, QueryError)
        for series in answer
    }


def _of(
    answers: dict[CounterQuery, QueryResult], pod: str, alone: bool
) -> dict[Query, QueryResult]:
    """The answers about this pod, or about all but it."""
    return {
        query: answer
        if isinstance(answer, QueryError)
        else tuple(series for series in answer if (series.target == pod) is alone)
        for query, answer in answers.items()
    }
