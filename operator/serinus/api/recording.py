"""The file of `serinus record` and `serinus replay`: a rollout and the metrics of its pods."""

from typing import Annotated, Any, Literal

from pydantic import Field

from serinus.api.base import Timestamp, Type
from serinus.api.checks import Backend, LabelMatcher

Elements = list[dict[str, Any]]
"""Series as returned by Prometheus: `metric`, and `values` or `histograms`."""


class RecordedCounters(Type):
    """Raw samples of a counter or histogram, of the pods of both revisions."""

    metric: str = Field(description="Name of the metric.")
    beside: str | None = Field(default=None, description="A second metric, read together with it.")
    matchers: list[LabelMatcher] = Field(
        default_factory=list, description="Matchers of the series."
    )
    backend: Backend | None = Field(
        default=None, description="How the series name a revision, if they are a gateway's."
    )
    native: bool = Field(default=False, description="Whether it is a native histogram.")
    result: Elements = Field(description="The series.")


class RecordedValues(Type):
    """Results of a threshold query for the candidate, at each look."""

    query: str = Field(description="The query as written in the manifest.")
    result: Elements = Field(description="The series.")


class Recording(Type):
    """A rollout and its metrics."""

    kind: Literal["SerinusRecording"] = Field(
        default="SerinusRecording", description="Always SerinusRecording."
    )
    version: Literal[1] = Field(default=1, description="Version of this format.")
    model_deployment: dict[str, Any] = Field(
        description="The ModelDeployment with its status, as printed by kubectl get -o yaml."
    )
    since: Timestamp = Field(description="Start of the time range.")
    until: Timestamp = Field(description="End of the time range.")
    step: Annotated[float, Field(gt=0)] = Field(
        description="Seconds between the values of a query."
    )
    counters: list[RecordedCounters] = Field(default_factory=list, description="All counters.")
    values: list[RecordedValues] = Field(default_factory=list, description="All queries.")
    scrapes: Elements = Field(
        default_factory=list,
        description="scrape_duration_seconds of the pods: a sample can be read this long after its "
        "timestamp.",
    )
