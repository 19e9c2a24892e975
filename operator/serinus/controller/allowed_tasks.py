"""What has become of what was started instead of Jobs. None of it is watched: only whoever runs the
operator knows its kinds, and it runs for hours."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from serinus.api.reasons import About, Reason
from serinus.api.status import RetrainingRun, Status
from serinus.api.task_kinds import TaskKind
from serinus.cluster import ApiError, Cluster
from serinus.manifests.allowed_task import as_kind, ended
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.task import TaskEnd
from serinus.plan.problems import Problem, Severity
from serinus.plan.retraining import removable
from serinus.plan.task_review import kind_of_run

LOOK_AGAIN: Final = 30.0
"""Seconds after which one that has not ended is looked up again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenAllowed:
    """What was looked up, by name."""

    live: dict[str, Manifest] = field(default_factory=dict)
    ended: dict[str, TaskEnd] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    """Why something could not be looked up, as sentences."""

    def facts(self, jobs: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of World, with what is known of Jobs."""
        return {
            "tasks": frozenset(self.live),
            "ended_tasks": {**jobs["ended_tasks"], **self.ended},
            "idle_tasks": {**jobs["idle_tasks"], **dict.fromkeys(self.absent, "")},
            "absent_tasks": frozenset(self.absent),
        }

    def problems(self) -> list[Problem]:
        """What is to be told of it."""
        return [
            Problem(Reason.AWAITING_JOB, Severity.WAIT, About.RETRAINING, each)
            for each in self.unknown
        ]


async def look_at_allowed(
    cluster: Cluster, owner: Owner, status: Status, kinds: Iterable[TaskKind], now: float
) -> SeenAllowed:
    """What is awaited, and what is to be deleted by now. One that cannot be looked up has not ended
    yet."""
    seen, running = SeenAllowed(), status.retraining.running if status.retraining else None
    for run in chain((running,) if running else (), removable(status, now)):
        allowed = kind_of_run(kinds, run)
        if allowed is not None:
            await _look_at(cluster, owner, run, allowed, seen)
    return seen


async def _look_at(
    cluster: Cluster, owner: Owner, run: RetrainingRun, allowed: TaskKind, seen: SeenAllowed
) -> None:
    try:
        live = await cluster.find_like(owner.object(as_kind(allowed), run.job))
    except ApiError as error:
        why = f"{run.named} cannot be read: {error}"
        log.warning("%s/%s: %s", owner.namespace, owner.name, why)
        seen.unknown.append(why)
        return
    if live is None or not owner.owns(live):
        seen.absent.add(run.job)
        return
    seen.live[run.job] = live
    if end := ended(live, allowed):
        seen.ended[run.job] = end


async def remove(
    cluster: Cluster, owner: Owner, status: Status, seen: SeenAllowed, now: float
) -> bool:
    """Delete what is to be deleted by now, and was seen; whether something was. What cannot be
    deleted is tried again; what a finalizer keeps is gone when that is."""
    deleted = False
    for run in removable(status, now):
        live = seen.live.get(run.job)
        if live is None or "deletionTimestamp" in live["metadata"]:
            continue
        try:
            await cluster.delete(live)
        except ApiError as error:
            log.warning("%s/%s: %s: %s", owner.namespace, owner.name, run.named, error)
        else:
            deleted = True
    return deleted


def looks_again(status: Status) -> float | None:
    """Seconds until something must be looked up again; None: nothing is awaited."""
    history = status.retraining.history if status.retraining else []
    return LOOK_AGAIN if any(each.kind and not each.ended for each in history) else None
