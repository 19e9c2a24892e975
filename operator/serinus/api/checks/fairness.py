"""How often each group is favoured."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import Percent, Type
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher, LabelName

OutcomeName = Annotated[str, Field(min_length=1, max_length=100)]


_FAIRNESS_OF_SOMETHING = "set favourable, equalisedOdds or both"


class EqualisedOdds(Type):
    """Feedback that tells right from wrong, by group: who should have been favoured is, equally
    often in each group, and so is who should not."""

    outcomes: Counter = Field(
        default=Counter(metric="model_feedback_total"),
        description="The counter of outcomes.",
    )
    outcome_label: LabelName = Field(
        default="outcome", description="The label that names the outcome."
    )
    true_positive: OutcomeName = Field(
        default="true_positive", description="The outcome of one who was favoured rightly."
    )
    false_positive: OutcomeName = Field(
        default="false_positive", description="The outcome of one who was favoured wrongly."
    )
    true_negative: OutcomeName = Field(
        default="true_negative", description="The outcome of one who was refused rightly."
    )
    false_negative: OutcomeName = Field(
        default="false_negative", description="The outcome of one who was refused wrongly."
    )


class Fairness(Compared):
    """The groups inside the candidate against each other: each is favoured about as often as any
    other. Stable has no part in it."""

    compares_with_stable = False

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                MARGIN_ABOVE_TOLERANCE,
                {
                    "rule": "has(self.favourable) || has(self.equalisedOdds)",
                    "message": _FAIRNESS_OF_SOMETHING,
                },
            ]
        }
    )

    predictions: Counter = Field(
        default=Counter(metric="model_predictions_total"),
        description="The counter of the model's answers.",
    )
    group_label: LabelName = Field(
        default="group",
        description="The label that names the group; a series without it belongs to none.",
    )
    favourable: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which answers are favourable, for example class=approve. Each group's share "
        "of them is compared with each other's.",
    )
    equalised_odds: EqualisedOdds | None = Field(
        default=None,
        description="Compare true and false positive rates too, where feedback tells them.",
    )
    min_group_share: Percent = Field(
        default="2%",
        description="A group with less than this share of the candidate's answers does not keep a "
        "step from passing; it may still fail it.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="Roll back once one group is shown to be favoured more than this many times as "
        "often as another; 1.25 is the four-fifths rule.",
    )
    absolute_tolerance: Percent = Field(default="0%", description="Added to the tolerated rate.")
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once no group is shown to be favoured this many times as often as "
        "another.",
    )
    absolute_margin: Percent = Field(default="2%", description="Added to the margin.")

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.favourable is None and self.equalised_odds is None:
            raise ValueError(_FAIRNESS_OF_SOMETHING)
        return self
