"""What `serinus record` writes and `serinus replay` reads: a rollout, and what Prometheus has kept
of its pods."""

from typing import Annotated, Any, Literal

from pydantic import Field

from serinus.api.base import Moment, Type
from serinus.api.checks import LabelMatcher

Elements = list[dict[str, Any]]
"""Series as Prometheus sends them: `metric`, and `values` or `histograms`."""


class RecordedCounters(Type):
    """Raw samples of a counter, or of a histogram, of the pods of both revisions."""

    metric: str = Field(description="Name of the metric.")
    beside: str | None = Field(default=None, description="A second metric, read together with it.")
    matchers: list[LabelMatcher] = Field(
        default_factory=list, description="Conditions that every series meets."
    )
    native: bool = Field(default=False, description="Whether it is a native histogram.")
    result: Elements = Field(description="The series.")


class RecordedValues(Type):
    """What a user's query came to for the candidate, at each look."""

    query: str = Field(description="The query as the manifest has it.")
    result: Elements = Field(description="The series.")


class Recording(Type):
    """A rollout and its metrics."""

    kind: Literal["SerinusRecording"] = Field(
        default="SerinusRecording", description="Always SerinusRecording."
    )
    version: Literal[1] = Field(default=1, description="Of this format.")
    model_deployment: dict[str, Any] = Field(
        description="The ModelDeployment as kubectl get -o yaml prints it, with its status."
    )
    since: Moment = Field(description="When the range begins.")
    until: Moment = Field(description="When it ends.")
    step: Annotated[float, Field(gt=0)] = Field(
        description="Seconds from one value of a query to the next."
    )
    counters: list[RecordedCounters] = Field(default_factory=list, description="All counters.")
    values: list[RecordedValues] = Field(default_factory=list, description="All queries.")
    scrapes: Elements = Field(
        default_factory=list,
        description="scrape_duration_seconds of the pods: so much later than its timestamp a "
        "sample could be read.",
    )
