"""Whether what the spec has instead of a Job may be run: its kind is allowed, and the API server
has asked whether its writer may.

The operator does not know who has written a spec. The admission policy does, and a task that was
first seen while the policy did not review its kind is not run until it is written anew.
"""

from collections.abc import Iterable
from typing import Final

from serinus.api.monitoring import RetrainingTask
from serinus.api.reasons import Reason
from serinus.api.status import Retraining, RetrainingRun, TaskReview
from serinus.api.task_kinds import TaskKind
from serinus.plan.situation import Situation

FIELD: Final = "spec.monitoring.retrain.task"
_ANEW: Final = f"Then remove {FIELD} and write it again, so that its writer is reviewed"


def task_in(s: Situation) -> RetrainingTask | None:
    """What the spec has instead of a Job."""
    monitoring = s.desired.spec.monitoring
    return monitoring.retrain.task if monitoring and monitoring.retrain else None


def kind_of(kinds: Iterable[TaskKind] | None, task: RetrainingTask) -> TaskKind | None:
    """Where to find what must be known of it; None: its kind is not allowed."""
    return _named(kinds, task.api_version, task.kind)


def kind_of_run(kinds: Iterable[TaskKind] | None, run: RetrainingRun) -> TaskKind | None:
    """The same for what was started; None also for a Job."""
    return _named(kinds, run.api_version, run.kind)


def review_the_task(s: Situation) -> Situation | None:
    """Note for each new task whether its writer was reviewed, as it is when it is first seen."""
    task, known = task_in(s), s.status.retraining or Retraining()
    if s.world.task_kinds is None:
        return None
    if task is None:
        return s.to(retraining=known.replace(review=None)) if known.review else None
    if known.review is not None and known.review.digest == task.digest:
        return None
    policy = s.world.task_policy
    if policy is not None and policy.unknown:
        return None
    why = _why_not_reviewed(s, task)
    noted = s.to(retraining=known.replace(review=TaskReview(digest=task.digest, passed=not why)))
    stable = s.status.stable
    of = stable.revision if stable else s.desired.revision
    return noted.because(Reason.RETRAINING_REFUSED, of, why) if why else noted


def why_not_run(s: Situation) -> str:
    """Why the spec's task would not be started, as one or more sentences; empty: it would be, or
    there is none."""
    task, policy = task_in(s), s.world.task_policy
    if task is None:
        return ""
    if kind_of(s.world.task_kinds, task) is None or policy is None or policy.problem:
        return _why_not_reviewed(s, task)
    review = s.status.retraining.review if s.status.retraining else None
    if review is not None and review.digest == task.digest and review.passed:
        return ""
    return (
        f"{FIELD} is not run: it was written before {task.name} was allowed, or before the "
        f"admission policy was in force. Remove {FIELD} and write it again, so that its writer is "
        "reviewed."
    )


def _why_not_reviewed(s: Situation, task: RetrainingTask) -> str:
    """Why it would not be reviewed if it were written now; empty: it would be."""
    policy, kinds = s.world.task_policy, s.world.task_kinds
    if kind_of(kinds, task) is None:
        names = ", ".join(each.name for each in kinds or ()) or "none"
        return (
            f"{FIELD} is not run: {task.name} is not allowed. Allowed kinds: {names}. Use job, or "
            "have the administrator of Serinus add it to the value taskKinds of the chart. "
            f"{_ANEW}."
        )
    if policy is None:
        return f"{FIELD} is not run: it is unknown whether its writer may run it."
    return f"{FIELD} is not run: {policy.problem} {_ANEW}." if policy.problem else ""


def _named(
    kinds: Iterable[TaskKind] | None, api_version: str | None, kind: str | None
) -> TaskKind | None:
    given = (each for each in kinds or () if (each.api_version, each.kind) == (api_version, kind))
    return next(given, None)
