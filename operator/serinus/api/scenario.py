"""What `serinus simulate` is told of the world: traffic, pods, and how the models behave."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from serinus.api.base import Duration, Interval, Percent, Type
from serinus.api.checks import CheckName
from serinus.api.quantities import fraction


class Scores(Type):
    """Scores from 0 to 1: a normal distribution, cut off at both ends."""

    mean: Annotated[float, Field(ge=0, le=1)] = Field(default=0.4, description="Mean score.")
    deviation: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2, description="Standard deviation of the scores."
    )


class ScenarioLatency(Type):
    """Durations of requests: a log-normal distribution."""

    median: Duration = Field(default="80ms", description="Half of the requests take longer.")
    deviation: Annotated[float, Field(gt=0, le=5)] = Field(
        default=0.5, description="Standard deviation of the durations' natural logarithm."
    )


class Reports(Type):
    """What users report of predictions, at once."""

    given: Percent = Field(default="5%", description="Share of the predictions reported on.")
    negative: Percent = Field(default="20%", description="Share of the reports that are negative.")


class ScenarioModel(Type):
    """How a model answers."""

    errors: Percent = Field(default="1%", description="Share of requests that fail.")
    errors_at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="How many requests fail together, when some do."
    )
    latency: ScenarioLatency = Field(default=ScenarioLatency(), description="How long it takes.")
    feedback: Reports = Field(default=Reports(), description="What users report.")
    scores: Scores = Field(default=Scores(), description="What it scores.")
    classes: Annotated[dict[str, Percent], Field(min_length=1, max_length=32)] = Field(
        default={"approve": "70%", "refuse": "30%"},
        description="Share of each class among its predictions; together 100%.",
    )
    groups: Annotated[dict[str, Percent], Field(min_length=1, max_length=8)] = Field(
        default={"a": "50%", "b": "50%"},
        description="Share of each group among those whom it answers; together 100%.",
    )
    denied: Annotated[dict[str, Percent], Field(max_length=8)] = Field(
        default_factory=dict,
        description="By group, share of its favourable answers that it is denied for being this "
        "group.",
    )

    @model_validator(mode="after")
    def _shares_are_of_a_whole(self) -> Self:
        for name, shares in (("classes", self.classes), ("groups", self.groups)):
            if abs(sum(map(fraction, shares.values())) - 1) > 1e-6:
                raise ValueError(f"the shares of the {name} must add up to 100%")
        if unknown := set(self.denied) - set(self.groups):
            raise ValueError(f"denied: {min(unknown)} is none of the groups")
        return self


class ScenarioChange(Type):
    """What of it is otherwise than with stable; what is left out is the same."""

    after: Duration = Field(
        default="0s", description="How long the candidate serves as stable does, before it changes."
    )
    errors: Percent | None = Field(default=None, description="Share of requests that fail.")
    latency: ScenarioLatency | None = Field(default=None, description="How long it takes.")
    feedback: Reports | None = Field(default=None, description="What users report.")
    scores: Scores | None = Field(default=None, description="What it scores.")
    classes: Annotated[dict[str, Percent], Field(max_length=32)] | None = Field(
        default=None, description="Share of each class; together 100%."
    )
    denied: Annotated[dict[str, Percent], Field(max_length=8)] | None = Field(
        default=None, description="By group, share of its favourable answers that it is denied."
    )


class Scenario(Type):
    """A world in which a rollout is simulated."""

    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=100, description="Requests to both revisions together, on average."
    )
    traffic: Literal["Steady", "Diurnal", "Bursts", "Ramp"] = Field(
        default="Steady",
        description="Steady; Diurnal: half more by day and half less by night; Bursts: five times "
        "as much for 10 s of each minute, on top of what is steady; Ramp: from half to one and a "
        "half times as much within an hour.",
    )
    scrape_interval: Interval = Field(
        default="15s", description="How often Prometheus reads each pod."
    )
    pods_ready_after: Duration = Field(
        default="20s", description="How long a new pod takes to be ready."
    )
    route_after: Duration = Field(
        default="1s", description="How long a new split of the traffic takes to be in effect."
    )
    astray: Percent = Field(
        default="0%",
        description="Share of the candidate's traffic that goes to stable all the same.",
    )
    pods_differ: Percent = Field(
        default="0%",
        description="How much the error rates of pods of one revision differ, as a standard "
        "deviation relative to their mean.",
    )
    stable: ScenarioModel = Field(default=ScenarioModel(), description="How stable answers.")
    candidate: ScenarioChange = Field(
        default=ScenarioChange(), description="How the candidate answers, where that is otherwise."
    )
    values: dict[CheckName, float] = Field(
        default_factory=dict,
        description="By the name of a threshold check, what its query reads.",
    )

    @model_validator(mode="after")
    def _candidate_is_a_model(self) -> Self:
        self.candidates_model()
        return self

    def candidates_model(self) -> ScenarioModel:
        """How the candidate answers once it has changed."""
        changed = self.candidate.model_dump(exclude_none=True, exclude={"after"})
        return ScenarioModel.model_validate({**self.stable.model_dump(), **changed})
