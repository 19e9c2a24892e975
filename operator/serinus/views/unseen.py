"""What a scrape does not show, and what may be the reason: failures that were not counted yet, or
apart, and durations that cannot be compared."""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from serinus.api.checks import Check, kinds_that
from serinus.api.checks.exported import Exported, serves_no_clients
from serinus.api.checks.latency import summary_of_requests
from serinus.api.checks.metrics import is_label_name, is_metric_name
from serinus.judge.evidence.matchers import labels_of
from serinus.judge.findings.matchers import NothingSelected
from serinus.judge.forecast.exports import counters_of
from serinus.metrics.exposition import ScrapedSample
from serinus.metrics.matching import may_name
from serinus.metrics.queries import CounterQuery

Scrape = Sequence[ScrapedSample]

_ERRORS: Final = kinds_that(lambda kind: kind.counts_failures)
_FAILURES: Final = re.compile(r"(^|_)(fail(ed|ures?|s)?|errors?|exceptions?)_(.*_)?total$")
_NO_OUTCOME: Final = (
    "No counter has a label that is known to distinguish failed requests, or only from the "
    f"first request on: no {_ERRORS} is proposed."
)
_BUCKET: Final = "_bucket"


def exported_by(scrape: Scrape) -> Exported:
    """The labels and values of each series, as far as a manifest can name them."""
    exported = defaultdict[str, dict[str, set[str]]](dict)
    for one in scrape:
        if not is_metric_name(one.name):
            continue
        labels = exported[one.name]
        for label in filter(is_label_name, one.labels):
            labels.setdefault(label, set()).add(one.labels[label])
    return exported


def unread(counters: Iterable[CounterQuery]) -> str | None:
    """Why it is not known which series a check counts; None: it is."""
    for matcher in (matcher for each in counters for matcher in each.matchers):
        if not matcher.read_here:
            return f"The regular expression of {matcher} is one that only Prometheus reads."
    return None


def matching(counters: CounterQuery, scrape: Iterable[ScrapedSample]) -> list[ScrapedSample]:
    """The samples that a query reads."""
    return [
        one
        for one in scrape
        if one.name in counters.metrics
        and (counters.backend is None or counters.backend.of(one.labels))
        and all(matcher.matches(one.labels) for matcher in counters.matchers)
    ]


def events(there: Mapping[CounterQuery, Scrape]) -> Iterator[str]:
    """What counted no event so far: a matcher that was never seen to select one may be wrong."""
    for counters, found in there.items():
        if counters.part and not sum(one.value for one in found):
            wholes = [each for each in there if counters.part_of(each) and not each.part]
            told = [m for m in counters.matchers if m not in wholes[0].matchers]
            selected = (
                f"{' and '.join(map(str, told))} selected" if told else f"{counters.metric} counted"
            )
            yield f"{selected} nothing so far: cause such an event, and look again."


def unselectable(there: Iterable[CounterQuery], scrape: Scrape) -> str | None:
    """Why a counter of failures or successes would never count: a matcher of the requests asks for
    a label or a value that none of its series can have. None: it may."""
    for counters in there:
        series = [one.labels for one in scrape if one.name in counters.metrics]
        if not counters.part or not series or matching(counters, scrape):
            continue
        for matcher in counters.matchers:
            values = {labels[matcher.label] for labels in series if matcher.label in labels}
            if matcher.operator in ("=", "=~") and not may_name(matcher, values):
                told = NothingSelected(counters.metric, labels_of(series)).message
                return f"{told} The matchers of requests apply to both counters."
    return None


def unseen(proposed: Iterable[Check], scrape: Scrape) -> Iterator[str]:
    """Which events of proposed checks were not counted so far."""
    for check in proposed:
        yield from (f"{check.name}: {each}" for each in _events_of(check, scrape))


def unproposed(
    proposed: Iterable[Check], lacking: Collection[str], scrape: Scrape
) -> Iterator[str]:
    """Why no errorRate is proposed that is asked for, and what times requests but cannot be
    read."""
    if _ERRORS in lacking and all(check.kind != _ERRORS for check in proposed):
        yield _NO_OUTCOME
    if (summary := summary_of_requests(exported_by(scrape))) is not None:
        yield _summary(summary)
    yield from _unnamed(scrape)


def _unnamed(scrape: Scrape) -> Iterator[str]:
    """What is left out of proposals because of its name."""
    names = {one.name for one in scrape if not is_metric_name(one.name)}
    names |= {label for one in scrape for label in one.labels if not is_label_name(label)}
    if names:
        yield (
            f"No check can name {min(names)}: names in a manifest have letters, digits and _ "
            "alone. Let the server use such names, or Prometheus ask for them "
            "(metric_name_escaping_scheme: underscores)."
        )


def failures_apart(checks: Iterable[Check], scrape: Scrape) -> Iterator[str]:
    """Counters of failures, if no errorRate has seen one."""
    rates = [check for check in checks if check.kind == _ERRORS]
    if not rates or any(not any(_events_of(check, scrape)) for check in rates):
        return
    read = {name for check in rates for each in counters_of(check) for name in each.metrics}
    counted = defaultdict[str, float](float)
    for one in scrape:
        failures = _FAILURES.search(one.name) and not serves_no_clients(one.name)
        if failures and one.name not in read and math.isfinite(one.value):
            counted[one.name] += one.value
    for name, total in sorted(counted.items()):
        if total > 0:
            yield (
                f"{name} has counted {total:.0f}: if these are failed requests, set it as failures "
                f"of the {_ERRORS}."
            )


def is_summary(buckets: str, scrape: Scrape) -> str | None:
    """Why there are no buckets, if there are quantiles instead."""
    name = buckets.removesuffix(_BUCKET)
    told = any(one.name == name and "quantile" in one.labels for one in scrape)
    return _summary(name) if told else None


def _summary(name: str) -> str:
    return f"{name} is a summary, whose quantiles cannot be compared: export a histogram."


def _events_of(check: Check, scrape: Scrape) -> Iterator[str]:
    return events({each: matching(each, scrape) for each in counters_of(check)})
