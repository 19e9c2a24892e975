"""From a Prometheus that runs to a recording: what the checks of a policy read, of one rollout."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from serinus.api.recording import RecordedCounters, RecordedValues, Recording
from serinus.judge.questions import Arm, Counters, Question, Value
from serinus.prometheus.archive import Archive
from serinus.prometheus.queries import selector
from serinus.prometheus.replicas import Replica, best_replica, replica, without

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
                result=_samples(archive, one, arms, span),
            )
            for one in wholes
        ],
        values=[
            RecordedValues(
                query=one.query,
                result=archive.values(
                    archive.labelling.rendered(one.query, candidate), *span, step
                ),
            )
            for one in values
        ],
        scrapes=_samples(archive, _SCRAPES, arms, span),
    )


def _samples(
    archive: Archive, question: Counters, arms: tuple[Arm, Arm], span: tuple[float, float]
) -> list[dict[str, Any]]:
    """All samples, with the usual labels and of one replica for each target."""
    labelling = archive.labelling
    found = [
        {**one, "metric": labelling.standard(one["metric"])}
        for one in archive.samples(selector(question, list(arms), labelling), *span)
    ]
    scrapes: dict[tuple[str, str], dict[Replica, list[Any]]] = defaultdict(dict)
    for one in found:
        name, of_target = replica(one["metric"], labelling.replicas), scrapes[_target(one)]
        samples = one.get("values") or one["histograms"]
        of_target[name] = max(of_target.get(name, []), samples, key=len)
    chosen = {target: best_replica(each) for target, each in scrapes.items()}
    return [
        {**one, "metric": without(one["metric"], labelling.replicas)}
        for one in found
        if replica(one["metric"], labelling.replicas) == chosen[_target(one)]
    ]


def _target(element: dict[str, Any]) -> tuple[str, str]:
    return element["metric"].get("pod", ""), element["metric"].get("instance", "")
