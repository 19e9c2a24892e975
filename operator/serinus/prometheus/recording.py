"""Creates a recording from a running Prometheus: what the checks of a policy read, for one
rollout."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from serinus.api.recording import RecordedCounters, RecordedValues, Recording
from serinus.metrics.batches import selector
from serinus.metrics.queries import Arm, CounterQuery, ExpressionQuery, Query
from serinus.metrics.replicas import Replica, best_replica, replica, without_labels
from serinus.prometheus.archive import Archive

_SCRAPES = CounterQuery("scrape_duration_seconds")


def record(
    archive: Archive,
    model_deployment: dict[str, Any],
    queries: Iterable[Query],
    arms: tuple[Arm, Arm],
    span: tuple[float, float],
    step: float,
) -> Recording:
    """The results of these queries for candidate and stable, in a range of Unix seconds.

    Raises ResponseError. A part (errors of requests) is in its whole, so that another policy may
    define errors differently.
    """
    asked = list(queries)
    wholes = [one for one in asked if isinstance(one, CounterQuery) and not one.part]
    values = [one for one in asked if isinstance(one, ExpressionQuery)]
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
                backend=one.backend,
                result=_samples(archive, one, arms, span),
            )
            for one in wholes
        ],
        values=[
            RecordedValues(
                query=one.expression,
                result=archive.values(
                    archive.labelling.rendered(one.expression, candidate), *span, step
                ),
            )
            for one in values
        ],
        scrapes=_samples(archive, _SCRAPES, arms, span),
    )


def _samples(
    archive: Archive, query: CounterQuery, arms: tuple[Arm, Arm], span: tuple[float, float]
) -> list[dict[str, Any]]:
    """All samples, with the default labels and of one replica for each target."""
    labelling = archive.labelling
    found = [
        {**one, "metric": labelling.standard(one["metric"], query.backend)}
        for one in archive.samples(selector(query, list(arms), labelling), *span)
    ]
    scrapes: dict[tuple[str, str], dict[Replica, list[Any]]] = defaultdict(dict)
    for one in found:
        name, of_target = replica(one["metric"], labelling.replicas), scrapes[_target(one)]
        samples = one.get("values") or one["histograms"]
        of_target[name] = max(of_target.get(name, []), samples, key=len)
    chosen = {target: best_replica(each) for target, each in scrapes.items()}
    return [
        {**one, "metric": without_labels(one["metric"], labelling.replicas)}
        for one in found
        if replica(one["metric"], labelling.replicas) == chosen[_target(one)]
    ]


def _target(element: dict[str, Any]) -> tuple[str, str]:
    return element["metric"].get("pod", ""), element["metric"].get("instance", "")
