"""How long requests take."""

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import Duration, Percent, Type, WarmUp
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared, Shorthand
from serinus.api.checks.exported import (
    Exported,
    Labels,
    likeliest,
    serves_no_clients,
    without_probes,
    words_in,
)
from serinus.api.checks.metrics import Backend, Histogram
from serinus.api.checks.server import LatencyName, ServerMetrics
from serinus.api.checks.settings import counts_too_late
from serinus.api.problem import Problem
from serinus.api.quantities import seconds

_TOLERANCE, _MARGIN = 1.1, 1.5
PASSES_BELOW = 2.0
"""Times the tolerated slowdown: a step passes below that."""
_P99 = Shorthand("p99", {"tolerance": _TOLERANCE, "margin": _MARGIN})
_WARM_UP: Final = "30s"
"""Connections are opened and caches are filled."""
_BUCKET = "_bucket"
_WORDS: Final = ("http", "request")
_ONE_LATENCY = "set either of (a latency of the preset) or histogram, not both"


class SlowLimit(Type):
    """An absolute limit on the share of requests slower than a bound."""

    bound: Duration = Field(
        description="A latency such as 500ms. Should be a bucket bound of the histogram; otherwise "
        "the next higher one is used."
    )
    share: Percent = Field(
        description="Roll back once more than this share of the candidate's requests is shown to "
        "be slower than the bound, regardless of stable."
    )


class Latency(Compared):
    """Share of requests slower than each of several bounds, compared with stable. The bounds are
    the bucket bounds closest to those that 50, 25, 10, 5, 2, 1 and 0.5% of stable's requests
    exceed."""

    counts_requests = True
    finds_bad_events = True
    follows_load = True
    shortest_guard = 3600.0
    compares_strata = True
    shorthand = _P99

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                MARGIN_ABOVE_TOLERANCE,
                {"rule": "!has(self.of) || !has(self.histogram)", "message": _ONE_LATENCY},
                _P99.rule,
            ]
        }
    )

    of: LatencyName | None = Field(
        default=None,
        description="A latency of the preset, such as timeToFirstToken of vLLM; defaults to "
        "request, the total duration.",
    )
    histogram: Histogram = Field(
        default=Histogram(metric="model_request_duration_seconds"),
        description="Histogram of durations. Defaults to that of the preset, or "
        "model_request_duration_seconds.",
    )
    warm_up: WarmUp | None = Field(
        default=None,
        description="Ignore a pod's requests for this time after its first request and after each "
        "restart, in both revisions; at most 10m, and 0s: no time. Without this field, 30s, and a "
        "candidate whose pods are several times slower is not rolled back while they may still be "
        "warming up: until 5m after their first request.",
    )
    p99: Annotated[float, Field(gt=1, le=10)] | None = Field(
        default=None,
        description="Instead of tolerance and margin: how many times stable's 99% quantile the "
        "candidate's may be; likewise for any other. Stable's last hour turns it into shares of "
        "slow requests at each bound; a step passes below twice that slowdown (1.6 for 1.3).",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=_TOLERANCE,
        description="Roll back once the candidate's share of requests slower than any bound is "
        "shown to be more than this many times stable's.",
    )
    absolute_tolerance: Percent = Field(
        default="0.5%",
        description="Added to the tolerated share of slow requests, so that a few very slow "
        "requests do not cause a rollback.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=_MARGIN,
        description="Pass once the candidate's share of requests slower than each bound is shown "
        "to be less than this many times stable's.",
    )
    absolute_margin: Percent = Field(
        default="2%", description="Added to the margin of the share of slow requests."
    )
    limit: SlowLimit | None = Field(
        default=None, description="An absolute limit, in addition to the comparison with stable."
    )

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        if self.of is not None and "histogram" in self.model_fields_set:
            raise ValueError(_ONE_LATENCY)
        return self

    @property
    def slowdown(self) -> float | None:
        return self.p99

    @property
    def bounds(self) -> tuple[str, str]:
        if self.p99 is None:
            return super().bounds
        passing = 1 + PASSES_BELOW * (self.p99 - 1)
        return (
            f"p99 {self.p99:g} times as long + {self.absolute_tolerance}",
            f"p99 {passing:g} times as long + {self.absolute_margin}",
        )

    @property
    def backend(self) -> Backend | None:
        return self.histogram.backend

    @property
    def warm_up_seconds(self) -> float:
        return seconds(_WARM_UP if self.warm_up is None else self.warm_up)

    @property
    def waits_for_starts(self) -> bool:
        return self.warm_up is None

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        if "histogram" not in self.model_fields_set and (lack := self._lack(server)):
            yield Problem("", lack)
        yield from counts_too_late("warmUp", self.warm_up or _WARM_UP, longest_step)
        yield from super().problems(longest_step, server)

    def _lack(self, server: ServerMetrics | None) -> str | None:
        """Why there is no histogram to read, with the remedy."""
        if server is None:
            remedy = "set preset, or use histogram instead"
            return f"{self.of} is a latency of a preset; {remedy}" if self.of else None
        if self.of is None:
            return f"{server.lacks['latency']} Set a histogram, or a latency of the preset in of."
        return f"{self.of} is not a latency of {server.name}; it has {', '.join(server.latencies)}"

    @classmethod
    def proposed(cls, exported: Exported) -> Self | None:
        buckets = likeliest(exported, _in_buckets, _WORDS)
        if buckets is None:
            return None
        histogram: dict[str, object] = {"metric": buckets.removesuffix(_BUCKET)}
        if matchers := without_probes(exported[buckets]):
            histogram["matchers"] = matchers
        if (unit := _unit_of(buckets)) != "s":
            histogram["unit"] = unit
        return cls(histogram=Histogram.model_validate(histogram))

    def completed(self, server: ServerMetrics) -> Self:
        known = server.latencies.get(self.of or "request")
        if known is None or "histogram" in self.model_fields_set:
            return self
        return self.replace(histogram=known)


def summary_of_requests(exported: Exported) -> str | None:
    """What times requests by quantiles, which cannot be compared. None: nothing does, or a
    histogram that is as likely to."""
    summary = likeliest(exported, _in_quantiles, _WORDS)
    buckets = likeliest(exported, _in_buckets, _WORDS)
    if summary and buckets and words_in(buckets, _WORDS) >= words_in(summary, _WORDS):
        return None
    return summary


def _in_buckets(name: str, labels: Labels) -> bool:
    return name.endswith(_BUCKET) and "le" in labels and _times_requests(name)


def _in_quantiles(name: str, labels: Labels) -> bool:
    return "quantile" in labels and _times_requests(name)


def _times_requests(name: str) -> bool:
    timed = any(word in name for word in ("duration", "latency", "seconds", "_ms", "time"))
    return timed and "client" not in name and not serves_no_clients(name)


def _unit_of(buckets: str) -> str:
    for unit, words in (("ms", ("_ms_", "millisecond")), ("us", ("_us_", "microsecond"))):
        if any(word in buckets for word in words):
            return unit
    return "s"
