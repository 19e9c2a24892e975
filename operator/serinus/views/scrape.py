"""What the checks of an analysis can judge by a scrape, before a rollout depends on it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from serinus.api.analysis import Analysis
from serinus.api.checks import KINDS, Check, Mode
from serinus.api.presets import PRESETS
from serinus.judge.evidence.matchers import labels_of
from serinus.judge.findings.finding import Figures
from serinus.judge.findings.matchers import LabelNowhere, MatcherNamesNothing, NothingSelected
from serinus.judge.findings.readings import NoSamples, Several
from serinus.judge.findings.strata import LabelMissing
from serinus.judge.forecast.exports import as_reading, counters_of, misjudged, unable
from serinus.manifests.owner import Manifest
from serinus.metrics.exposition import ScrapedSample
from serinus.metrics.queries import CounterQuery
from serinus.views.unseen import (
    events,
    exported_by,
    failures_apart,
    is_summary,
    matching,
    unproposed,
    unread,
    unseen,
    unselectable,
)

State = Literal["Judged", "Missing", "Unknown"]
"""Unknown: a scrape does not show it."""

_AT: Final = 60.0
_NAME: Final = re.compile("(?<=[a-z])(?=[A-Z])")
"""Where a word of a kind's name begins."""
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
    proposed: tuple[Manifest, ...] = ()
    """Checks of the metrics that are there, as in a manifest, if those that were asked for lack
    one."""

    @property
    def complete(self) -> bool:
        """Whether no check that decides lacks a metric."""
        deciding = (check for check in self.checks if check.mode == "Enforce")
        return all(check.state != "Missing" for check in deciding)


def scrape_view(analysis: Analysis, scrapes: Sequence[Sequence[ScrapedSample]]) -> ScrapeView:
    """Of one scrape, or of several of the same address soon after one another."""
    newest = scrapes[-1]
    checks = tuple(_looked(analysis, check, newest) for check in analysis.checks)
    servers = tuple(_servers(newest)) if analysis.preset is None else ()
    found = ScrapeView(checks, ())
    proposed = () if found.complete or servers else tuple(_proposed(newest))
    judged, lacking = (
        {check.kind for check in checks if check.state == state} for state in ("Judged", "Missing")
    )
    known = [each for each in (*analysis.checks, *proposed) if not unread(counters_of(each))]
    warnings = (
        *_processes(scrapes),
        *misjudged(_read(known, newest)),
        *servers,
        *unseen((each for each in proposed if each.kind not in judged), newest),
        *(() if found.complete or servers else unproposed(proposed, lacking, newest)),
        *failures_apart(known, newest),
    )
    return replace(
        found,
        warnings=tuple(dict.fromkeys(warnings)),
        proposed=tuple(each.model_dump(by_alias=True, exclude_unset=True) for each in proposed),
    )


def _read(
    checks: Iterable[Check], scrape: Sequence[ScrapedSample]
) -> Mapping[CounterQuery, Sequence[ScrapedSample]]:
    return {
        counters: matching(counters, scrape) for check in checks for counters in counters_of(check)
    }


def _proposed(scrape: Sequence[ScrapedSample]) -> Iterator[Check]:
    """A check of each kind that could judge what is there."""
    exported = exported_by(scrape)
    for kind, settings in KINDS.items():
        if (found := settings.proposed(exported)) is None:
            continue
        check = Check.model_validate({"name": _NAME.sub("-", kind).lower(), kind: found})
        if _looked(Analysis(checks=[check]), check, scrape).state == "Judged":
            yield check


def _looked(analysis: Analysis, check: Check, scrape: Sequence[ScrapedSample]) -> CheckOfScrape:
    counters = counters_of(check)
    if not counters:
        message = "It asks Prometheus, which a scrape cannot replace."
        return CheckOfScrape(check.name, check.kind, check.mode, "Unknown", message)
    if (why := unread(counters)) is not None:
        return CheckOfScrape(check.name, check.kind, check.mode, "Unknown", why)
    there = {each: matching(each, scrape) for each in counters}
    read = {q: as_reading(q, found, _AT, _AT if found else None) for q, found in there.items()}
    if (found := unable(analysis, check, read, _AT)) is not None:
        message = _missing(found.figures, scrape)
        return CheckOfScrape(check.name, check.kind, check.mode, "Missing", message)
    if (why := unselectable(counters, scrape)) is not None:
        return CheckOfScrape(check.name, check.kind, check.mode, "Missing", why)
    names = sorted({one.name for found in there.values() for one in found})
    message = " ".join([f"Reads {', '.join(names)}.", *events(there)])
    return CheckOfScrape(check.name, check.kind, check.mode, "Judged", message)


def _missing(figures: Figures, exported: Sequence[ScrapedSample]) -> str:
    """In terms of a scrape."""
    if isinstance(figures, Several):
        messages = list(dict.fromkeys(_missing(each, exported) for each in figures.each))
        return " ".join([*messages, *(["One of the two is enough."] * figures.one_is_enough)])
    if isinstance(figures, NoSamples):
        if series := [one.labels for one in exported if one.name == figures.metric]:
            return NothingSelected(figures.metric, labels_of(series)).message
        if summary := is_summary(figures.metric, exported):
            return summary
        return f"{figures.metric} is not exported, or only from the first request on."
    if isinstance(figures, MatcherNamesNothing | LabelNowhere | LabelMissing):
        return replace(figures, arm="").message
    return figures.message


def _processes(scrapes: Sequence[Sequence[ScrapedSample]]) -> Iterator[str]:
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


def _counts(one: ScrapedSample) -> bool:
    return one.name.endswith(("_total", "_count", "_bucket"))


def _servers(scrape: Sequence[ScrapedSample]) -> Iterator[str]:
    """Presets all of whose checks could be judged."""
    for name in PRESETS:
        preset = Analysis.model_validate({"preset": name})
        if all(_looked(preset, check, scrape).state == "Judged" for check in preset.checks):
            gateway = any(check.settings.backend is not None for check in preset.checks)
            reader = "the preset of a check" if gateway else "spec.rollout.analysis.preset"
            yield f"These are metrics of {name}: {reader} reads them."
