"""What has become of Jobs: of steps, and of those that retrain."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from serinus.cluster import ApiError, Cluster
from serinus.cluster.pods import failure, left_behind, why_none_runs
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import Manifest, Objects, Owner, controller_of
from serinus.manifests.task import JOB_NAME_LABEL, TaskEnd, ended, runs

_LONGEST: Final = 600
"""Characters that are kept of the last lines of a container."""
_BY_A_CONTAINER: Final = "BackoffLimitExceeded"
"""Reason of a Job that failed because its pod did."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenTasks:
    """What is known of Jobs, by name."""

    ended: dict[str, TaskEnd] = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)
    """Why no container of it runs or has run; empty: it is not there, and its writes say why."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Why something is not known of one that is awaited."""

    def trouble(self, name: str) -> str:
        """Why one does not run, or why that is not known, as a sentence; otherwise empty."""
        if why := self.unknown.get(name):
            return why
        return f"Job {name}: {why}" if (why := self.idle.get(name)) else ""


async def look_at_tasks(
    cluster: Cluster, owner: Owner, objects: Objects, awaited: Iterable[str]
) -> SeenTasks:
    """The Jobs that have ended. `awaited`: those on which something depends, whose pods are listed
    for what they say, unless one is known to run. If they cannot be listed, it has not ended yet:
    without its cause, an end would be another one."""
    jobs = {name: live for (kind, name), live in objects.items() if kind == JOB.name}
    seen = SeenTasks({name: end for name, live in jobs.items() if (end := ended(live))})
    for name in awaited:
        live = jobs.get(name)
        if live is None:
            seen.idle[name] = ""
        elif not runs(live):
            await _look_at_pods(cluster, owner, live, seen)
    return seen


async def _look_at_pods(cluster: Cluster, owner: Owner, live: Manifest, seen: SeenTasks) -> None:
    name = live["metadata"]["name"]
    try:
        pods = await cluster.list("Pod", owner.namespace, f"{JOB_NAME_LABEL}={name}")
    except ApiError as error:
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        seen.ended.pop(name, None)
        seen.unknown[name] = f"The pods of Job {name} cannot be listed: {error}"
        return
    # whoever may create a pod can give it the label
    pods = [each for each in pods if _owns(live, each)]
    if name in seen.ended:
        seen.ended[name] = _explained(live, seen.ended[name], pods)
    elif (why := why_none_runs(pods)) is not None:
        seen.idle[name] = why


def _owns(live: Manifest, pod: Manifest) -> bool:
    controller = controller_of(pod)
    return controller is not None and controller["uid"] == live["metadata"]["uid"]


def _explained(live: Manifest, end: TaskEnd, pods: list[dict[str, Any]]) -> TaskEnd:
    """With what its pods say."""
    names = [each["name"] for each in live["spec"]["template"]["spec"]["containers"]]
    if end.succeeded:
        left = left_behind(pods, names)
        return replace(end, unread=True) if left is None else replace(end, said=left)
    message, code = failure(pods, names)
    said = " ".join(message.split())
    if len(said) > _LONGEST:
        said = f"…{said[-_LONGEST:]}"
    if end.message.startswith(_BY_A_CONTAINER):
        return replace(end, message=said or end.message, code=code)
    return replace(end, message=f"{end.message}. {said}".rstrip(". "))
