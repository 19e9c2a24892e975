"""What a pod answers a scrape with."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScrapedSample:
    """One sample."""

    name: str
    labels: Mapping[str, str]
    value: float
