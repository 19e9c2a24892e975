"""The distribution of predictions."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from serinus.api.base import Duration, Percent
from serinus.api.checks.compared import MARGIN_ABOVE_TOLERANCE, Compared, Shorthand
from serinus.api.checks.exported import PATHS, Exported, Labels, failures_among, likeliest
from serinus.api.checks.metrics import Counter, LabelName, MetricName
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import counted_by, sorted_by
from serinus.api.problem import Problem

_BUCKET = "_bucket"
_CLASS_LABELS = ("class", "label", "prediction", "predicted", "predicted_class", "outcome")
_NO_CLASS = ("method", "model", "model_name", "model_version", "version", "worker", "pid")
_TOLERANCE, _ABSOLUTE_TOLERANCE, _MARGIN = 1.25, "1%", 2.0
PASSES_WITHIN = 2.5
"""Times the tolerated PSI: a step passes within that."""
_LEAST_PSI = 0.01
_LEAST: JsonValue = {
    # the API server cuts the fraction of a minimum off for whole numbers, and takes 0
    "rule": f"!has(self.psi) || self.psi >= {_LEAST_PSI}",
    "message": f"psi must be at least {_LEAST_PSI}",
}
_PSI = Shorthand(
    "psi",
    {"tolerance": _TOLERANCE, "absoluteTolerance": _ABSOLUTE_TOLERANCE, "margin": _MARGIN},
)


class PredictionDrift(Compared):
    """Distribution of predictions, compared with stable on live traffic."""

    compares_strata = True
    follows_inputs = True
    shorthand = _PSI

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [MARGIN_ABOVE_TOLERANCE, _PSI.rule, _LEAST]}
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
    psi: Annotated[float, Field(ge=_LEAST_PSI, le=1)] | None = Field(
        default=None,
        description="Instead of tolerance, absoluteTolerance and margin: roll back once the "
        "population stability index of all classes, or of all score ranges, is shown to be greater "
        "than this, however the shift is spread over them. A step passes once every one of them is "
        "shown to be so near to stable's share that 2.5 times this index cannot be exceeded, apart "
        "from absoluteMargin.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=_TOLERANCE,
        description="Roll back once a class or score range is shown to be more than this many "
        "times as common, or as rare, as with stable.",
    )
    absolute_tolerance: Percent = Field(
        default=_ABSOLUTE_TOLERANCE,
        description="Added to the tolerated share of each class or score range.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=_MARGIN,
        description="Pass once every class and score range is shown to be within this many times "
        "stable's share.",
    )
    absolute_margin: Percent = Field(
        default="2%", description="Added to the margin of each class or score range."
    )

    @property
    def bounds(self) -> tuple[str, str]:
        if self.psi is None:
            return super().bounds
        within = PASSES_WITHIN * self.psi
        return f"PSI {self.psi:g}", f"PSI {within:g}, each share + {self.absolute_margin}"

    @property
    def stability_index(self) -> float | None:
        return self.psi

    @classmethod
    def proposed(cls, exported: Exported) -> Self | None:
        scores = likeliest(exported, _has_scores, ("prediction", "score"))
        classes = likeliest(exported, _has_classes, ("prediction", "class"))
        found: dict[str, object] = {}
        if scores:
            found["scores"] = scores.removesuffix(_BUCKET)
        if classes:
            found["classes"] = Counter(metric=classes)
            if (label := _class_label(exported[classes])) != cls.model_fields[
                "class_label"
            ].default:
                found["class_label"] = label
        return cls.model_validate(found) if found else None

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        if self.classes is not None:
            yield from sorted_by("classes", self.classes, self.class_label)
        if self.psi is None:
            yield from super().problems(longest_step, server)

    def problems_with_strata(self, labels: Sequence[str]) -> Iterator[Problem]:
        yield from counted_by("classLabel", [self.class_label], labels)


def _has_scores(name: str, labels: Labels) -> bool:
    told = any(word in name for word in ("score", "probab", "prediction"))
    timed = any(word in name for word in ("seconds", "duration", "latency", "time", "size"))
    return name.endswith(_BUCKET) and "le" in labels and told and not timed


def _has_classes(name: str, labels: Labels) -> bool:
    counts = name.endswith(("_total", "predictions"))
    return counts and "predict" in name and _class_label(labels) is not None


def _class_label(labels: Labels) -> str | None:
    """The label with the class: one with a usual name, or the only one that has several
    values and does not say what was asked, of which model, or whether it failed."""
    failed = failures_among(labels)
    others = {*PATHS, *_NO_CLASS, *([failed.label] if failed else [])}
    named = [label for label in _CLASS_LABELS if label in labels.keys() - others]
    several = [label for label in labels.keys() - others if len(labels[label]) > 1]
    return next(iter(named or several), None) if named or len(several) == 1 else None
