"""The metrics of a model server, which are the defaults of the checks."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Annotated, Final, Self

from pydantic import Field, JsonValue, model_validator

from serinus.api.base import Type, written
from serinus.api.checks.metrics import (
    FAILED_CODES,
    Histogram,
    LabelMatcher,
    MetricName,
    RequestCounter,
)
from serinus.api.problem import Problem

LatencyName = Annotated[
    str,
    Field(max_length=63),
    written("^[a-z][a-zA-Z0-9]*$", "a latency must have a name such as timeToFirstToken"),
]

FAILURES_OR_SUCCESSES: Final = "successes cannot be combined with failures or errors"
NOT_BOTH: Final[JsonValue] = {
    "rule": "!has(self.successes) || !(has(self.failures) || has(self.errors))",
    "message": FAILURES_OR_SUCCESSES,
}


class RequestCounters(Type):
    """The counters of all requests."""

    requests: RequestCounter = Field(
        default=RequestCounter(metric="model_requests_total"),
        description="Counter of all requests, or of successful requests if failures is set. "
        "Defaults to that of the preset, or model_requests_total.",
    )
    failures: MetricName | None = Field(
        default=None,
        description="Counter of failed requests, if the server has a separate one. The total is "
        "then the sum of both counters.",
    )

    def counted_twice(self, field: str, metric: MetricName | None) -> Iterator[Problem]:
        """A problem if the counter of a part of the requests is that of all."""
        if metric == self.requests.metric:
            message = f"{metric} is the counter of requests; set a counter of {field} only"
            yield Problem(field, message)

    def with_defaults(self, known: "RequestCounters", fields: AbstractSet[str]) -> Self:
        """With omitted fields set to those of the server."""
        names_requests = "requests" in self.model_fields_set
        if names_requests and self.requests.metric != known.requests.metric:
            return self  # matchers of its failed requests do not apply to another counter
        left_out = fields - self.model_fields_set
        return self.replace(**{field: getattr(known, field) for field in left_out})


class FailureCounters(RequestCounters):
    """The counters of all requests, and which of them failed."""

    failures: MetricName | None = Field(
        default=None,
        description="Counter of failed requests, if the server has a separate one. The total is "
        "then the sum of both counters, and the matchers of requests apply to both.",
    )
    successes: MetricName | None = Field(
        default=None,
        description="Counter of successful requests, if the server does not count failures. All "
        "other requests failed, and the matchers of requests apply to both counters.",
    )
    errors: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which series of failures, or otherwise of requests, are errors. Defaults to "
        "those of the preset, otherwise all of failures, or those with a code of 5xx, 408 or 429.",
    )

    @model_validator(mode="after")
    def _failures_or_successes(self) -> Self:
        if self.successes is not None and (self.failures is not None or self.errors is not None):
            raise ValueError(FAILURES_OR_SUCCESSES)
        return self

    @property
    def failed(self) -> list[LabelMatcher]:
        """Matchers of a failed request, among the series of failures or otherwise of requests."""
        if self.errors is not None:
            return self.errors
        if self.failures:
            return []
        return [LabelMatcher(label="code", operator="=~", value=FAILED_CODES)]

    def double_counts(self) -> Iterator[Problem]:
        """A problem for each counter of a part that is that of all requests."""
        yield from self.counted_twice("failures", self.failures)
        yield from self.counted_twice("successes", self.successes)

    def completed(self, server: "ServerMetrics") -> Self:
        """With omitted fields taken from the server."""
        fields = server.error_rate.model_fields_set
        if self.failures or self.errors:
            fields = fields - {"successes"}
        elif self.successes:
            fields = fields - {"failures", "errors"}
        return self.with_defaults(server.error_rate, fields)


class ServerMetrics(Type):
    """The metrics of a server, or of a proxy in front of it."""

    name: str = Field(description="Name in the manifest.")
    error_rate: FailureCounters = Field(
        description="Counters of requests, and which of them failed."
    )
    latencies: dict[LatencyName, Histogram] = Field(
        default_factory=dict, description="Histograms; `request` is the default of latency."
    )
    lacks: dict[str, str] = Field(
        default_factory=dict,
        description="By kind of check, a message that says why it has no default.",
    )
