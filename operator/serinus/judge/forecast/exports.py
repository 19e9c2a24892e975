"""What pods export, before a rollout depends on it: whether a check can look, and what it would
judge wrongly.

Whether a check can look is the check's own answer: it is given what one arm has as that of both.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.checks import Check
from serinus.api.checks.exported import PATHS, PROBE
from serinus.api.status import CheckState
from serinus.judge.analysis import budget_of, strata_labels
from serinus.judge.checks import kind_of
from serinus.judge.evidence.look import SCRAPED_WITHIN, Look
from serinus.judge.findings.finding import Figures, Finding
from serinus.judge.findings.matchers import LabelNowhere, MatcherNamesNothing
from serinus.judge.findings.readings import NoSamples, Several, StaleSamples
from serinus.judge.findings.strata import LabelMissing
from serinus.metrics.counters import Growth, Increase, Reading, count, no_count, without_bound
from serinus.metrics.exposition import ScrapedSample
from serinus.metrics.queries import CounterQuery, History, QueryError, Series

Read = Mapping[CounterQuery, Sequence[ScrapedSample]]
"""The newest samples that each counter has."""

_OF_THE_TARGET: Final = "endpoint"
"""The one of them that the Prometheus Operator attaches to all series: the name of the port."""
_FEW: Final = 20
"""Observations that may share a bucket by chance."""
_NEARLY_ALL: Final = 0.99


def counters_of(check: Check) -> list[CounterQuery]:
    """The counters that a check reads."""
    return [query for query in kind_of(check).queries() if isinstance(query, CounterQuery)]


def as_reading(
    counters: CounterQuery, found: Sequence[ScrapedSample], at: float, newest: float | None
) -> Reading:
    """All that was counted so far, as if it were of one look at a time in Unix seconds."""
    problems = (
        without_bound(counters, one.labels) or no_count(counters, one.labels, [one.value])
        for one in found
    )
    if (problem := next(filter(None, problems), None)) is not None:
        return problem
    increases = tuple(
        Increase(Series({**one.labels, "__name__": one.name}, ()), "pod@", 0.0, at, one.value, True)
        for one in found
    )
    return Growth(increases, newest)


def unable(
    analysis: Analysis, check: Check, read: Mapping[CounterQuery, Reading], at: float
) -> Finding | None:
    """Why a check could not judge what was read; None: it could. No scrape is waited for."""
    since = min(at - SCRAPED_WITHIN, 0.0)
    look = Look(at, read, read, {}, since, stratify=strata_labels(analysis, check))
    found = kind_of(check).judge(CheckState(), look, budget_of(analysis, check))
    return found if found.verdict in ("NoData", "Error") else None


def misjudged(read: Read) -> Iterator[str]:
    """What is exported and would be judged wrongly, with the remedy."""
    yield from _probes(read)
    yield from _pathless(read)
    yield from _buckets(read)


def doubts(analysis: Analysis, history: History, stable_since: float = -math.inf) -> Iterator[str]:
    """What stable's hour shows of this about each check that compares counts. One that only judges
    the candidate needs nothing of stable. Before the first scrape is due, nothing is missing."""
    exported = _exported(history)
    unscraped = history.at - stable_since < SCRAPED_WITHIN
    for check, found in _unable(analysis, history, exported):
        if found and not (unscraped and _has_no_sample(found.figures)):
            yield f"Check {check.name}: {_of_stable(found.figures).message}"
        read = {query: exported.get(query, []) for query in counters_of(check)}
        yield from (f"Check {check.name}: {each}" for each in misjudged(read))


def cannot_fail(analysis: Analysis, history: History) -> dict[str, str]:
    """By name, the message of each check that could distinguish nothing by what stable's hour has:
    it would pass every candidate, or judge none."""
    return {
        check.name: _of_stable(found.figures).message
        for check, found in _unable(analysis, history, _exported(history))
        if found and found.verdict == "Error" and _tells_nothing_apart(found.figures)
    }


def _has_no_sample(figures: Figures) -> bool:
    if isinstance(figures, Several):
        return all(map(_has_no_sample, figures.each))
    return isinstance(figures, NoSamples)


def _tells_nothing_apart(figures: Figures) -> bool:
    if isinstance(figures, Several):
        return any(map(_tells_nothing_apart, figures.each))
    return isinstance(figures, MatcherNamesNothing | LabelNowhere | LabelMissing)


def _unable(
    analysis: Analysis, history: History, exported: Read
) -> Iterator[tuple[Check, Finding | None]]:
    """Each check that compares counts, and why it could not judge stable's."""
    (readings,), _ = count((history.stable,), {}, history.at)
    grown = {
        query: as_reading(query, exported[query], history.at, reading.newest)
        if isinstance(reading, Growth)
        else reading
        for query, reading in readings.items()
    }
    for check in analysis.checks:
        if check.settings.shares_budget:
            found = unable(analysis, check, grown, history.at)
            yield check, found if check.settings.compares_with_stable else None


def _exported(history: History) -> Read:
    return {
        query: [
            ScrapedSample(
                each.labels.get("__name__", query.metric),
                _own(each.labels),
                each.samples[-1][1],
            )
            for each in answer
            if each.samples
        ]
        for query, answer in history.stable.items()
        if not isinstance(answer, QueryError)
    }


def _own(labels: Mapping[str, str]) -> Mapping[str, str]:
    return {label: value for label, value in labels.items() if label != _OF_THE_TARGET}


def _of_stable(figures: Figures) -> Figures:
    """In terms of the only arm that was read."""
    if isinstance(figures, Several):
        each = dict.fromkeys(map(_of_stable, figures.each))
        return replace(figures, each=tuple(each))
    if isinstance(figures, NoSamples | StaleSamples | LabelMissing):
        return replace(figures, arm="stable")
    return figures


def _probes(read: Read) -> Iterator[str]:
    paths: dict[tuple[str, str], set[str]] = defaultdict(set)
    for counters, found in read.items():
        for one in found:
            for label, value in one.labels.items():
                if label in PATHS and PROBE.fullmatch(value):
                    paths[counters.metric, label].add(value)
    for (metric, label), values in paths.items():
        pattern = "|".join(re.escape(value) for value in sorted(values))
        yield (
            f"{metric} counts probes and scrapes ({', '.join(sorted(values))}) as requests. "
            f"Add the matcher {{label: {label}, operator: \"!~\", value: '{pattern}'}}."
        )


def _pathless(read: Read) -> Iterator[str]:
    """A server's own counter of HTTP requests usually counts its probes, too."""
    for counters, found in read.items():
        labels = {label for one in found for label in one.labels}
        if (
            found
            and "http" in counters.metric
            and not counters.matchers
            and not labels.intersection(PATHS)
        ):
            yield (
                f"{counters.metric} has no label for the path: if the server counts probes and "
                "scrapes, they are judged as requests. Choose a metric with such a label."
            )


def _buckets(read: Read) -> Iterator[str]:
    """Of classic histograms; the bounds of native ones are close enough."""
    for counters, found in read.items():
        up_to: dict[float, float] = defaultdict(float)
        for one in found:
            if counters.buckets and without_bound(counters, one.labels) is None:
                up_to[float(one.labels["le"])] += one.value
        total, below, last = up_to.get(math.inf, 0.0), 0.0, -math.inf
        for bound, counted in sorted(up_to.items()):
            if total > _FEW and counted - below > _NEARLY_ALL * total:
                yield _in_one_bucket(counters.metric, total, last, bound)
            below, last = counted, bound


def _in_one_bucket(metric: str, total: float, above: float, up_to: float) -> str:
    if math.isinf(above) and math.isinf(up_to):
        return (
            f"{metric} has no bound besides +Inf, so nothing can be compared. Export bounds around "
            "the usual values, unless this is a native histogram, whose buckets are not in the "
            "text of a scrape."
        )
    nearly_all = f"{metric}: nearly all of {total:.0f} observations are"
    if math.isinf(up_to):
        return (
            f"{nearly_all} above the last bound, {above:g}, so they cannot be compared. Export "
            "bounds around the usual values."
        )
    return (
        f"{nearly_all} in the bucket up to {up_to:g}, so smaller changes cannot be seen. Export "
        "bounds closer to the usual values."
    )
