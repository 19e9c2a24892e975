"""How often each group is favoured."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import Percent, Type
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelMatcher, LabelName

OutcomeName = Annotated[str, Field(min_length=1, max_length=100)]


_FAIRNESS_OF_SOMETHING = "set favourable, equalisedOdds or both"


class EqualisedOdds(Type):
    """Compares the true and false positive rates of the groups, from feedback."""

    outcomes: Counter = Field(
        default=Counter(metric="model_feedback_total"),
        description="Counter of outcomes.",
    )
    outcome_label: LabelName = Field(default="outcome", description="Label with the outcome.")
    true_positive: OutcomeName = Field(
        default="true_positive", description="Outcome of a correct favourable answer."
    )
    false_positive: OutcomeName = Field(
        default="false_positive", description="Outcome of a wrong favourable answer."
    )
    true_negative: OutcomeName = Field(
        default="true_negative", description="Outcome of a correct unfavourable answer."
    )
    false_negative: OutcomeName = Field(
        default="false_negative", description="Outcome of a wrong unfavourable answer."
    )


class Fairness(Compared):
    """Compares how often each group gets a favourable answer, with the other groups of the
    candidate or with how stable treats them."""

    follows_inputs = True

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

    against: Literal["OtherGroups", "Stable"] = Field(
        default="OtherGroups",
        description="OtherGroups: no group may be favoured over another by more than the "
        "tolerance. Stable: no group may be favoured over another by more than the tolerance, if "
        "that is also more than the tolerance times stable's ratio of the two groups' odds.",
    )
    predictions: Counter = Field(
        default=Counter(metric="model_predictions_total"),
        description="Counter of the model's answers.",
    )
    group_label: LabelName = Field(
        default="group",
        description="Label with the group; a series without it belongs to no group.",
    )
    favourable: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which answers are favourable, for example class=approve. The groups' shares "
        "of favourable answers are compared.",
    )
    equalised_odds: EqualisedOdds | None = Field(
        default=None,
        description="Also compare true and false positive rates, from feedback.",
    )
    min_group_share: Percent = Field(
        default="2%",
        description="A group with a smaller share of the candidate's answers does not prevent a "
        "Pass, but can cause a Fail.",
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

    @property
    def compares_with_stable(self) -> bool:
        return self.against == "Stable"

    @property
    def told_later(self) -> frozenset[str]:
        odds = self.equalised_odds
        return frozenset({odds.outcomes.metric}) if odds is not None else frozenset()

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.favourable is None and self.equalised_odds is None:
            raise ValueError(_FAIRNESS_OF_SOMETHING)
        return self
