"""A step that runs a Job."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from serinus.api.base import Interval, Type
from serinus.api.problem import Problem
from serinus.api.template import TASK_SCHEMA, of_task


class Job(Type):
    """A Job that runs at the current weight. If its pod exits with 0, the rollout goes on;
    otherwise the candidate is rolled back."""

    template: Annotated[dict[str, Any], Field(json_schema_extra=TASK_SCHEMA)]
    timeout: Interval = Field(
        default="1h", description="Time in which the Job must succeed, from when it was started."
    )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the template, for manifests that no API server has seen."""
        yield from of_task(self.template, "template")
