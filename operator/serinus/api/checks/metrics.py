"""How metrics are named: counters, histograms, and conditions on their labels."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from serinus.api.base import CelRule, Type, written

_METRIC, _LONGEST_METRIC = "^[a-zA-Z_:][a-zA-Z0-9_:]*$", 200
_LABEL, _LONGEST_LABEL = "^[a-zA-Z_][a-zA-Z0-9_]*$", 100

MetricName = Annotated[
    str,
    Field(max_length=_LONGEST_METRIC),
    written(_METRIC, "a metric name must consist of letters, digits, _ and :"),
]


LabelName = Annotated[
    str,
    Field(max_length=_LONGEST_LABEL),
    written(_LABEL, "a label name must consist of letters, digits and _"),
]


Operator = Literal["=", "!=", "=~", "!~"]
_OPPOSITE: Final[Mapping[Operator, Operator]] = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


FAILED_CODES: Final = "5..|408|429"
"""Codes of HTTP by which the server failed a request, as a regular expression: it was too slow, or
refused the load. All others of 4xx are the client's fault."""

_NAMED_CLASS: Final = re.compile(r"\[:\^?[a-z]+:\]")
"""Such as [[:digit:]], in which Python sees other characters."""
_NAMED_BY_METRIC: Final = "set the name of the metric in metric, not by a matcher of __name__"


class LabelMatcher(Type):
    """A matcher of a label, as in PromQL."""

    label: Annotated[
        LabelName,
        CelRule("self != '__name__'", _NAMED_BY_METRIC, holds=lambda label: label != "__name__"),
    ] = Field(description="Name of the label.")
    operator: Operator = Field(
        default="=",
        description="=, != for a string, =~, !~ for a regular expression.",
    )
    value: Annotated[str, Field(max_length=256)] = Field(
        description="String or regular expression to compare with."
    )

    def __str__(self) -> str:
        """As in PromQL: `code=~"5.."`."""
        return f"{self.label}{self.operator}{json.dumps(self.value)}"

    @property
    def negated(self) -> Self:
        """The one that selects all other series."""
        return self.replace(operator=_OPPOSITE[self.operator])

    @property
    def as_yaml(self) -> str:
        """As in a manifest: `{label: code, operator: "=~", value: "5.."}`."""
        operator = "" if self.operator == "=" else f'operator: "{self.operator}", '
        return f"{{label: {self.label}, {operator}value: {json.dumps(self.value)}}}"

    @property
    def read_here(self) -> bool:
        """Whether `matches` can tell: it is no regular expression that Python has not."""
        return "~" not in self.operator or compiled(self.value) is not None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels meets it, as Prometheus decides it.

        Raises ValueError for a regular expression that Python has not.
        """
        value = labels.get(self.label, "")
        found = self.value == value if "~" not in self.operator else self._fits(value)
        return found is not self.operator.startswith("!")

    def _fits(self, value: str) -> bool:
        if (pattern := compiled(self.value)) is None:
            raise ValueError(
                f"the matcher of {self.label} can only be evaluated by Prometheus: its regular "
                f"expression {self.value!r} is not supported here"
            )
        return pattern.fullmatch(value) is not None


def is_metric_name(name: str) -> bool:
    """Whether a manifest can name a metric so: Prometheus 3 lets names have any characters."""
    return len(name) <= _LONGEST_METRIC and re.fullmatch(_METRIC, name) is not None


def is_label_name(name: str) -> bool:
    """The same of a label."""
    return len(name) <= _LONGEST_LABEL and re.fullmatch(_LABEL, name) is not None


def compiled(expression: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str] | None:
    """A regular expression of Prometheus; None: Python does not know it, or reads it otherwise."""
    if _NAMED_CLASS.search(expression):
        return None
    try:
        return re.compile(expression, flags)
    except (re.error, RecursionError, OverflowError):
        return None


class Counter(Type):
    """A counter that the model's pods export."""

    metric: MetricName = Field(description="Name of the counter, for example http_requests_total.")
    matchers: Annotated[list[LabelMatcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Matchers of the series that count; defaults to all series.",
    )


class Histogram(Type):
    """A histogram that the model's pods export, classic or native."""

    metric: MetricName = Field(
        description="Name of the histogram without _bucket, for example "
        "http_request_duration_seconds."
    )
    matchers: Annotated[list[LabelMatcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Matchers of the series that count; defaults to all series.",
    )
    unit: Literal["s", "ms", "us"] = Field(
        default="s", description="Unit of the bucket bounds: s, ms or us."
    )

    @property
    def per_second(self) -> float:
        """How many of its unit make a second."""
        return {"s": 1.0, "ms": 1e3, "us": 1e6}[self.unit]
