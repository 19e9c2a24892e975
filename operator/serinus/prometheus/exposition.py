"""The text that a pod answers a scrape with, as samples."""

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from serinus.metrics.exposition import ScrapedSample


def scraped_samples(text: str) -> list[ScrapedSample]:
    """All samples, of either format of Prometheus. Raises ValueError if it cannot be read."""
    if text.rstrip().endswith("# EOF"):
        families = openmetrics_families(text)  # type: ignore[no-untyped-call]
    else:
        # without their types, since the parser renames counters whose names do not end in _total
        untyped = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        families = text_string_to_metric_families(untyped + "\n")
    found = [
        ScrapedSample(sample.name, sample.labels, float(sample.value))
        for family in families
        for sample in family.samples
    ]
    if not found:
        raise ValueError("it contains no samples")
    return found
