"""Metrics of model servers and proxies: a data file for each.

A preset says which metrics replace the default ones, as settings of the checks. There is no other
code for a server: a new one needs a file, and a sample for the tests.
"""

from collections.abc import Set as AbstractSet
from importlib.resources import files
from typing import Annotated, Final, TypeVar

import yaml
from pydantic import AfterValidator, Field

from serinus.api.base import Type
from serinus.api.checks import (
    Check,
    ErrorRate,
    Histogram,
    Latency,
    LatencyName,
    TrafficShare,
)


class Preset(Type):
    """The metrics of a server, as defaults of the checks."""

    name: str = Field(description="As users write it.")
    sources: list[str] = Field(description="Addresses of what says so.")
    error_rate: ErrorRate = Field(
        description="Its counters of requests, and what tells which of them failed."
    )
    latencies: dict[LatencyName, Histogram] = Field(
        default_factory=dict, description="Its histograms; `request` is what latency is by default."
    )
    lacks: dict[str, str] = Field(
        default_factory=dict, description="By kind of check, why it has no default, in a sentence."
    )
    checks: list[Check] = Field(description="What is checked if users name no checks.")

    def completed(self, check: Check) -> Check:
        """The check, with omitted settings taken from the preset where it has them."""
        if check.error_rate is not None:
            return check.replace(error_rate=self._error_rate(check.error_rate))
        if check.latency is not None:
            return check.replace(latency=self._latency(check.latency))
        if check.traffic_share is not None:
            return check.replace(traffic_share=self._traffic_share(check.traffic_share))
        return check

    def lack(self, check: Check) -> str | None:
        """Why a completed check has nothing to read, with the remedy."""
        if (latency := check.latency) and "histogram" not in latency.model_fields_set:
            if latency.of is None:
                return f"{self.lacks['latency']} Set a histogram, or a latency of the preset in of."
            return (
                f"{latency.of} is not a latency of {self.name}; it has {', '.join(self.latencies)}"
            )
        return None

    def _error_rate(self, written: ErrorRate) -> ErrorRate:
        fields = self.error_rate.model_fields_set
        if written.failures or written.errors:
            fields = fields - {"successes"}
        elif written.successes:
            fields = fields - {"failures", "errors"}
        return _filled_in(written, self.error_rate, fields)

    def _traffic_share(self, written: TrafficShare) -> TrafficShare:
        fields = self.error_rate.model_fields_set & {"requests", "failures"}
        return _filled_in(written, self.error_rate, fields)

    def _latency(self, written: Latency) -> Latency:
        known = self.latencies.get(written.of or "request")
        if known is None or "histogram" in written.model_fields_set:
            return written
        return written.replace(histogram=known)


Requests = TypeVar("Requests", ErrorRate, TrafficShare)


def _filled_in(written: Requests, known: ErrorRate, fields: AbstractSet[str]) -> Requests:
    """With omitted fields set to those of the server."""
    names_requests = "requests" in written.model_fields_set
    if names_requests and written.requests.metric != known.requests.metric:
        return written  # matchers of its failed requests do not apply to another counter
    left_out = fields - written.model_fields_set
    return written.replace(**{field: getattr(known, field) for field in left_out})


def _read() -> dict[str, Preset]:
    texts = [
        file.read_text("utf-8") for file in files(__name__).iterdir() if file.name[-5:] == ".yaml"
    ]
    found = [Preset.model_validate(yaml.safe_load(text)) for text in texts]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: preset.name.lower())}


def _known(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"must be one of {', '.join(PRESETS)}")
    return name


PRESETS: Final = _read()
"""By name, in alphabetical order."""

PresetName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(PRESETS)})
]
