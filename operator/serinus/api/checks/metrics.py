"""How metrics are named: counters, histograms, and conditions on their labels."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

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


_SeriesLabel = Annotated[
    LabelName,
    CelRule("self != '__name__'", _NAMED_BY_METRIC, holds=lambda label: label != "__name__"),
]


class LabelMatcher(Type):
    """A matcher of a label, as in PromQL."""

    label: _SeriesLabel = Field(description="Name of the label.")
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


_SERVICE: Final = "$service"
_NAMESPACE: Final = "$namespace"
_APART: Final = "[_./|:@]"
"""Characters that neither the name of a Service nor that of a namespace has: a name ends there."""
_REST: Final = "[-A-Za-z0-9_./|:@]*"
_BETWEEN: Final = f"{_APART}({_REST}{_APART})?"
_ORDERS: Final = "|".join(
    rf"\{first}{_BETWEEN}\{second}"
    for first, second in ((_NAMESPACE, _SERVICE), (_SERVICE, _NAMESPACE))
)
_BACKEND: Final = rf"^({_REST}{_APART})?({_ORDERS}|\{_SERVICE})({_APART}{_REST}[*]?)?$"
_NAMES: Final = "([a-z0-9-]+)"
_NAMESPACE_ONCE: Final = "the namespace is either in value, as $namespace, or in namespaceLabel"


class Backend(Type):
    """How a gateway's series name the Service of a revision, which is the backend that the requests
    were sent to."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "has(self.namespaceLabel) != self.value.contains('$namespace')",
                    "message": _NAMESPACE_ONCE,
                }
            ]
        }
    )

    label: _SeriesLabel = Field(
        description="Label that names the Service, for example envoy_cluster_name."
    )
    value: Annotated[
        str,
        Field(max_length=100),
        written(
            _BACKEND,
            "a backend must have $service once, and $namespace at most once, apart from letters, "
            "digits and dashes, and * only at the end, as in service/$namespace/$service/*",
        ),
    ] = Field(
        default=_SERVICE,
        description="Value of the label: $service stands for the name of the Service, $namespace "
        "for its namespace, and * at the end for anything.",
    )
    namespace_label: _SeriesLabel | None = Field(
        default=None,
        description="Label with the namespace of the Service, if it is not in value.",
    )

    @model_validator(mode="after")
    def _namespace_once(self) -> Self:
        if (self.namespace_label is None) is not (_NAMESPACE in self.value):
            raise ValueError(_NAMESPACE_ONCE)
        return self

    def expression(self, namespaces: str, services: str) -> str:
        """What the label has for these Services; all are regular expressions (RE2)."""
        return self._expression(f"(?:{namespaces})", f"(?:{services})")

    def of(self, labels: Mapping[str, str]) -> tuple[str, str] | None:
        """Namespace and name of the Service that a series with these labels is about; None: of
        none."""
        found = re.fullmatch(self._expression(_NAMES, _NAMES), labels.get(self.label, ""))
        if found is None:
            return None
        if self.namespace_label is not None:
            return labels.get(self.namespace_label, ""), found[1]
        namespace_first = self.value.index(_NAMESPACE) < self.value.index(_SERVICE)
        return (found[1], found[2]) if namespace_first else (found[2], found[1])

    def _expression(self, namespace: str, service: str) -> str:
        known = {_NAMESPACE: namespace, _SERVICE: service, "*": ".*"}
        parts = re.split(r"(\$namespace|\$service|\*)", self.value)
        return "".join(known.get(part) or re.escape(part).replace(r"\-", "-") for part in parts)


class Counter(Type):
    """A counter that the model's pods export."""

    metric: MetricName = Field(description="Name of the counter, for example http_requests_total.")
    matchers: Annotated[list[LabelMatcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Matchers of the series that count; defaults to all series.",
    )


class RequestCounter(Counter):
    """A counter of requests, which the model's pods export, or a gateway in front of them."""

    backend: Backend | None = Field(
        default=None,
        description="How the series name the revision, if a gateway or another proxy counts its "
        "requests. Without this field the counter is that of the revision's pods.",
    )


class Histogram(Type):
    """A histogram that the model's pods export, or a gateway in front of them, classic or
    native."""

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
    backend: Backend | None = Field(
        default=None,
        description="As in errorRate.requests: how a gateway's series name the revision.",
    )

    @property
    def per_second(self) -> float:
        """How many of its unit make a second."""
        return {"s": 1.0, "ms": 1e3, "us": 1e6}[self.unit]
