"""A step that runs a Job, and goes on if that succeeds."""

import math
from typing import Any, ClassVar, Final

from serinus.api.quantities import seconds
from serinus.api.reasons import About, Reason
from serinus.api.status import Candidate, StepTask
from serinus.api.steps.given import Given
from serinus.api.steps.job import Job
from serinus.manifests.task import Task
from serinus.plan.policy import hash_of
from serinus.plan.situation import Situation
from serinus.plan.steps.kind import Failed, Passed, Running, StepKind

_GRACE: Final = 60.0
"""Seconds in which a Job ends by its own deadline, before it is no longer waited for."""


class JobStep(StepKind):
    """Over once its Job has succeeded. Each time that the step begins, it has a Job of its own."""

    kept_by_edits = True
    unset: ClassVar[dict[str, Any]] = {"job": False}

    def __init__(self, settings: Job) -> None:
        super().__init__(settings)
        self._timeout = seconds(settings.timeout)

    def look(self, s: Situation) -> Running | Passed:
        """Start it, or wait until it has succeeded."""
        begun = self._begun(s.candidate)
        if begun is None:
            begins = self._begin(s)
            return Running(Reason.AWAITING_JOB, f"Job {begins.name} is started.", begins)
        if begun.succeeded:
            return Passed(f"Job {begun.name} has succeeded.")
        message = s.world.why(About.TASK) or f"Waiting for Job {begun.name}."
        return Running(Reason.AWAITING_JOB, message)

    def failed(self, s: Situation) -> Failed | None:
        """It has failed, or has not ended in time."""
        begun = self._begun(s.candidate)
        if begun is None or begun.succeeded:
            return None
        if (end := s.world.ended_tasks.get(begun.name)) is not None:
            return Failed(Reason.JOB_FAILED, f"Job {begun.name} has failed. {end.message}")
        if not s.reached(self.ends(s.candidate)):
            return None
        late = f"Job {begun.name} has not ended within {self._settings.timeout}."
        return Failed(Reason.JOB_FAILED, f"{late} {s.world.why(About.TASK)}".rstrip())

    def noted(self, s: Situation) -> Situation | None:
        """That its Job has succeeded: others delete Jobs that have ended, while the step waits for
        something else."""
        begun = self._begun(s.candidate)
        end = s.world.ended_tasks.get(begun.name) if begun else None
        if begun is None or begun.succeeded or end is None or not end.succeeded:
            return None
        return s.to_candidate(task=begun.replace(succeeded=True))

    def tasks(self, candidate: Candidate) -> tuple[Task, ...]:
        """Its Job, until the step is over."""
        begun = self._begun(candidate)
        if begun is None:
            return ()
        template, over = self._settings.template, begun.succeeded
        return (Task(begun.name, candidate.revision, template, self._timeout, over),)

    def ends(self, candidate: Candidate) -> float:
        """When its Job is no longer waited for."""
        begun = self._begun(candidate)
        return begun.since + self._timeout + _GRACE if begun else math.inf

    def _begun(self, candidate: Candidate) -> StepTask | None:
        """The Job that runs for this step as it is in the spec; None: there is none."""
        begun = candidate.task
        return begun if begun is not None and begun.step == self._digest(candidate) else None

    def _begin(self, s: Situation) -> StepTask:
        step = self._digest(s.candidate)
        name = f"{s.desired.name}-{hash_of([step, s.candidate.revision, s.now])}"
        return StepTask(name=name, step=step, since=s.now)

    def _digest(self, candidate: Candidate) -> str:
        """Of this step as it is in the spec."""
        return hash_of([candidate.step, self._settings.to_json()])

    def shown(self) -> dict[str, bool]:
        """Whether a Job runs in it."""
        return {"job": True}

    def text(self, given: Given) -> str:
        """With the weight at which it runs."""
        return f"job at {given.short}"

    def short(self, given: Given) -> str:
        """Without it."""
        return "job"
