"""The scenario of `serinus simulate`: traffic, pods, and the behaviour of the models."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from serinus.api.base import Duration, Interval, Percent, Type
from serinus.api.checks import CheckName
from serinus.api.quantities import fraction, seconds


class Scores(Type):
    """Scores from 0 to 1, with a truncated normal distribution."""

    mean: Annotated[float, Field(ge=0, le=1)] = Field(default=0.4, description="Mean score.")
    deviation: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2, description="Standard deviation of the scores."
    )


class ScenarioLatency(Type):
    """Durations of requests, with a log-normal distribution."""

    median: Duration = Field(default="80ms", description="Half of the requests take longer.")
    deviation: Annotated[float, Field(gt=0, le=5)] = Field(
        default=0.5, description="Standard deviation of the durations' natural logarithm."
    )
    hourly_growth: Percent = Field(
        default="0%",
        description="By how much of the median requests take longer with each hour of a pod's age, "
        "as with a leak.",
    )


class ColdStart(Type):
    """How a model answers in the first time after a pod's first request."""

    lasts: Duration = Field(
        default="0s", description="How long that is, from the first request of each pod on."
    )
    slower: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=1.0, description="How many times as long requests take."
    )
    errors: Percent = Field(
        default="0%", description="Share of requests that fail, if it is greater than later."
    )


class Reports(Type):
    """Feedback of users on predictions, without delay."""

    given: Percent = Field(default="5%", description="Share of the predictions reported on.")
    negative: Percent = Field(default="20%", description="Share of the reports that are negative.")


class ScenarioRoute(Type):
    """Requests of one route."""

    share: Percent = Field(description="Of all requests that the revision gets.")
    errors: Percent | None = Field(
        default=None, description="Share of them that fail; by default as of all."
    )
    latency: ScenarioLatency | None = Field(
        default=None, description="Their durations; by default as of all."
    )


class ScenarioModel(Type):
    """Behaviour of a model."""

    errors: Percent = Field(default="1%", description="Share of requests that fail.")
    errors_at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Number of requests that fail together."
    )
    latency: ScenarioLatency = Field(
        default=ScenarioLatency(), description="Durations of requests."
    )
    cold_start: ColdStart = Field(
        default=ColdStart(), description="How pods answer their first requests."
    )
    feedback: Reports = Field(default=Reports(), description="Feedback of users.")
    scores: Scores = Field(default=Scores(), description="Scores of predictions.")
    classes: Annotated[dict[str, Percent], Field(min_length=1, max_length=32)] = Field(
        default={"approve": "70%", "refuse": "30%"},
        description="Share of each class among the predictions; the sum must be 100%.",
    )
    groups: Annotated[dict[str, Percent], Field(min_length=1, max_length=8)] = Field(
        default={"a": "50%", "b": "50%"},
        description="Share of each group among the requests; the sum must be 100%.",
    )
    denied: Annotated[dict[str, Percent], Field(max_length=8)] = Field(
        default_factory=dict,
        description="By group, share of its favourable answers that are denied because of the "
        "group.",
    )
    routes: Annotated[dict[str, ScenarioRoute], Field(max_length=20)] = Field(
        default_factory=dict,
        description="By name, requests with their own errors or durations; the sum of the shares "
        "must be 100%. Every series then has the label `route`.",
    )

    @model_validator(mode="after")
    def _shares_are_of_a_whole(self) -> Self:
        routes = {name: route.share for name, route in self.routes.items()}
        for name, shares in (
            ("classes", self.classes),
            ("groups", self.groups),
            ("routes", routes or {"all": "100%"}),
        ):
            if abs(sum(map(fraction, shares.values())) - 1) > 1e-6:
                raise ValueError(f"the shares of the {name} must add up to 100%")
        if unknown := set(self.denied) - set(self.groups):
            raise ValueError(f"denied: {min(unknown)} is not one of the groups")
        return self


class ScenarioChange(Type):
    """Differences from stable; omitted fields are the same."""

    after: Duration = Field(
        default="0s",
        description="Time during which the candidate behaves like stable, before it changes.",
    )
    after_promotion: Duration | None = Field(
        default=None,
        description="The same, counted from the promotion and instead of `after`, for a policy "
        "with rollout.guard.",
    )
    errors: Percent | None = Field(default=None, description="Share of requests that fail.")
    latency: ScenarioLatency | None = Field(default=None, description="Durations of requests.")
    cold_start: ColdStart | None = Field(
        default=None, description="How pods answer their first requests."
    )
    feedback: Reports | None = Field(default=None, description="Feedback of users.")
    scores: Scores | None = Field(default=None, description="Scores of predictions.")
    classes: Annotated[dict[str, Percent], Field(max_length=32)] | None = Field(
        default=None, description="Share of each class; the sum must be 100%."
    )
    denied: Annotated[dict[str, Percent], Field(max_length=8)] | None = Field(
        default=None, description="By group, share of its favourable answers that are denied."
    )
    routes: Annotated[dict[str, ScenarioRoute], Field(max_length=20)] | None = Field(
        default=None, description="The routes that the candidate gets; the sum must be 100%."
    )


class Outages(Type):
    """Failures of something that both revisions depend on, again and again."""

    every: Interval = Field(
        default="200s", description="Time from the beginning of one to that of the next."
    )
    lasting: Interval = Field(default="5s", description="How long each of them lasts.")
    errors: Percent = Field(default="40%", description="Share of requests that fail meanwhile.")
    after_promotion: Duration | None = Field(
        default=None,
        description="When they begin, counted from the promotion, for a policy with rollout.guard. "
        "Without this field they are there from the beginning.",
    )

    @model_validator(mode="after")
    def _they_end(self) -> Self:
        if seconds(self.lasting) >= seconds(self.every):
            raise ValueError("lasting must be shorter than every")
        return self


class JobEnds(Type):
    """How the Jobs of steps end, at once."""

    exit_code: Annotated[int, Field(ge=0, le=255)] = Field(
        default=0, description="Exit code of their container."
    )
    result: Annotated[
        dict[str, float | str | bool | dict[str, float | str | bool]], Field(max_length=32)
    ] = Field(
        default_factory=dict,
        description="What they leave, for limits. Without it, every limit counts as met.",
    )


class Scenario(Type):
    """Conditions in which a rollout is simulated."""

    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=100, description="Average number of requests per second to both revisions together."
    )
    traffic: Literal["Steady", "Diurnal", "Bursts", "Ramp"] = Field(
        default="Steady",
        description="Steady; Diurnal: 50% more by day and 50% less by night; Bursts: five times "
        "the steady traffic in addition for 10 s of each minute; Ramp: from 50% to 150% within an "
        "hour.",
    )
    scrape_interval: Interval = Field(
        default="15s", description="How often Prometheus scrapes each pod."
    )
    pods_ready_after: Duration = Field(
        default="20s", description="How long a new pod takes to become ready."
    )
    route_after: Duration = Field(
        default="1s", description="How long a new traffic split takes to be in effect."
    )
    misrouted: Percent = Field(
        default="0%",
        description="Share of the candidate's traffic that goes to stable instead.",
    )
    pods_differ: Percent = Field(
        default="0%",
        description="Standard deviation of the error rates of pods of one revision, relative to "
        "their mean.",
    )
    outages: Outages | None = Field(
        default=None,
        description="Failures of something that both revisions depend on, again and again.",
    )
    stable: ScenarioModel = Field(default=ScenarioModel(), description="Behaviour of stable.")
    candidate: ScenarioChange = Field(
        default=ScenarioChange(),
        description="Behaviour of the candidate, where it differs from stable.",
    )
    job: JobEnds = Field(default=JobEnds(), description="How the Jobs of steps end.")
    values: dict[CheckName, float] = Field(
        default_factory=dict,
        description="Result of each threshold query, by the name of its check.",
    )

    @model_validator(mode="after")
    def _candidate_is_a_model(self) -> Self:
        model = self.candidates_model()
        for name in ("errors", "latency"):
            by_route = any(getattr(route, name) is not None for route in model.routes.values())
            if by_route and getattr(self.candidate, name) is not None:
                raise ValueError(f"candidate.{name}: differs by route, so set it in the routes")
        return self

    def candidates_model(self) -> ScenarioModel:
        """Behaviour of the candidate after it has changed."""
        changed = self.candidate.model_dump(exclude_none=True, exclude={"after", "after_promotion"})
        return ScenarioModel.model_validate({**self.stable.model_dump(), **changed})
