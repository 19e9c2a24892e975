"""What the checks of an analysis can judge by what a pod exports, before a rollout depends on it.

Whether a check can look is the check's own answer: it is given the scrape as what both revisions
counted.
"""

import math
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from serinus.api.analysis import Analysis
from serinus.api.checks import Check, Mode
from serinus.api.presets import PRESETS
from serinus.api.status import CheckState
from serinus.judge.analysis import budget_of
from serinus.judge.checks import kind_of
from serinus.judge.evidence.look import Look
from serinus.judge.findings.finding import Figures
from serinus.judge.findings.readings import NoSamples, Several
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.exposition import Exported
from serinus.metrics.queries import CounterQuery, Series

State = Literal["Judged", "Missing", "Unknown"]
"""Unknown: it cannot be told from a scrape."""

_AT: Final = 60.0
_PROBE: Final = re.compile(
    r"/?(v2/)?(health|healthz|live|livez|liveness|ready|readyz|readiness|ping|metrics)(/.*)?"
)
_PATHS: Final = ("handler", "path", "route", "endpoint", "uri", "url", "http_route", "http_target")
"""Labels that servers name the path of a request by."""
_FEW: Final = 20
"""Observations that may share a bucket by chance."""
_NEARLY_ALL: Final = 0.99
_STARTED: Final = "process_start_time_seconds"


@dataclass(frozen=True, slots=True)
class CheckOfScrape:
    """Whether a check could be judged."""

    name: str
    kind: str
    mode: Mode
    state: State
    message: str


@dataclass(frozen=True, slots=True)
class ScrapeView:
    """Of one analysis."""

    checks: tuple[CheckOfScrape, ...]
    warnings: tuple[str, ...]
    """What is exported and would be judged wrongly."""

    @property
    def complete(self) -> bool:
        """Whether no check that decides lacks a metric."""
        deciding = (check for check in self.checks if check.mode == "Enforce")
        return all(check.state != "Missing" for check in deciding)


def scrape_view(analysis: Analysis, scrapes: Sequence[Sequence[Exported]]) -> ScrapeView:
    """Of one scrape, or of several of the same address soon after one another."""
    newest = scrapes[-1]
    checks = tuple(_looked(analysis, check, newest) for check in analysis.checks)
    read = {
        counters: _matching(counters, newest)
        for check in analysis.checks
        for counters in _counters(check)
    }
    servers = _servers(newest) if analysis.preset is None else iter(())
    warnings = *_processes(scrapes), *_probes(read), *_pathless(read), *_buckets(read), *servers
    return ScrapeView(checks, tuple(dict.fromkeys(warnings)))


def _counters(check: Check) -> list[CounterQuery]:
    return [query for query in kind_of(check).queries() if isinstance(query, CounterQuery)]


def _looked(analysis: Analysis, check: Check, scrape: Sequence[Exported]) -> CheckOfScrape:
    counters = _counters(check)
    if not counters:
        message = "It asks Prometheus, which a scrape cannot replace."
        return CheckOfScrape(check.name, check.kind, check.mode, "Unknown", message)
    grown = {each: _grown(_matching(each, scrape)) for each in counters}
    look = Look(_AT, grown, grown, {})
    found = kind_of(check).judge(CheckState(), look, budget_of(analysis, check))
    if found.verdict in ("NoData", "Error"):
        names = {one.name for one in scrape}
        message = _missing(found.figures, names)
        return CheckOfScrape(check.name, check.kind, check.mode, "Missing", message)
    there = sorted({name for each in counters if grown[each].increases for name in each.metrics})
    message = f"Reads {', '.join(there)}."
    return CheckOfScrape(check.name, check.kind, check.mode, "Judged", message)


def _matching(counters: CounterQuery, scrape: Iterable[Exported]) -> list[Exported]:
    return [
        one
        for one in scrape
        if one.name in counters.metrics
        and all(matcher.matches(one.labels) for matcher in counters.matchers)
    ]


def _grown(found: Iterable[Exported]) -> Growth:
    increases = tuple(
        Increase(Series(one.labels, ()), "pod@", 0.0, _AT, one.value, True) for one in found
    )
    return Growth(increases, _AT if increases else None)


def _missing(figures: Figures, exported: Container[str]) -> str:
    """In terms of a scrape that has these names."""
    if isinstance(figures, Several):
        messages = list(dict.fromkeys(_missing(each, exported) for each in figures.each))
        return " ".join([*messages, *(["One of the two is enough."] * figures.one_is_enough)])
    if isinstance(figures, NoSamples) and figures.metric in exported:
        return f"{figures.metric} has no series that the matchers select."
    if isinstance(figures, NoSamples):
        return f"{figures.metric} is not exported, or only from the first request on."
    return figures.message


def _processes(scrapes: Sequence[Sequence[Exported]]) -> Iterator[str]:
    """Counters of one process never decrease from scrape to scrape."""
    started = {one.value for scrape in scrapes for one in scrape if one.name == _STARTED}
    counted = [
        {(one.name, *sorted(one.labels.items())): one.value for one in scrape if _counts(one)}
        for scrape in scrapes
    ]
    fell = [
        series[0]
        for earlier, later in pairwise(counted)
        for series, value in earlier.items()
        if later.get(series, 0.0) < value
    ]
    if len(started) > 1 or fell:
        shown = f"{fell[0]} decreased between two scrapes" if fell else f"{_STARTED} changed"
        yield (
            f"Several processes answer in turn ({shown}): export the sum of all workers, as the "
            "multiprocess mode of prometheus_client does, or run one worker in each pod."
        )


def _counts(one: Exported) -> bool:
    return one.name.endswith(("_total", "_count", "_bucket"))


def _probes(read: dict[CounterQuery, list[Exported]]) -> Iterator[str]:
    paths: dict[tuple[str, str], set[str]] = defaultdict(set)
    for counters, found in read.items():
        for one in found:
            for label, value in one.labels.items():
                if label in _PATHS and _PROBE.fullmatch(value):
                    paths[counters.metric, label].add(value)
    for (metric, label), values in paths.items():
        pattern = "|".join(re.escape(value) for value in sorted(values))
        yield (
            f"{metric} counts probes and scrapes ({', '.join(sorted(values))}) as requests. "
            f"Add the matcher {{label: {label}, operator: \"!~\", value: '{pattern}'}}."
        )


def _pathless(read: dict[CounterQuery, list[Exported]]) -> Iterator[str]:
    """A server's own counter of HTTP requests usually counts its probes, too."""
    for counters, found in read.items():
        labels = {label for one in found for label in one.labels}
        if found and counters.metric.startswith("http_") and not labels.intersection(_PATHS):
            yield (
                f"{counters.metric} has no label for the path: if the server counts probes and "
                "scrapes, they are judged as requests. Choose a metric with such a label."
            )


def _buckets(read: dict[CounterQuery, list[Exported]]) -> Iterator[str]:
    for counters, found in read.items():
        up_to: dict[float, float] = defaultdict(float)
        for one in found:
            if "le" in one.labels:
                up_to[float(one.labels["le"])] += one.value
        total, below = up_to.get(math.inf, 0.0), 0.0
        for bound, count in sorted(up_to.items()):
            if total > _FEW and count - below > _NEARLY_ALL * total:
                yield (
                    f"{counters.metric}: nearly all of {total:.0f} observations are in the bucket "
                    f"up to {bound:g}, so smaller changes cannot be seen. Export bounds closer to "
                    "the usual values."
                )
            below = count


def _servers(scrape: Sequence[Exported]) -> Iterator[str]:
    """Presets all of whose checks could be judged."""
    for name in PRESETS:
        preset = Analysis.model_validate({"preset": name})
        if all(_looked(preset, check, scrape).state == "Judged" for check in preset.checks):
            yield f"These are metrics of {name}: spec.rollout.analysis.preset reads them."
