"""What users report."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import ConfigDict, Field

from serinus.api.base import Duration, Percent, Type
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import counted_by, counts_too_late
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class FeedbackCounters(Type):
    """The counter of reported outcomes, and which of them are negative."""

    outcomes: Counter = Field(
        default=Counter(metric="model_feedback_total"),
        description="Counter of all reported outcomes.",
    )
    negative: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] = Field(
        default=[
            LabelMatcher(
                label="outcome",
                operator="=~",
                value="bad|negative|incorrect|false_positive|false_negative",
            )
        ],
        description="Which outcomes are negative; defaults to an outcome of bad, negative, "
        "incorrect, false_positive or false_negative.",
    )


class Feedback(FeedbackCounters, Compared):
    """Share of negative outcomes among those that users report, compared with stable and with an
    absolute limit. Answers without feedback do not count."""

    finds_bad_events = True
    compares_strata = True

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
    )

    after: Duration | None = Field(
        default=None,
        description="Ignore feedback for this time after each change of the weight: the time in "
        "which nearly all feedback arrives. Without this field it is measured in each rollout: "
        "feedback counts once the candidate has received as much as its share of the traffic "
        "predicts. 0s: at once.",
    )
    min_feedback: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50,
        description="Minimum number of candidate outcomes for a step to pass.",
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
        "above this, regardless of stable.",
    )

    @property
    def told_later(self) -> frozenset[str]:
        return frozenset({self.outcomes.metric})

    @property
    def serves_a_mirror(self) -> bool:
        return False

    @property
    def counts_after_seconds(self) -> float:
        return seconds(self.after or "0s")

    @property
    def finds_when_to_count(self) -> bool:
        return self.after is None

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        if self.after is not None:
            yield from counts_too_late("after", self.after, longest_step)
        yield from super().problems(longest_step, server)

    def problems_with_strata(self, labels: Sequence[str]) -> Iterator[Problem]:
        yield from counted_by("negative", (each.label for each in self.negative), labels)
