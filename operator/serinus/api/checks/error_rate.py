"""Failed requests."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher, MetricName

_FAILURES_OR_SUCCESSES: Final = "successes cannot be combined with failures or errors"


class ErrorRate(Compared):
    """Share of failed requests, compared with stable and with an absolute limit."""

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
        description="Counter of all requests, or of successful requests if failures is set. "
        "Defaults to that of the preset, or model_requests_total.",
    )
    failures: MetricName | None = Field(
        default=None,
        description="Counter of failed requests, if the server has a separate one. The total is "
        "then "
        "the sum of both counters, and the matchers of requests apply to both.",
    )
    successes: MetricName | None = Field(
        default=None,
        description="Counter of successful requests, if the server does not count failures. All "
        "other requests failed, and the matchers of requests apply to both counters.",
    )
    errors: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which series of failures, or otherwise of requests, are errors. Defaults to "
        "those of the preset, otherwise all of failures, or those with a code of 5xx.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.1,
        description="Roll back once the candidate is shown to fail more than this many times as "
        "often as stable.",
    )
    absolute_tolerance: Percent = Field(
        default="0.1%",
        description="Added to the tolerated rate, so that a few errors do not cause a rollback if "
        "stable has almost none.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once the candidate is shown to fail less than this many times as often "
        "as stable.",
    )
    absolute_margin: Percent = Field(
        default="1%",
        description="Added to the margin, so that the candidate can pass if stable has almost no "
        "errors.",
    )
    limit: Percent | None = Field(
        default=None,
        description="Roll back once the candidate's error rate is shown to be above this, "
        "regardless of stable.",
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
