"""From a Prometheus that runs to a recording: what the checks of a policy read, of one rollout."""

from collections.abc import Iterable
from typing import Any

from serinus.api import promql
from serinus.api.recording import RecordedCounters, RecordedValues, Recording
from serinus.judge.questions import Arm, Counters, Question, Value
from serinus.prometheus.archive import Archive
from serinus.prometheus.queries import pods, selector

_SCRAPES = Counters("scrape_duration_seconds")


def record(
    archive: Archive,
    model_deployment: dict[str, Any],
    questions: Iterable[Question],
    arms: tuple[Arm, Arm],
    span: tuple[float, float],
    step: float,
) -> Recording:
    """Everything that was there to answer these questions, of candidate and stable, in a span of
    Unix seconds. Raises UnreadableError.

    A part (errors of requests) is in its whole, so that another policy may take other requests
    for errors.
    """
    asked = list(questions)
    wholes = [one for one in asked if isinstance(one, Counters) and not one.part]
    values = [one for one in asked if isinstance(one, Value)]
    candidate, _ = arms
    return Recording(
        model_deployment=model_deployment,
        since=span[0],
        until=span[1],
        step=step,
        counters=[
            RecordedCounters(
                metric=one.metric,
                beside=one.beside,
                matchers=list(one.matchers),
                native=one.native,
                result=archive.samples(selector(one, list(arms)), *span),
            )
            for one in wholes
        ],
        values=[
            RecordedValues(
                query=one.query,
                result=archive.values(_rendered(one, candidate), *span, step),
            )
            for one in values
        ],
        scrapes=archive.samples(selector(_SCRAPES, list(arms)), *span),
    )


def _rendered(value: Value, arm: Arm) -> str:
    return promql.render(value.query, arm.namespace, pods(arm.workload))
