"""What users report."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict, Field

from serinus.api.base import Duration, Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import counts_too_late
from serinus.api.problem import Problem


class Feedback(Compared):
    """The share of negative outcomes among those that users report: candidate against stable, and
    against an absolute limit. Answers that nobody judged say nothing."""

    finds_bad_events = True

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
    )

    outcomes: Counter = Field(
        default=Counter(metric="model_feedback_total"),
        description="The counter of all outcomes that were reported.",
    )
    negative: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] = Field(
        default=[
            LabelMatcher(
                label="outcome",
                operator="=~",
                value="bad|negative|incorrect|false_positive|false_negative",
            )
        ],
        description="Which of those outcomes are bad news; by default those whose label outcome is "
        "bad, negative, incorrect, false_positive or false_negative.",
    )
    after: Duration = Field(
        default="0s",
        description="Feedback counts only from so long after the candidate's first traffic. Where "
        "complaints come sooner than praise, a candidate's first feedback is worse than it will "
        "be: wait as long as most feedback takes.",
    )
    min_feedback: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50,
        description="Outcomes that the candidate must have received in a step to pass it.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.1,
        description="Roll back once the candidate's share of negative outcomes is shown to be more "
        "than this many times stable's.",
    )
    absolute_tolerance: Percent = Field(default="1%", description="Added to the tolerated share.")
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once the candidate's share is shown to be less than this many times "
        "stable's.",
    )
    absolute_margin: Percent = Field(default="5%", description="Added to the margin.")
    limit: Percent | None = Field(
        default=None,
        description="Roll back once the candidate's share of negative outcomes is shown to be "
        "above this, whatever stable does.",
    )

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        yield from counts_too_late("after", self.after, longest_step)
        yield from super().problems(longest_step, server)
