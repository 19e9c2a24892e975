"""Failed requests."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher, MetricName

_FAILURES_OR_SUCCESSES: Final = (
    "failures come from successes, or from failures and errors: set successes alone, or not at all"
)


class ErrorRate(Compared):
    """The share of failed requests: candidate against stable, and against an absolute limit."""

    counts_requests = True
    finds_bad_events = True

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                MARGIN_ABOVE_TOLERANCE,
                {
                    "rule": "!has(self.successes) || !(has(self.failures) || has(self.errors))",
                    "message": _FAILURES_OR_SUCCESSES,
                },
            ]
        }
    )

    requests: Counter = Field(
        default=Counter(metric="model_requests_total"),
        description="The counter of all requests, or of those that succeeded if failures is set. "
        "By default the preset's, or model_requests_total.",
    )
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
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.1,
        description="Roll back once the candidate is shown to fail more than this many times as "
        "often as stable.",
    )
    absolute_tolerance: Percent = Field(
        default="0.1%",
        description="Added to the tolerated rate, so that a few errors next to a nearly "
        "perfect stable do not cause a rollback.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once the candidate is shown to fail less than this many times as often "
        "as stable.",
    )
    absolute_margin: Percent = Field(
        default="1%",
        description="Added to the margin, so that a candidate next to a nearly perfect stable "
        "can pass at all.",
    )
    limit: Percent | None = Field(
        default=None,
        description="Roll back once the candidate's error rate is shown to be above this, "
        "whatever stable does.",
    )

    @model_validator(mode="after")
    def _failures_or_successes(self) -> Self:
        if self.successes is not None and (self.failures is not None or self.errors is not None):
            raise ValueError(_FAILURES_OR_SUCCESSES)
        return self

    @property
    def failed(self) -> list[LabelMatcher]:
        """What holds for a failed request, of those that failures counts or else requests."""
        if self.errors is not None:
            return self.errors
        return [] if self.failures else [LabelMatcher(label="code", operator="=~", value="5..")]
