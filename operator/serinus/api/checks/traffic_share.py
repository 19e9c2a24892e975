"""Whether the traffic is split as asked."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from serinus.api.base import Duration, Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Backend
from serinus.api.checks.server import RequestCounters, ServerMetrics
from serinus.api.problem import Problem


class TrafficShare(RequestCounters, Compared):
    """The candidate's share of requests, compared with its weight. If they differ, the routing is
    broken: the rollout is held, and not rolled back."""

    tests_routing = True

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
    )

    tolerance: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.25,
        description="Hold the rollout once the candidate's share is shown to be more than this "
        "many times its weight, or less than its weight divided by this.",
    )
    absolute_tolerance: Percent = Field(
        default="0.5%",
        description="Added to the largest tolerated share, and subtracted from the smallest.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=2.0,
        description="Pass once the candidate's share is shown to be less than this many times its "
        "weight, and more than its weight divided by this. After a hold, tolerance is used "
        "instead.",
    )
    absolute_margin: Percent = Field(
        default="1%",
        description="Added to the largest share of the margin, and subtracted from the smallest.",
    )

    @property
    def backend(self) -> Backend | None:
        return self.requests.backend

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        yield from self.counted_twice("failures", self.failures)
        yield from super().problems(longest_step, server)

    def completed(self, server: ServerMetrics) -> Self:
        known = server.error_rate
        return self.with_defaults(known, known.model_fields_set & {"requests", "failures"})
