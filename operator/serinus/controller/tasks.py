"""What has become of the Jobs of steps."""

import logging
from dataclasses import dataclass, field, replace
from typing import Any, Final

from serinus.cluster import ApiError, Cluster
from serinus.cluster.pods import failure, left_behind, why_none_runs
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import Manifest, Objects, Owner
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
    unknown: str = ""
    """Why something is not known of the one that is awaited; otherwise empty."""


async def look_at_tasks(
    cluster: Cluster, owner: Owner, objects: Objects, awaited: str | None
) -> SeenTasks:
    """The Jobs that have ended. `awaited`: the one on which something depends, whose pods are
    listed for what they say, unless it is known to run. If they cannot be listed, it has not ended
    yet: without its cause, an end would be another one."""
    jobs = {name: live for (kind, name), live in objects.items() if kind == JOB.name}
    ends = {name: end for name, live in jobs.items() if (end := ended(live))}
    if awaited is None:
        return SeenTasks(ends)
    live = jobs.get(awaited)
    if live is None:
        return SeenTasks(ends, {awaited: ""})
    if runs(live):
        return SeenTasks(ends)
    try:
        pods = await cluster.list("Pod", owner.namespace, f"{JOB_NAME_LABEL}={awaited}")
    except ApiError as error:
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        ends.pop(awaited, None)
        return SeenTasks(ends, unknown=f"The pods of Job {awaited} cannot be listed: {error}")
    if awaited in ends:
        ends[awaited] = _explained(live, ends[awaited], pods)
        return SeenTasks(ends)
    why = why_none_runs(pods)
    return SeenTasks(ends, {} if why is None else {awaited: why})


def _explained(live: Manifest, end: TaskEnd, pods: list[dict[str, Any]]) -> TaskEnd:
    """With what its pods say."""
    names = [each["name"] for each in live["spec"]["template"]["spec"]["containers"]]
    if end.succeeded:
        return replace(end, said=left_behind(pods, names))
    message, code = failure(pods, names)
    said = " ".join(message.split())
    if len(said) > _LONGEST:
        said = f"…{said[-_LONGEST:]}"
    if end.message.startswith(_BY_A_CONTAINER):
        return replace(end, message=said or end.message, code=code)
    return replace(end, message=f"{end.message}. {said}".rstrip(". "))
