"""The text that a pod answers a scrape with, as samples."""

import re
from collections.abc import Iterable
from typing import Final

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from serinus.metrics.exposition import ScrapedSample

_EXEMPLAR: Final = re.compile(r" # \{[^}]*\} \S+( \S+)?$")


def scraped_samples(text: str) -> list[ScrapedSample]:
    """All samples, of either format of Prometheus. Raises ValueError if it cannot be read."""
    found = [
        ScrapedSample(sample.name, sample.labels, float(sample.value))
        for family in _families(text)
        for sample in family.samples
    ]
    if not found:
        raise ValueError("it contains no samples")
    return found


def _families(text: str) -> Iterable[Metric]:
    if not text.rstrip().endswith("# EOF"):
        return _untyped(text)
    try:
        return list(openmetrics_families(text))  # type: ignore[no-untyped-call]
    except ValueError:
        # a gauge and a counter of one name, as of Go's runtime, which Prometheus reads
        return _untyped("\n".join(_EXEMPLAR.sub("", line) for line in text.splitlines()))


def _untyped(text: str) -> Iterable[Metric]:
    """Without their types, since the parser renames counters whose names do not end in _total."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return text_string_to_metric_families(lines + "\n")
