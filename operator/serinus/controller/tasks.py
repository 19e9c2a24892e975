"""How the Jobs of steps have ended."""

import logging
from dataclasses import replace

from serinus.cluster import ApiError, Cluster
from serinus.cluster.pods import failure
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import Objects, Owner
from serinus.manifests.task import JOB_NAME_LABEL, TaskEnd, ended

_LONGEST = 600
"""Characters that are kept of the last lines of a container."""

log = logging.getLogger(__name__)


async def ended_tasks(
    cluster: Cluster, owner: Owner, objects: Objects, awaited: str | None
) -> dict[str, TaskEnd]:
    """By name, those that have ended. `awaited`: the one on which something depends; if it has
    failed, its pods are listed for their last lines."""
    jobs = {name: ended(live) for (kind, name), live in objects.items() if kind == JOB.name}
    ends = {name: end for name, end in jobs.items() if end}
    if awaited in ends and not ends[awaited].succeeded:
        ends[awaited] = await _explained(cluster, owner, awaited, ends[awaited])
    return ends


async def _explained(cluster: Cluster, owner: Owner, name: str, end: TaskEnd) -> TaskEnd:
    try:
        pods = await cluster.list("Pod", owner.namespace, f"{JOB_NAME_LABEL}={name}")
    except ApiError as error:
        # what the Job itself says must do
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        return end
    said = " ".join(failure(pods).split())
    if len(said) > _LONGEST:
        said = f"…{said[-_LONGEST:]}"
    return replace(end, message=said or end.message)
