"""A step that runs a Job."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from serinus.api.base import Interval, Type
from serinus.api.problem import Problem
from serinus.api.steps.limits import LONGEST_LIMIT, MOST_LIMITS, problem_of_limit
from serinus.api.template import TASK_SCHEMA, of_task

ExitCode = Annotated[int, Field(ge=1, le=255)]
Limit = Annotated[str, Field(min_length=1, max_length=LONGEST_LIMIT)]


class Job(Type):
    """A Job that runs at the current weight. If its pod exits with 0 and its result is within the
    limits, the rollout goes on; if it rejects the model, the candidate is rolled back. Any other
    end is no verdict, and the Job is started again."""

    template: Annotated[dict[str, Any], Field(json_schema_extra=TASK_SCHEMA)]
    timeout: Interval = Field(
        default="1h", description="Time in which the Job must end, from when it was started."
    )
    mount_model: bool = Field(
        default=False,
        description="Mount the model of the candidate in each container at /mnt/models, as in its "
        "pods. model.storageUri must be a URI that is mounted or downloaded.",
    )
    limits: Annotated[list[Limit], Field(max_length=MOST_LIMITS)] = Field(
        default_factory=list,
        description="CEL expressions over result, the JSON object that a container wrote to "
        "/dev/termination-log, such as result.accuracy >= result.stable.accuracy - 0.005. If one "
        "is false, the candidate is rolled back. One that cannot be computed is no pass: the "
        "rollout waits for a person (onUnfinished).",
    )
    rejects: Annotated[list[ExitCode], Field(max_length=16)] = Field(
        default=[1],
        description="Exit codes of a container by which the Job rejects the model: the candidate "
        "is rolled back. Those of init containers never do.",
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2,
        description="How often a Job without a verdict is started again: after 30s, then after "
        "twice as long each time, at most 10m.",
    )
    on_unfinished: Literal["Hold", "Rollback"] = Field(
        default="Hold",
        description="What follows if no Job gives a verdict: wait for a person, or roll back.",
    )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the template, for manifests that no API server has seen, and with the
        limits."""
        yield from of_task(self.template, "template")
        for index, limit in enumerate(self.limits):
            if problem := problem_of_limit(limit):
                yield Problem(f"limits[{index}]", problem)
