"""The analysis of a rollout: its checks, their budgets, and whose metrics they read."""

from typing import Annotated, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from serinus.api.base import Budget, Interval, SilentFor, Type
from serinus.api.checks import Check
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.presets import PRESETS, PresetName


class OnSilence(Type):
    """When a candidate's traffic is withdrawn because none of its requests is counted."""

    after: SilentFor = Field(
        default="2m",
        description="How long stable answers and no request of the candidate is counted, though "
        "it has its weight and 20 or more were expected, before its traffic is withdrawn. The step "
        "then waits for `advance` or another spec. Must be longer than two scrape intervals.",
    )


class Analysis(Type):
    """How the candidate is judged while it takes traffic."""

    interval: Interval = Field(
        default="15s", description="Time between two looks at Prometheus; 1s at least."
    )
    false_rollback_budget: Budget = Field(
        default="1%",
        description="Chance, over a whole rollout and all checks with a guarantee, that a "
        "candidate as good as stable is rolled back.",
    )
    false_pass_budget: Budget = Field(
        default="5%",
        description="Chance, for each check and step, that a candidate worse than the margin "
        "passes.",
    )
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50, description="Requests that the candidate must have served in a step to pass it."
    )
    max_step_duration: Interval = Field(
        default="30m",
        description="How long a step waits for a verdict before onInconclusive decides.",
    )
    on_inconclusive: Literal["Pause", "Promote", "Rollback"] = Field(
        default="Pause",
        description="What to do when a step has lasted maxStepDuration without a verdict. "
        "Missing data always pauses.",
    )
    on_silence: OnSilence = Field(
        default=OnSilence(),
        description="What to do with a candidate that hangs: none of its requests is counted "
        "while stable answers. This is not a verdict.",
    )
    preset: PresetName | None = Field(
        default=None,
        description="The server, or proxy before it, whose own metrics the checks read where they "
        "name none. Left out, they read the metric contract: model_requests_total and so on.",
    )
    checks: Annotated[
        list[Check],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = Field(
        default=[
            Check(name="errors", error_rate=ErrorRate()),
            Check(name="drift", prediction_drift=PredictionDrift()),
        ],
        description="What every step must pass. Left out: errorRate and predictionDrift with "
        "their defaults, or what the preset's metrics allow. An empty list turns the analysis "
        "off: steps then pass by time alone.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read_by_preset(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """With a preset, what was left out of the checks is as it says."""
        analysis = handler(data)
        if analysis.preset is None:
            return analysis
        preset = PRESETS[analysis.preset]
        checks = analysis.checks if "checks" in analysis.model_fields_set else preset.checks
        return analysis.replace(checks=[check.completed(preset) for check in checks])

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [check.name for check in self.checks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two checks are named {twice[0]}")
        return self
