"""Whether the traffic is split as asked."""

from typing import Annotated

from pydantic import ConfigDict, Field

from serinus.api.base import Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, MetricName


class TrafficShare(Compared):
    """The candidate's share of requests, compared with its weight. If they differ, the routing is
    broken: the rollout is held, and not rolled back."""

    shares_budget = False

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
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
        "the sum of both counters.",
    )
    tolerance: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.25,
        description="Hold the rollout once the candidate's share is shown to be more than this "
        "many "
        "times its weight, or less than its weight divided by this.",
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
