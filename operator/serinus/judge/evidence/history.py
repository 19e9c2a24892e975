"""Stable's history: samples a minute apart -> what it counted in each minute, by pod."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from serinus.judge.evidence.dispersion import Minute
from serinus.judge.evidence.look import Look
from serinus.judge.evidence.pods import by_target
from serinus.metrics.counters import Growth, count
from serinus.metrics.queries import CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.samples import Samples, packed


def minutes(history: Mapping[CounterQuery, QueryResult]) -> list[Look]:
    """A look for each two samples; both of its arms are stable."""
    return [_look(history, *span) for span in pairwise(times(history))]


def served(looks: Iterable[Look], whole: CounterQuery, events: CounterQuery) -> Iterator[Minute]:
    """Requests and events by pod, for each look."""
    for look in looks:
        requests, bad = (by_target(look.growth(each)[1]) for each in (whole, events))
        yield {pod: (n, bad.get(pod, 0.0)) for pod, n in requests.items()}


def of_each_pod(growth: Growth) -> dict[str, Growth]:
    """A growth for each pod, as if it were alone."""
    by_pod = defaultdict(list)
    for increase in growth.increases:
        by_pod[increase.target].append(increase)
    return {pod: Growth(tuple(own), growth.newest) for pod, own in by_pod.items()}


def present(history: Mapping[CounterQuery, QueryResult], *moments: float) -> set[str]:
    """The targets that have a sample of any of these times, Unix seconds."""
    wanted = set(moments)
    return {
        series.target
        for answer in history.values()
        if not isinstance(answer, QueryError)
        for series in answer
        if any(at in wanted for at, _ in series.samples)
    }


def minute(history: Mapping[CounterQuery, QueryResult], start: float, end: float) -> Look:
    """What all pods counted between two samples; both of its arms are stable."""
    inside = {counters: between(answer, start, end) for counters, answer in history.items()}
    return _counted(inside, start, end)


def _look(history: Mapping[CounterQuery, QueryResult], start: float, end: float) -> Look:
    """Of pods that were there at the start: the first minute of a new one is a warm-up, and one
    that was not scraped for a while would count what is older."""
    inside = {counters: between(answer, start, end) for counters, answer in history.items()}
    there = {
        series.target
        for answer in inside.values()
        if not isinstance(answer, QueryError)
        for series in answer
        if series.samples[0][0] == start
    }
    return _counted({key: _of(there, answer) for key, answer in inside.items()}, start, end)


def _counted(history: Mapping[CounterQuery, QueryResult], start: float, end: float) -> Look:
    (readings,), _ = count((history,), {}, start)
    return Look(end, readings, readings, {}, start)


def _of(targets: Container[str], answer: QueryResult) -> QueryResult:
    if isinstance(answer, QueryError):
        return answer
    return tuple(series for series in answer if series.target in targets)


def times(history: Mapping[CounterQuery, QueryResult]) -> Sequence[float]:
    """Unix seconds of the samples, rising."""
    return sorted(
        {
            at
            for answer in history.values()
            if not isinstance(answer, QueryError)
            for series in answer
            for at, _ in series.samples
        }
    )


def between(answer: QueryResult, start: float, end: float) -> QueryResult:
    """The samples from start to end, both included."""
    if isinstance(answer, QueryError):
        return answer
    found = []
    for series in answer:
        samples = packed(series.samples)
        first, last = bisect_left(samples.times, start), bisect_right(samples.times, end)
        if first < last:
            found.append(Series(series.labels, samples[first:last]))
    return tuple(found)


def at(answer: QueryResult, moments: Container[float]) -> QueryResult:
    """The samples of these times."""
    if isinstance(answer, QueryError):
        return answer
    return tuple(
        Series(each.labels, Samples(found))
        for each in answer
        if (found := [sample for sample in each.samples if sample[0] in moments])
    )
