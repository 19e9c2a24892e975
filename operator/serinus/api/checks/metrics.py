"""How metrics are named: counters, histograms, and conditions on their labels."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from serinus.api.base import CelRule, Type, Written

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


Operator = Literal["=", "!=", "=~", "!~"]


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
        CelRule("self != '__name__'", _NAMED_BY_METRIC),
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
