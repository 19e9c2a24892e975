"""The checks of an analysis: what is compared, and how much worse is too much.

Two numbers rule each comparison. The tolerance is where a rollback starts: shown to be worse
than this. The margin is where a pass starts: shown to be better than this. Between the two
the verdict is Inconclusive, and the rollout waits for more requests.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_snake

from serinus.api.base import Duration, Percent, Rule, Type, WarmUp, Written

MetricName = Annotated[
    str,
    Field(max_length=200),
    Written("^[a-zA-Z_:][a-zA-Z0-9_:]*$", "a metric's name has letters, digits, _ and : only"),
]
LabelName = Annotated[
    str,
    Field(max_length=100),
    Written("^[a-zA-Z_][a-zA-Z0-9_]*$", "a label's name has letters, digits and _ only"),
]
LatencyName = Annotated[
    str,
    Field(max_length=63),
    Written("^[a-z][a-zA-Z0-9]*$", "a latency's name is written like timeToFirstToken"),
]
CheckName = Annotated[
    str,
    Field(max_length=63),
    Written(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "a check's name has lower-case letters, digits and - only",
    ),
]
OutcomeName = Annotated[str, Field(min_length=1, max_length=100)]
Operator = Literal["=", "!=", "=~", "!~"]

_KINDS = (
    "errorRate",
    "fairness",
    "feedback",
    "latency",
    "predictionDrift",
    "threshold",
    "trafficShare",
)
_FIELDS = tuple((to_snake(kind), kind) for kind in _KINDS)
_ONE_KIND = f"a check needs exactly one of {', '.join(_KINDS)}"
_ONE_LATENCY = "set of, a latency of the preset, or histogram, not both"
_FAILURES_OR_SUCCESSES: Final = (
    "failures come from successes, or from failures and errors: set successes alone, or not at all"
)
_MARGIN_ABOVE_TOLERANCE: JsonValue = {
    "rule": "self.margin > self.tolerance",
    "message": "margin must be greater than tolerance: between the two the verdict is Inconclusive",
}


_NAMED_BY_METRIC: Final = "the metric is named by metric, not by a matcher of __name__"


def _not_the_name(label: str) -> str:
    if label == "__name__":
        raise ValueError(_NAMED_BY_METRIC)
    return label


class LabelMatcher(Type):
    """One condition on a label, as in PromQL."""

    label: Annotated[
        LabelName,
        AfterValidator(_not_the_name),
        Rule("self != '__name__'", _NAMED_BY_METRIC),
    ] = Field(description="Name of the label.")
    operator: Operator = Field(
        default="=",
        description="How to compare: = or != for a text, =~ or !~ for a regular expression.",
    )
    value: Annotated[str, Field(max_length=256)] = Field(description="What to compare with.")

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels meets it, as Prometheus decides it.

        Raises ValueError for a regular expression that Python has not.
        """
        value = labels.get(self.label, "")
        try:
            found = self.value == value if "~" not in self.operator else self._fits(value)
        except re.error:
            raise ValueError(
                f"the matcher of {self.label} can only be tried in Prometheus, whose regular "
                f"expressions have {self.value!r}"
            ) from None
        return found is not self.operator.startswith("!")

    def _fits(self, value: str) -> bool:
        return re.fullmatch(self.value, value) is not None


class Counter(Type):
    """A counter that the model's pods export."""

    metric: MetricName = Field(description="Name of the counter, for example http_requests_total.")
    matchers: Annotated[list[LabelMatcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Conditions that a series must meet to count; all series if left out.",
    )


class Histogram(Type):
    """A histogram that the model's pods export, classic or native."""

    metric: MetricName = Field(
        description="Name of the histogram, without _bucket: http_request_duration_seconds."
    )
    matchers: Annotated[list[LabelMatcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Conditions that a series must meet to count; all series if left out.",
    )
    unit: Literal["s", "ms", "us"] = Field(
        default="s", description="Unit of its bucket bounds: s, ms or us."
    )

    @property
    def per_second(self) -> float:
        """How many of its unit make a second."""
        return {"s": 1.0, "ms": 1e3, "us": 1e6}[self.unit]


class Compared(Type):
    """Worse than `tolerance`: roll back. Better than `margin`: pass."""

    tolerance: float
    absolute_tolerance: Percent
    margin: float
    absolute_margin: Percent

    @model_validator(mode="after")
    def _margin_above_tolerance(self) -> Self:
        if self.margin <= self.tolerance:
            raise ValueError("margin must be greater than tolerance")
        return self


class ErrorRate(Compared):
    """The share of failed requests: candidate against stable, and against an absolute limit."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                _MARGIN_ABOVE_TOLERANCE,
                {
                    "rule": "!has(self.successes) || !(has(self.failures) || has(self.errors))",
                    "message": _FAILURES_OR_SUCCESSES,
                },
            ]
        }
    )

    requests: Counter = Field(
        default=Counter(metric="model_requests_total"),
        description="The counter of all requests, or of those that succeeded if failures is set. "
        "By default the preset's, or model_requests_total.",
    )
    failures: MetricName | None = Field(
        default=None,
        description="A counter of failed requests, where the server counts them apart; both "
        "counters together are all requests then, and the matchers of requests hold for both.",
    )
    successes: MetricName | None = Field(
        default=None,
        description="A counter of those of the requests that succeeded, where the server counts "
        "no failures; the rest of requests failed, and the matchers of requests hold for both.",
    )
    errors: Annotated[list[LabelMatcher], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Which requests failed, of those that failures counts or else requests. By "
        "default the preset's; without one all of failures, or those whose label code is 5xx.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.1,
        description="Roll back once the candidate is shown to fail more than this many times as "
        "often as stable.",
    )
    absolute_tolerance: Percent = Field(
        default="0.1%",
        description="Added to the tolerated rate, so that trifles beside a nearly perfect stable "
        "do not roll back.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once the candidate is shown to fail less than this many times as often "
        "as stable.",
    )
    absolute_margin: Percent = Field(
        default="1%",
        description="Added to the margin, so that a candidate beside a nearly perfect stable can "
        "pass at all.",
    )
    limit: Percent | None = Field(
        default=None,
        description="Roll back once the candidate's error rate is shown to be above this, "
        "whatever stable does.",
    )

    @model_validator(mode="after")
    def _failures_or_successes(self) -> Self:
        if self.successes is not None and (self.failures is not None or self.errors is not None):
            raise ValueError(_FAILURES_OR_SUCCESSES)
        return self

    @property
    def failed(self) -> list[LabelMatcher]:
        """What holds for a failed request, of those that failures counts or else requests."""
        if self.errors is not None:
            return self.errors
        return [] if self.failures else [LabelMatcher(label="code", operator="=~", value="5..")]


class SlowLimit(Type):
    """No more than this share of requests may be slower than this bound."""

    bound: Duration = Field(
        description="A latency such as 500ms. It should be a bucket bound of the histogram; the "
        "next higher one is taken where it is not."
    )
    share: Percent = Field(
        description="Roll back once more than this share of the candidate's requests is shown to "
        "be slower than the bound, whatever stable does."
    )


class Latency(Compared):
    """How long requests take: the share slower than each of a few bounds, candidate against
    stable. The bounds are buckets of the histogram, nearest to what 50, 25, 10, 5, 2, 1 and 0.5%
    of stable's requests exceed."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                _MARGIN_ABOVE_TOLERANCE,
                {"rule": "!has(self.of) || !has(self.histogram)", "message": _ONE_LATENCY},
            ]
        }
    )

    of: LatencyName | None = Field(
        default=None,
        description="Which of the preset's latencies, such as timeToFirstToken of vLLM; request, "
        "the whole of it, if left out.",
    )
    histogram: Histogram = Field(
        default=Histogram(metric="model_request_duration_seconds"),
        description="The histogram of durations. By default the preset's, or "
        "model_request_duration_seconds.",
    )
    warm_up: WarmUp = Field(
        default="30s",
        description="A pod's requests count once it has served for so long, with either revision, "
        "and again so long after a restart; 10m at most. All other checks count from the first "
        "request on.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.1,
        description="Roll back once more than this many times as many of the candidate's requests "
        "as of stable's are shown to be slower than some bound.",
    )
    absolute_tolerance: Percent = Field(
        default="0.5%",
        description="Added to the tolerated share of slow requests, so that trifles far out in the "
        "tail do not roll back.",
    )
    margin: Annotated[float, Field(gt=1, le=100)] = Field(
        default=1.5,
        description="Pass once fewer than this many times as many of the candidate's requests as "
        "of stable's are shown to be slower than each bound.",
    )
    absolute_margin: Percent = Field(
        default="2%", description="Added to the margin of the share of slow requests."
    )
    limit: SlowLimit | None = Field(
        default=None, description="An absolute limit beside the comparison with stable."
    )

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        if self.of is not None and "histogram" in self.model_fields_set:
            raise ValueError(_ONE_LATENCY)
        return self


class PredictionDrift(Compared):
    """What the model predicts: the candidate's distribution against stable's on live traffic."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_MARGIN_ABOVE_TOLERANCE]}
    )

    scores: MetricName | None = Field(
        default=None,
        description="A histogram of scores (its name without _bucket); compared bucket by bucket.",
    )
    classes: Counter | None = Field(
        default=None,
        description="A counter of predictions; compared by the label class. Without scores and "
        "classes both of the metric contract are read: model_prediction_score and "
        "model_predictions_total, whichever the pods export.",
    )
    class_label: LabelName = Field(
        default="class", description="The label that names the predicted class."
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="Roll back once some class or score range is shown to be more than this many "
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

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                _MARGIN_ABOVE_TOLERANCE,
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


class Feedback(Compared):
    """The share of negative outcomes among those that users report: candidate against stable, and
    against an absolute limit. Answers that nobody judged say nothing."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_MARGIN_ABOVE_TOLERANCE]}
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


class Threshold(Type):
    """A value from Prometheus against fixed bounds. It carries no statistical guarantee."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.min) || has(self.max)", "message": "set min, max or both"},
                {
                    "rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
                    "message": "min must not be above max",
                },
            ]
        }
    )

    query: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="PromQL. Each selector must contain $arm, which stands for the candidate's "
        "pods, or $namespace, which stands for the namespace: max(model_drift_psi{$arm}).",
    )
    min: float | None = Field(default=None, description="Breached below this.")
    max: float | None = Field(default=None, description="Breached above this.")
    for_: Duration = Field(
        default="0s",
        alias="for",
        description="How long it must be breached to roll back, and be in bounds to pass.",
    )

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("set min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class TrafficShare(Compared):
    """The candidate's share of the requests against its weight. Where it is another, the routing is
    broken: the rollout is held, and nobody is rolled back."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_MARGIN_ABOVE_TOLERANCE]}
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


class Check(Type):
    """One question that every step must answer; exactly one kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}]"
                    ".filter(x, x).size() == 1",
                    "message": _ONE_KIND,
                }
            ]
        }
    )

    name: CheckName = Field(description="Name of the check, shown in status and events.")
    weight: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Share of the false-rollback budget, relative to the other checks."
    )
    error_rate: ErrorRate | None = Field(
        default=None, description="Share of failed requests, candidate against stable."
    )
    fairness: Fairness | None = Field(
        default=None, description="The groups inside the candidate, each against each other."
    )
    feedback: Feedback | None = Field(
        default=None,
        description="Share of negative outcomes that users report, candidate against stable.",
    )
    latency: Latency | None = Field(
        default=None, description="Share of slow requests, candidate against stable."
    )
    prediction_drift: PredictionDrift | None = Field(
        default=None, description="Distribution of predictions, candidate against stable."
    )
    threshold: Threshold | None = Field(
        default=None, description="A value from Prometheus against bounds; no guarantee."
    )
    traffic_share: TrafficShare | None = Field(
        default=None,
        description="Share of the requests that the candidate takes, against its weight. It holds "
        "the rollout, and never rolls back.",
    )

    @cached_property
    def kind(self) -> str:
        """The key that is set, such as errorRate."""
        return next(iter(self.kinds()))

    def kinds(self) -> dict[str, Type]:
        """The keys that are set, with their settings."""
        found = ((kind, getattr(self, field)) for field, kind in _FIELDS)
        return {kind: settings for kind, settings in found if settings is not None}

    @property
    def compares_counts(self) -> bool:
        """Whether it can roll back by counts, which may vary more than by chance. Then its chance
        of error is known, and it shares the budget."""
        return self.threshold is None and self.traffic_share is None

    @cached_property
    def digest(self) -> str:
        """12 characters that stand for kind and settings; others give other ones."""
        settings = {kind: value.to_json() for kind, value in self.kinds().items()}
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __hash__(self) -> int:
        """Its settings have lists, which have none."""
        return hash(self.digest)

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> Self:
        if len(self.kinds()) != 1:
            raise ValueError(_ONE_KIND)
        return self
