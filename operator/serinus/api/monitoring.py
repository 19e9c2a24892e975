"""What is watched of the stable revision at all times, also between rollouts."""

import hashlib
import json
from functools import cached_property
from typing import Annotated

from pydantic import Field

from serinus.api.base import Interval, Percent, Type
from serinus.api.checks import Counter, LabelName, MetricName

FeatureName = Annotated[str, Field(min_length=1, max_length=100)]
CategoryName = Annotated[str, Field(min_length=1, max_length=100)]
MOST_FEATURES = 64
MOST_SHARES = 64


class BucketShare(Type):
    """A range of a numeric feature: above the bucket before, and up to a bound."""

    up_to: float = Field(
        description="Upper bound, in the feature's unit; a bucket bound of the pods' histogram."
    )
    share: Percent = Field(description="Share of all values of the feature that lie in it.")


class GivenFeature(Type):
    """How the values of a feature are expected to be distributed."""

    feature: FeatureName = Field(description="Name of the feature.")
    buckets: Annotated[list[BucketShare], Field(max_length=MOST_SHARES)] = Field(
        default_factory=list,
        description="Ranges of numeric values, rising. What no bucket or category has of 100% lies "
        "above the last.",
    )
    categories: Annotated[dict[CategoryName, Percent], Field(max_length=MOST_SHARES)] = Field(
        default_factory=dict,
        description="Share of each category; missing values are the category missing.",
    )


class Reference(Type):
    """What the features are compared with: recorded from stable's own traffic, or given."""

    record_for: Interval = Field(
        default="1h",
        description="How long the inputs of a newly stable revision are recorded before they "
        "become the reference. Use a day if your inputs depend on the time of day.",
    )
    min_values: Annotated[int, Field(ge=100, le=1_000_000_000)] = Field(
        default=1000,
        description="Values that a recorded feature must have; recording goes on until one has.",
    )
    given: Annotated[list[GivenFeature], Field(min_length=1, max_length=MOST_FEATURES)] | None = (
        Field(
            default=None,
            description="Given distributions, such as those of the training data; then nothing "
            "is recorded, and only these features are monitored.",
        )
    )


class FeatureDrift(Type):
    """Whether the inputs of the stable revision have drifted from their reference. This never
    causes a rollback: the condition Drifted, an event and a metric report it."""

    features: MetricName = Field(
        default="model_feature_value",
        description="Histogram of numeric features (its name without _bucket).",
    )
    categories: Counter = Field(
        default=Counter(metric="model_feature_category_total"),
        description="Counter of the values of categorical features, and of missing ones.",
    )
    feature_label: LabelName = Field(
        default="feature", description="The label that names the feature."
    )
    category_label: LabelName = Field(
        default="category", description="The label that names the category."
    )
    reference: Reference = Field(
        default=Reference(), description="What the features are compared with."
    )
    tolerance: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.25,
        description="A feature has drifted once some range or category is shown to be more than "
        "this many times as common, or as rare, as in the reference.",
    )
    absolute_tolerance: Percent = Field(
        default="2%",
        description="Added to the tolerated share of each range or category; it also covers that "
        "a recorded reference is a sample.",
    )

    @cached_property
    def digest(self) -> str:
        """12 characters that stand for the settings; others give other ones."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Monitoring(Type):
    """What is monitored of the stable revision, and how often."""

    interval: Interval = Field(
        default="1m", description="Time between two looks at Prometheus; 1s at least."
    )
    feature_drift: FeatureDrift = Field(
        default=FeatureDrift(),
        description="Whether the features have drifted from their reference.",
    )
