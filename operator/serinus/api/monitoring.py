"""Continuous monitoring of the stable revision, also between rollouts."""

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
        description="Share of each category; missing values have the category missing.",
    )


class Reference(Type):
    """The distributions that features are compared with, recorded from stable or given."""

    record_for: Interval = Field(
        default="1h",
        description="How long the inputs of a newly stable revision are recorded before they "
        "become the reference. Use a day if your inputs depend on the time of day.",
    )
    min_values: Annotated[int, Field(ge=100, le=1_000_000_000)] = Field(
        default=1000,
        description="Minimum number of recorded values; recording continues until a feature has "
        "as many.",
    )
    given: Annotated[list[GivenFeature], Field(min_length=1, max_length=MOST_FEATURES)] | None = (
        Field(
            default=None,
            description="Given distributions, such as those of the training data. Nothing is "
            "recorded, and only these features are monitored.",
        )
    )


class FeatureDrift(Type):
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

    @cached_property
    def digest(self) -> str:
        """A hash of the settings, 12 characters."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Monitoring(Type):
    """Continuous monitoring of the stable revision."""

    interval: Interval = Field(
        default="1m", description="Time between two measurements; at least 1s."
    )
    feature_drift: FeatureDrift = Field(
        default=FeatureDrift(),
        description="Drift of the features from their reference.",
    )
