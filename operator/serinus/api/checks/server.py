"""What a model server exports: the metrics from which checks take what their user left out."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from serinus.api.base import Type, Written
from serinus.api.checks.metrics import Counter, Histogram, LabelMatcher, MetricName
from serinus.api.problem import Problem

LatencyName = Annotated[
    str,
    Field(max_length=63),
    Written("^[a-z][a-zA-Z0-9]*$", "a latency's name is written like timeToFirstToken"),
]

FAILURES_OR_SUCCESSES: Final = (
    "failures come from successes, or from failures and errors: set successes alone, or not at all"
)


class RequestCounters(Type):
    """The counters of all requests."""

    requests: Counter = Field(
        default=Counter(metric="model_requests_total"),
        description="The counter of all requests, or of those that succeeded if failures is set. "
        "By default the preset's, or model_requests_total.",
    )
    failures: MetricName | None = Field(
        default=None,
        description="A counter of failed requests, where the server counts them apart; both "
        "counters together are all requests then.",
    )

    def counted_twice(self, field: str, metric: MetricName | None) -> Iterator[Problem]:
        """A problem if the counter of a part of the requests is that of all."""
        if metric == self.requests.metric:
            message = f"{metric} is the counter of requests; name one of {field} alone"
            yield Problem(field, message)

    def with_defaults(self, known: "RequestCounters", fields: AbstractSet[str]) -> Self:
        """With those of the fields that were left out as a server has them."""
        names_requests = "requests" in self.model_fields_set
        if names_requests and self.requests.metric != known.requests.metric:
            return self  # what fails among its requests says nothing of another counter's
        left_out = fields - self.model_fields_set
        return self.replace(**{field: getattr(known, field) for field in left_out})


class FailureCounters(RequestCounters):
    """The counters of all requests, and what tells which of them failed."""

    failures: MetricName | None = Field(
        default=None,
        description="A counter of failed requests, where the server counts them apart; both "
        "counters together are all requests then, and the matchers of requests hold for both.",
    )
    successes: MetricName | None = Field(
        default=None,
        description="A counter of those of the requests that succeeded, where the server counts "
        "no failures; the rest of requests failed, and the matchers of requests hold for both.",
    )
    errors: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which requests failed, of those that failures counts or else requests. By "
        "default the preset's; without one all of failures, or those whose label code is 5xx.",
    )

    @model_validator(mode="after")
    def _failures_or_successes(self) -> Self:
        if self.successes is not None and (self.failures is not None or self.errors is not None):
            raise ValueError(FAILURES_OR_SUCCESSES)
        return self

    @property
    def failed(self) -> list[LabelMatcher]:
        """What holds for a failed request, of those that failures counts or else requests."""
        if self.errors is not None:
            return self.errors
        return [] if self.failures else [LabelMatcher(label="code", operator="=~", value="5..")]


class ServerMetrics(Type):
    """The metrics of a server, or of a proxy before it."""

    name: str = Field(description="As users write it.")
    error_rate: FailureCounters = Field(
        description="Its counters of requests, and what tells which of them failed."
    )
    latencies: dict[LatencyName, Histogram] = Field(
        default_factory=dict, description="Its histograms; `request` is what latency is by default."
    )
    lacks: dict[str, str] = Field(
        default_factory=dict, description="By kind of check, why it has no default, in a sentence."
    )
