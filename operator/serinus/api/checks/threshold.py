"""Any value that a query can compute."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api import promql
from serinus.api.base import Duration
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import Settings
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class Threshold(Settings):
    """Value of a query, compared with fixed bounds, without a statistical guarantee."""

    has_guarantee = False

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.min) || has(self.max)", "message": "set min, max or both"},
                {
                    "rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
                    "message": "min must not be greater than max",
                },
            ]
        }
    )

    query: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="PromQL query, for example max(model_drift_psi{$arm}). Each selector must "
        "contain "
        "$arm, which stands for the candidate's pods, or $namespace, which stands for the "
        "namespace.",
    )
    min: float | None = Field(default=None, description="Lower bound.")
    max: float | None = Field(default=None, description="Upper bound.")
    for_: Duration = Field(
        default="0s",
        alias="for",
        description="How long the value must be out of bounds to roll back, or within bounds to "
        "pass.",
    )

    @property
    def compares_with_stable(self) -> bool:
        return False

    @property
    def decides_after_seconds(self) -> float:
        return seconds(self.for_)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("set min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        for message in promql.problems(self.query):
            yield Problem("query", message)
        if seconds(self.for_) > seconds(longest_step):
            message = f"{self.for_} is longer than the maximum duration of a step, {longest_step}"
            yield Problem("for", f"{message} (maxStepDuration): the check could never pass")
