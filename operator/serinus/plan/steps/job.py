"""A step that runs a Job, and goes on if that says that the model is good."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import About, Reason
from serinus.api.status import RESULTS_KEPT, Candidate, StepResult, StepTask
from serinus.api.steps.given import Given
from serinus.api.steps.job import Job
from serinus.api.steps.limits import UnjudgedError, broken
from serinus.api.steps.results import cut, in_words
from serinus.manifests.task import Task, TaskEnd
from serinus.plan.late import given_up, late_since
from serinus.plan.policy import hash_of
from serinus.plan.situation import Situation
from serinus.plan.steps.kind import Failed, Passed, Running, StepKind

_FIRST_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 600.0
"""Seconds until a Job is started again: twice as long after each."""
_USUAL: Final[Mapping[str, Any]] = {"mountModel": False, "rejects": [1]}
"""Settings that are no part of a step's digest as long as they are these."""
_AFTERWARDS: Final = ("limits", "retries", "onUnfinished")
"""Settings that say what follows from the end of a Job: an edit runs none again."""


class JobStep(StepKind):
    """Over once its Job has succeeded, and what that left is within the limits. Each time that the
    step begins, it has a Job of its own."""

    kept_by_edits = True
    unset: ClassVar[dict[str, Any]] = {"job": False}
    _settings: Job

    def __init__(self, settings: Job) -> None:
        super().__init__(settings)
        self._timeout = seconds(settings.timeout)

    def look(self, s: Situation) -> Running | Passed:
        """Start it, start it again, or wait until it has succeeded."""
        begun = self._begun(s.candidate)
        if begun is None:
            begins = self._begin(s, 1)
            return Running(Reason.AWAITING_JOB, f"Job {begins.name} is started.", begins)
        if not begun.succeeded and not begun.unfinished:
            message = s.world.why(About.TASK) or f"Waiting for Job {begun.name}."
            return Running(Reason.AWAITING_JOB, message)
        if (again := self._again_at(begun)) < math.inf:
            if s.reached(again):
                begins = self._begin(s, begun.attempt + 1)
                said = (
                    f"Job {begins.name} is started, attempt {begins.attempt} of {self._attempts}."
                )
                return Running(Reason.AWAITING_JOB, said, begins)
            return Running(Reason.AWAITING_JOB, self._said_of_the_next(begun))
        if why := self._could_not_say(s, begun):
            return Running(Reason.VALIDATION_UNFINISHED, why)
        left = in_words(self._left(s.candidate, begun)).rstrip(".")
        return Passed(f"Job {begun.name} has succeeded{f': {left}' if left else ''}.")

    def failed(self, s: Situation) -> Failed | None:
        """It rejects the model, or what it left does; or it could not say, and that is enough."""
        begun = self._begun(s.candidate)
        if begun is None:
            return None
        end = s.world.ended_tasks.get(begun.name)
        if end is not None and self._rejects(end):
            said = f"Job {begun.name} has failed. {end.message.rstrip('. ')}. {_logs(begun)}"
            return Failed(Reason.JOB_FAILED, said)
        if unmet := self._judged(s, begun)[0]:
            said = f"Job {begun.name} has succeeded, but {unmet} {_logs(begun)}"
            return Failed(Reason.JOB_FAILED, said)
        if self._settings.on_unfinished == "Rollback" and (why := self._could_not_say(s, begun)):
            return Failed(Reason.VALIDATION_UNFINISHED, why)
        return None

    def noted(self, s: Situation) -> Situation | None:
        """How its Job has ended, unless it rejects the model: others delete Jobs that have ended,
        while the step waits for something else."""
        begun = self._begun(s.candidate)
        if begun is None or begun.succeeded or begun.unfinished:
            return None
        end = s.world.ended_tasks.get(begun.name)
        if end is not None and end.succeeded:
            return _with_result(s, begun, end)
        if end is not None and self._rejects(end):
            return None
        late = late_since(s, begun.since + self._timeout, begun.late_since)
        if end is None and late != begun.late_since:
            return s.to_candidate(task=begun.replace(late_since=late))
        why = f"failed. {end.message}" if end is not None else self._too_late(s, begun)
        if not why:
            return _idle_or_not(s, begun)
        unfinished = f"Job {begun.name} could not say whether the model is good: it {why}"
        noted = begun.replace(unfinished=unfinished[:900].rstrip(". "), ended=s.now)
        after = s.to_candidate(task=noted)
        if self._again_at(noted) == math.inf:
            return after
        message = self._said_of_the_next(noted)
        return after.because(Reason.JOB_UNFINISHED, s.candidate.revision, message)

    def tasks(self, candidate: Candidate) -> tuple[Task, ...]:
        """Its Job, until the step is over or the Job could not say."""
        begun = self._begun(candidate)
        if begun is None or begun.unfinished:
            return ()
        task = Task(
            begun.name,
            candidate.revision,
            self._settings.template,
            self._timeout,
            step=candidate.step + 1,
            weight=candidate.weight.wanted,
            mounts_model=self._settings.mount_model,
            over=begun.succeeded,
        )
        return (task,)

    def again(self, s: Situation) -> Situation | None:
        """With none begun, after one that could not say."""
        begun = self._begun(s.candidate)
        if begun is None or not self._could_not_say(s, begun):
            return None
        return s.to_candidate(task=None, hold=None)

    def is_skipped(self, s: Situation) -> bool:
        """If its Job has not said that the model is good."""
        return isinstance(self.look(s), Running)

    @property
    def _attempts(self) -> int:
        return self._settings.retries + 1

    def _rejects(self, end: TaskEnd) -> bool:
        return not end.succeeded and end.code in self._settings.rejects

    def _too_late(self, s: Situation, begun: StepTask) -> str:
        """That it has not ended in time, or does not run, as the end of a sentence; otherwise
        empty."""
        why = s.world.idle_tasks.get(begun.name)
        if given_up(s, begun.late_since):
            late = f"has not ended within {self._settings.timeout}."
            return f"{late} {why or s.world.why(About.TASK)}".rstrip()
        deadline = s.desired.spec.rollout.progress_deadline
        if why is None or begun.idle_since is None:
            return ""
        if s.reached(begun.idle_since + seconds(deadline)):
            cause = why or s.world.why(About.TASK) or "it is not there"
            return f"has had no running container for {deadline} (progressDeadline): {cause}"
        return ""

    def _again_at(self, begun: StepTask) -> float:
        """When it is started again, Unix seconds; infinity: it is not."""
        if not begun.unfinished or begun.ended is None or begun.attempt >= self._attempts:
            return math.inf
        return begun.ended + _pause_after(begun)

    def _said_of_the_next(self, begun: StepTask) -> str:
        after = spoken(_pause_after(begun))
        attempts = f"attempt {begun.attempt + 1} of {self._attempts}"
        return f"{begun.unfinished}. It is started again after {after}, {attempts}."

    def _could_not_say(self, s: Situation, begun: StepTask) -> str:
        """Why no Job of this step will say whether the model is good; empty: one may, or has."""
        if begun.unfinished and self._again_at(begun) == math.inf:
            often = f" ({begun.attempt} attempts)" if begun.attempt > 1 else ""
            return f"{begun.unfinished}{often}."
        if begun.unread and self._settings.limits:
            return (
                f"Job {begun.name} has succeeded, but its pod was gone before its result could be "
                "read and compared with the limits. If something deletes pods that have ended, "
                f"let it wait some minutes. Run the Job again: serinus retry {s.desired.name}"
            )
        if unjudged := self._judged(s, begun)[1]:
            said = f"Job {begun.name} has succeeded, but without a usable result. {unjudged}"
            return f"{said} {_logs(begun)}"
        return ""

    def _judged(self, s: Situation, begun: StepTask) -> tuple[str, str]:
        """The limits that are not met, and why some cannot be compared, as messages; both empty:
        all are met, or it has not succeeded yet."""
        end = s.world.ended_tasks.get(begun.name)
        if not begun.succeeded or begun.unread or (end is not None and end.said is None):
            return "", ""
        try:
            return broken(self._settings.limits, self._left(s.candidate, begun)), ""
        except UnjudgedError as error:
            return "", str(error)

    def _left(self, candidate: Candidate, begun: StepTask) -> str:
        return next((each.said for each in candidate.results if each.job == begun.name), "")

    def _begun(self, candidate: Candidate) -> StepTask | None:
        """The Job that runs for this step as it is in the spec; None: there is none."""
        begun = candidate.task
        return begun if begun is not None and begun.step == self._digest(candidate) else None

    def _begin(self, s: Situation, attempt: int) -> StepTask:
        step = self._digest(s.candidate)
        name = f"{s.desired.name}-{hash_of([step, s.candidate.revision, s.now])}"
        return StepTask(name=name, step=step, since=s.now, attempt=attempt)

    def _digest(self, candidate: Candidate) -> str:
        """Of what this step runs, as it is in the spec."""
        settings = self._settings.to_json()
        what = {k: v for k, v in settings.items() if k not in _AFTERWARDS and _USUAL.get(k) != v}
        return hash_of([candidate.step, what])

    def shown(self) -> dict[str, bool]:
        """Whether a Job runs in it."""
        return {"job": True}

    def text(self, given: Given) -> str:
        """With the weight at which it runs."""
        return f"job at {given.short}"

    def short(self, given: Given) -> str:
        """Without it."""
        return "job"


def _idle_or_not(s: Situation, begun: StepTask) -> Situation | None:
    """Since when no container of its Job runs. One whose pod is lost has as long to run again as it
    had to begin."""
    idle = begun.name in s.world.idle_tasks
    if idle == (begun.idle_since is not None):
        return None
    return s.to_candidate(task=begun.replace(idle_since=s.now if idle else None))


def _with_result(s: Situation, begun: StepTask, end: TaskEnd) -> Situation:
    """It has succeeded, and what it left is kept."""
    results = [each for each in s.candidate.results if each.step != s.candidate.step]
    if end.said:
        results.append(StepResult(step=s.candidate.step, job=begun.name, said=cut(end.said)))
    begun = begun.replace(succeeded=True, unread=end.unread)
    return s.to_candidate(task=begun, results=results[-RESULTS_KEPT:])


def _logs(begun: StepTask) -> str:
    """Where to read more, as a message."""
    return f"See kubectl logs job/{begun.name}, which is kept for a day."


def _pause_after(begun: StepTask) -> float:
    return min(_FIRST_PAUSE * 2.0 ** (begun.attempt - 1), _LONGEST_PAUSE)
