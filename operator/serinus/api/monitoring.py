"""Continuous monitoring of the stable revision, also between rollouts: of its inputs and
predictions against a reference, and of its errors and feedback against limits."""

import hashlib
import json
from collections import Counter as Count
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from serinus.api.base import Budget, Interval, Percent, TimeBetweenAlarms, Type
from serinus.api.checks import Counter, LabelName, MetricName
from serinus.api.checks.feedback import FeedbackCounters
from serinus.api.checks.server import NOT_BOTH, FailureCounters, ServerMetrics
from serinus.api.checks.settings import sorted_by
from serinus.api.problem import Problem
from serinus.api.quantities import fraction, seconds
from serinus.api.task_kinds import GROUP_VERSION, KIND_NAME, kind_in_words
from serinus.api.template import ANY_SPEC, RETRAINING_SCHEMA, of_task

FeatureName = Annotated[str, Field(min_length=1, max_length=100)]
CategoryName = Annotated[str, Field(min_length=1, max_length=100)]
MOST_FEATURES = 64
MOST_SHARES = 64
WEEK = 7 * 86400.0
"""Seconds."""
LONGEST_BY_HOUR: Final = "10m"
"""Between two measurements, if hours of the week are compared."""


class BucketShare(Type):
    """A range of a numeric feature, from the previous bound up to this one."""

    up_to: float = Field(
        description="Upper bound, in the unit of the feature; must be a bucket bound of the pods' "
        "histogram."
    )
    share: Percent = Field(description="Share of all values of the feature that are in this range.")


class GivenFeature(Type):
    """The expected distribution of a feature."""

    feature: FeatureName = Field(description="Name of the feature.")
    buckets: Annotated[list[BucketShare], Field(max_length=MOST_SHARES)] = Field(
        default_factory=list,
        description="Ranges of numeric values, in ascending order. The remainder up to 100% is "
        "above the last bound.",
    )
    categories: Annotated[dict[CategoryName, Percent], Field(max_length=MOST_SHARES)] = Field(
        default_factory=dict,
        description="Share of each category; missing values have the category missing. Without "
        "buckets, the remainder up to 100% is any other category.",
    )

    def problems(self) -> Iterator[Problem]:
        """What the schema does not say."""
        bounds = [bucket.up_to for bucket in self.buckets]
        if any(later <= earlier for earlier, later in pairwise(bounds)):
            yield Problem("buckets", "upTo must increase from bucket to bucket")
        shares = [*(bucket.share for bucket in self.buckets), *self.categories.values()]
        if not shares:
            yield Problem("", "set buckets, categories or both")
        if (whole := sum(map(fraction, shares))) > 1 + 1e-9:
            message = f"the shares add up to {100 * whole:.6g}%, which is more than 100%"
            yield Problem("", message)


class RecordedReference(Type):
    """How a reference is recorded from stable."""

    record_for: Interval = Field(
        default="1h",
        description="How long a newly stable revision is recorded before that becomes the "
        "reference. Use a day if your traffic depends on the time of day.",
    )
    min_values: Annotated[int, Field(ge=100, le=1_000_000_000)] = Field(
        default=1000,
        description="Minimum number of recorded values; recording continues until there are as "
        "many.",
    )


class Reference(RecordedReference):
    """The distributions that features are compared with, recorded from stable or given."""

    given: Annotated[list[GivenFeature], Field(min_length=1, max_length=MOST_FEATURES)] | None = (
        Field(
            default=None,
            description="Given distributions, such as those of the training data. Nothing is "
            "recorded, and only these features are monitored.",
        )
    )


class Monitor(Type):
    """Settings of one quantity that is monitored."""

    @cached_property
    def digest(self) -> str:
        """A hash of the settings, 12 characters."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def problems(self) -> Iterator[Problem]:
        """What the schema does not say, with paths below the settings."""
        yield from ()

    def problem_with(self, interval: str) -> str:
        """Why so much time between two measurements is too much; empty: it is not."""
        return ""

    def completed(self, server: ServerMetrics) -> Self:
        """These settings, with omitted metrics of requests as the server has them."""
        return self


class FeatureDrift(Monitor):
    """Detects drift of the stable revision's inputs from a reference. Drift is reported by the
    condition Drifted, an event and a metric, and never causes a rollback."""

    features: MetricName = Field(
        default="model_feature_value",
        description="Histogram of numeric features (its name without _bucket).",
    )
    categories: Counter = Field(
        default=Counter(metric="model_feature_category_total"),
        description="Counter of the values of categorical features and of missing values.",
    )
    feature_label: LabelName = Field(
        default="feature", description="Label with the name of the feature."
    )
    category_label: LabelName = Field(
        default="category", description="Label with the name of the category."
    )
    reference: Reference = Field(
        default=Reference(), description="The distributions that features are compared with."
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="A feature has drifted once a range or category is shown to be more than this "
        "many times as common, or as rare, as in the reference.",
    )
    absolute_tolerance: Percent = Field(
        default="2%",
        description="Added to the tolerated share of each range or category; also covers the "
        "sampling error of a recorded reference.",
    )

    def problems(self) -> Iterator[Problem]:
        """Of the categories, and of the given distributions."""
        yield from sorted_by("categories", self.categories, self.category_label)
        given, field = self.reference.given or [], "reference.given"
        for name, times in sorted(Count(each.feature for each in given).items()):
            if times > 1:
                yield Problem(field, f"feature {name} is listed twice")
        for index, each in enumerate(given):
            yield from (found.below(f"{field}[{index}]") for found in each.problems())


class PredictionReference(RecordedReference):
    """The distributions that predictions are compared with, recorded from stable."""

    @property
    def by_hour(self) -> bool:
        """Whether each hour of the week has its own."""
        return seconds(self.record_for) >= WEEK


class PredictionMonitor(Monitor):
    """Detects that the predictions of the stable revision differ from a reference. It is reported
    by the condition PredictionsDrifted and an event, and never causes a rollback."""

    scores: MetricName = Field(
        default="model_prediction_score",
        description="Histogram of scores (its name without _bucket).",
    )
    classes: Counter = Field(
        default=Counter(metric="model_predictions_total"),
        description="Counter of predictions by class. One of scores and classes is enough.",
    )
    class_label: LabelName = Field(default="class", description="Label with the predicted class.")
    reference: PredictionReference = Field(
        default=PredictionReference(),
        description="Distributions that are recorded from each newly stable revision. If recordFor "
        "is a week (168h) or more, each hour of the week is compared with the same hour in the "
        "reference, and minValues applies to each hour.",
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="Report once a class or score range is shown to be more than this many times "
        "as common, or as rare, as in the reference.",
    )
    absolute_tolerance: Percent = Field(
        default="2%",
        description="Added to the tolerated share of each class or score range; also covers the "
        "sampling error of the reference.",
    )

    def problems(self) -> Iterator[Problem]:
        """Of the classes."""
        return sorted_by("classes", self.classes, self.class_label)

    def problem_with(self, interval: str) -> str:
        """An hour that is compared is measured several times."""
        if not self.reference.by_hour or seconds(interval) <= seconds(LONGEST_BY_HOUR):
            return ""
        too_long = f"{interval} is too long for a reference by hour of the week"
        return f"{too_long}: set at most {LONGEST_BY_HOUR}"


class ErrorLimit(FailureCounters, Monitor):
    """Detects that the stable revision fails more often than a limit. It is reported by the
    condition ErrorsAboveLimit and an event, and never causes a rollback."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [NOT_BOTH]})

    limit: Budget = Field(
        description="Report once the share of failed requests is shown to be above this."
    )

    def problems(self) -> Iterator[Problem]:
        """A counter of failures that is that of all requests."""
        return self.double_counts()


class FeedbackLimit(FeedbackCounters, Monitor):
    """Detects that more feedback on the stable revision is negative than a limit. It is reported by
    the condition FeedbackAboveLimit and an event, and never causes a rollback."""

    limit: Budget = Field(
        description="Report once the share of negative outcomes is shown to be above this."
    )


Quantity = Literal["featureDrift", "predictionDrift", "errorRate", "feedback"]
MONITORS: Final[Mapping[Quantity, type[Monitor]]] = {
    "featureDrift": FeatureDrift,
    "predictionDrift": PredictionMonitor,
    "errorRate": ErrorLimit,
    "feedback": FeedbackLimit,
}
"""Every quantity that can be monitored, by its key in a manifest; each has a field of
Monitoring."""
_FIELDS: Final[Mapping[str, str]] = {key: to_snake(key) for key in MONITORS}
MOST_A_WEEK: Final = 7


class RetrainingJob(Type):
    """A Job that retrains the model and publishes the new version where it is rolled out from,
    with its own permissions."""

    template: Annotated[dict[str, Any], Field(json_schema_extra=RETRAINING_SCHEMA)]
    timeout: Interval = Field(
        default="24h", description="Time in which the Job must end, from when it was started."
    )


class RetrainingTask(Type):
    """An object of another kind, such as a workflow, that retrains the model. The administrator of
    Serinus lists the kinds that may be used. Whoever writes it must be allowed to create objects
    of the kind, and to impersonate the ServiceAccount."""

    api_version: Annotated[str, Field(max_length=253, pattern=GROUP_VERSION)] = Field(
        description="apiVersion of the object, such as argoproj.io/v1alpha1."
    )
    kind: Annotated[str, Field(max_length=63, pattern=KIND_NAME)] = Field(
        description="Kind of the object, such as Workflow."
    )
    service_account_name: Annotated[
        str, Field(max_length=253, pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    ] = Field(description="Name of the ServiceAccount under which it runs.")
    spec: Annotated[dict[str, Any], Field(json_schema_extra=ANY_SPEC)]
    timeout: Interval = Field(
        default="24h",
        description="Time in which the object must end, from when it was started; then it is "
        "deleted.",
    )

    @property
    def name(self) -> str:
        """Of the kind."""
        return kind_in_words(self.api_version, self.kind)

    @cached_property
    def digest(self) -> str:
        """A hash of all of it, 12 characters."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


JOB_OR_TASK: Final = "set exactly one of job and task"


class Retrain(Type):
    """Starts a Job when an alarm persists. It decides nothing about a rollout: the version that the
    Job publishes is rolled out like any other."""

    model_config = ConfigDict(
        json_schema_extra={
            # whoever applies a manifest without it removes it, also what the API server filled in
            "x-kubernetes-map-type": "atomic",
            "x-kubernetes-validations": [
                {"rule": "has(self.job) != has(self.task)", "message": JOB_OR_TASK}
            ],
        }
    )

    alarms: Annotated[
        list[Quantity],
        Field(min_length=1, max_length=len(MONITORS)),
    ] = Field(
        description=f"Alarms that start a Job, of what is monitored: {', '.join(MONITORS)}. "
        "Retraining seldom helps against errors."
    )
    after: Interval = Field(
        default="1h",
        description="How long an alarm about the present stable revision must last before a Job is "
        "started. An alarm ends by itself once its cause is over.",
    )
    job: RetrainingJob | None = Field(default=None, description="The Job.")
    task: RetrainingTask | None = Field(
        default=None, description="What is started instead of a Job."
    )
    cooldown: Interval = Field(
        default="24h",
        description="Time from the end of a Job, however it ended, until another may start.",
    )
    max_per_week: Annotated[int, Field(ge=1, le=MOST_A_WEEK)] = Field(
        default=2, description="Maximum number of Jobs that are started in any seven days."
    )

    @model_validator(mode="after")
    def _job_or_task(self) -> Self:
        if (self.job is None) == (self.task is None):
            raise ValueError(JOB_OR_TASK)
        return self

    @property
    def timeout(self) -> str:
        """Time in which what is started must end."""
        run = self.job or self.task
        return run.timeout if run else ""

    @property
    def field(self) -> str:
        """Which of the two is set."""
        return "job" if self.task is None else "task"

    def problems(self, monitored: Mapping[str, Monitor]) -> Iterator[Problem]:
        """What the schema does not say, given what is monitored."""
        if self.job is not None:
            yield from of_task(self.job.template, "job.template")
        for index, each in enumerate(self.alarms):
            if each not in monitored:
                message = f"{each} is not monitored: set monitoring.{each}, or remove it here"
                yield Problem(f"alarms[{index}]", message)


class Monitoring(Type):
    """Continuous monitoring of the stable revision. Without any of featureDrift,
    predictionDrift, errorRate and feedback, featureDrift is monitored."""

    interval: Interval = Field(
        default="1m", description="Time between two measurements; at least 1s."
    )
    mean_time_between_false_alarms: TimeBetweenAlarms = Field(
        default="8760h",
        description="Mean time between false alarms, over everything that is monitored of this "
        "object; at least 24h, and a year by default. A shorter time reports changes sooner.",
    )
    feature_drift: FeatureDrift | None = Field(
        default=None, description="Drift of the features from their reference."
    )
    prediction_drift: PredictionMonitor | None = Field(
        default=None, description="Drift of the predictions from their reference."
    )
    error_rate: ErrorLimit | None = Field(
        default=None, description="Share of failed requests, compared with a limit."
    )
    feedback: FeedbackLimit | None = Field(
        default=None,
        description="Share of negative outcomes that users report, compared with a limit.",
    )
    retrain: Retrain | None = Field(
        default=None, description="A Job that is started when an alarm persists."
    )

    @model_validator(mode="after")
    def _features_unless_others_are_set(self) -> Self:
        if not self.monitors:
            object.__setattr__(self, "feature_drift", FeatureDrift())
        return self

    @property
    def monitors(self) -> dict[str, Monitor]:
        """What is monitored, by its key."""
        each = ((key, getattr(self, field)) for key, field in _FIELDS.items())
        return {key: monitor for key, monitor in each if monitor is not None}

    def problems(self) -> Iterator[Problem]:
        """What the schema does not say."""
        for key, each in self.monitors.items():
            yield from (found.below(key) for found in each.problems())
            if message := each.problem_with(self.interval):
                yield Problem("interval", message)
        if self.retrain is not None:
            found = self.retrain.problems(self.monitors)
            yield from (each.below("retrain") for each in found)

    def completed(self, server: ServerMetrics) -> Self:
        """These settings, with omitted metrics of requests as the server has them."""
        monitors = self.monitors.items()
        return self.filled(**{_FIELDS[key]: each.completed(server) for key, each in monitors})
