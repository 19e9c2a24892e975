"""Whether the traffic is split as asked."""

from typing import Annotated

from pydantic import ConfigDict, Field

from serinus.api.base import Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, MetricName


class TrafficShare(Compared):
    """The candidate's share of the requests against its weight. Where it is another, the routing is
    broken: the rollout is held, and nobody is rolled back."""

    shares_budget = False

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
    )

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
    tolerance: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.25,
        description="Hold the rollout once the candidate is shown to take more than this many "
        "times its weight, or less than its weight divided by this.",
    )
    absolute_tolerance: Percent = Field(
        default="0.5%",
        description="Added to the greatest share tolerated, and taken off the least.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=2.0,
        description="Pass once the candidate is shown to take less than this many times its "
        "weight, and more than its weight divided by this. After a hold it is the tolerance.",
    )
    absolute_margin: Percent = Field(
        default="1%", description="Added to the margin's greatest share, and taken off its least."
    )
