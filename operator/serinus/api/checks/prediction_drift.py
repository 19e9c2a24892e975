"""The distribution of predictions."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import ConfigDict, Field

from serinus.api.base import Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared
from serinus.api.checks.metrics import Counter, LabelName, MetricName
from serinus.api.checks.settings import told_by
from serinus.api.problem import Problem


class PredictionDrift(Compared):
    """Distribution of predictions, compared with stable on live traffic."""

    compares_strata = True
    follows_inputs = True

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE]}
    )

    scores: MetricName | None = Field(
        default=None,
        description="Histogram of scores (its name without _bucket), compared by bucket.",
    )
    classes: Counter | None = Field(
        default=None,
        description="Counter of predictions, compared by classLabel. Without scores and classes, "
        "model_prediction_score and model_predictions_total are read, if the pods export them.",
    )
    class_label: LabelName = Field(default="class", description="Label with the predicted class.")
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="Roll back once a class or score range is shown to be more than this many "
        "times as common, or as rare, as with stable.",
    )
    absolute_tolerance: Percent = Field(
        default="1%", description="Added to the tolerated share of each class or score range."
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=2.0,
        description="Pass once every class and score range is shown to be within this many times "
        "stable's share.",
    )
    absolute_margin: Percent = Field(
        default="2%", description="Added to the margin of each class or score range."
    )

    def problems_with_strata(self, labels: Sequence[str]) -> Iterator[Problem]:
        yield from told_by("classLabel", [self.class_label], labels)
