"""Failed requests."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from serinus.api.base import Duration, Percent, WarmUp
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.exported import (
    Exported,
    Labels,
    failures_among,
    likeliest,
    serves_no_clients,
    shows_failures,
    without_probes,
)
from serinus.api.checks.metrics import Backend, RequestCounter
from serinus.api.checks.server import NOT_BOTH, FailureCounters, ServerMetrics
from serinus.api.checks.settings import counted_by, counts_too_late
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class ErrorRate(FailureCounters, Compared):
    """Share of failed requests, compared with stable and with an absolute limit."""

    counts_requests = True
    finds_bad_events = True
    counts_failures = True
    compares_strata = True

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                MARGIN_ABOVE_TOLERANCE,
                NOT_BOTH,
            ]
        }
    )

    warm_up: WarmUp | None = Field(
        default=None,
        description="Ignore a pod's requests for this time after its first request and after each "
        "restart, in both revisions, even if all of them fail; at most 10m, and 0s: no time. "
        "Without this field they count, but a candidate whose pods fail 10% to 50% of their first "
        "requests is not rolled back while they may still be warming up: until 5m after their "
        "first request, or until as many have failed as they receive in 20s.",
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
        default="0.5%",
        description="Added to the margin, so that the candidate can pass if stable has almost no "
        "errors.",
    )
    limit: Percent | None = Field(
        default=None,
        description="Roll back once the candidate's error rate is shown to be above this, "
        "regardless of stable.",
    )

    @property
    def backend(self) -> Backend | None:
        return self.requests.backend

    @property
    def counts_successes(self) -> frozenset[str]:
        return frozenset() if self.successes is None else frozenset({self.successes})

    @property
    def warm_up_seconds(self) -> float:
        return seconds(self.warm_up) if self.warm_up else 0.0

    @property
    def waits_for_starts(self) -> bool:
        return self.warm_up is None

    @classmethod
    def proposed(cls, exported: Exported) -> Self | None:
        metric = likeliest(exported, _counts_failures, ("http", "request"), shows_failures)
        if metric is None:
            return None
        labels = exported[metric]
        failed = failures_among(labels)
        assert failed is not None
        requests: dict[str, object] = {"metric": metric}
        if matchers := without_probes(labels):
            requests["matchers"] = matchers
        return cls(requests=RequestCounter.model_validate(requests), errors=[failed])

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        yield from self.double_counts()
        if self.warm_up:
            yield from counts_too_late("warmUp", self.warm_up, longest_step)
        yield from super().problems(longest_step, server)

    def problems_with_strata(self, labels: Sequence[str]) -> Iterator[Problem]:
        if self.successes is not None:
            message = "requests under way are not counted by label, as analysis.stratify needs"
            yield Problem("successes", f"{message}: set failures or errors, or remove stratify")
        else:
            yield from counted_by("errors", (each.label for each in self.failed), labels)


def _counts_failures(name: str, labels: Labels) -> bool:
    counts = name.endswith(("_total", "_count", "_requests")) and not serves_no_clients(name)
    others = any(word in name for word in ("exception", "client"))
    return counts and not others and failures_among(labels) is not None
