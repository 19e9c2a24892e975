"""When the pods of a rollout are listed, and what is known of them.

Their restarts, and why they are not ready, are in no other object. A watch would need memory for
every pod of the cluster, so pods are listed when the number of ready ones changes, and regularly,
because a container may restart before its Deployment's status shows it.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from serinus.api.status import Candidate, Status
from serinus.cluster import ApiError, Cluster
from serinus.cluster.pods import not_ready_reason, seen
from serinus.manifests.owner import Objects, Owner
from serinus.plan.observe import read_workloads
from serinus.plan.progress import pods_to_mend
from serinus.plan.situation import SeenPod, Workload

log = logging.getLogger(__name__)

LOOK_AFTER: Final = 5.0
"""Seconds that pods may take before the reason is looked up."""
LOOK_AGAIN: Final = 10.0
"""Minimum seconds between two lists, and until the next list after pods were lost."""
LOOK_EVERY: Final = 120.0
"""Seconds between two lists while nothing changes."""


@dataclass(frozen=True, slots=True)
class PodLooks:
    """The known pods of candidate and stable, and when to list again."""

    revision: str
    """Revision of the candidate."""
    planned: float
    """Time of the next list if nothing happens before, Unix seconds."""
    awaited_since: float = -inf
    """Time since which pods of the candidate are missing, Unix seconds."""
    looked_at: float = -inf
    """Unix seconds."""
    ready: Mapping[str, int] = field(default_factory=dict)
    """Ready pods by revision."""
    fell: bool = False
    """Whether that number fell since the last look."""
    short: bool = False
    """Whether some pod of the candidate is not ready."""
    problem: str | None = None
    """The last known reason."""
    pods: Mapping[str, SeenPod] = field(default_factory=dict)
    """The pods of the last list by name."""
    unplaced: bool = False
    """Whether a message names a pod that is not in that list."""

    @property
    def due(self) -> float:
        """Time of the next list, Unix seconds."""
        soonest = self.looked_at + LOOK_AGAIN
        moments = [self.planned]
        if self.fell or self.unplaced:
            moments.append(soonest)
        if self.short:
            moments.append(max(self.awaited_since + LOOK_AFTER, soonest))
        return min(moments)

    def by(self, now: float) -> "PodLooks":
        """With no look later than now, and the next one at its time: otherwise it would be later by
        the time that the clock was set back."""
        planned, looked_at = min(self.planned, now + LOOK_EVERY), min(self.looked_at, now)
        return replace(self, planned=planned, looked_at=looked_at)

    def looked(self, problem: str | None, now: float) -> "PodLooks":
        """After a list; another one follows soon if pods were lost, because their containers may
        restart later."""
        planned = now + (LOOK_AGAIN if self.fell else LOOK_EVERY)
        return replace(self, planned=planned, looked_at=now, fell=False, problem=problem)

    @property
    def nodes(self) -> dict[str, str]:
        """Node of each pod of the last list."""
        return {pod.name: pod.node for pod in self.pods.values() if pod.node}

    def found(self, pods: Iterable[SeenPod]) -> "PodLooks":
        """With the pods of a list."""
        return replace(self, pods={pod.name: pod for pod in pods})


def awaiting(
    before: PodLooks | None,
    candidate: Candidate,
    stable: str | None,
    workloads: Mapping[str, Workload],
) -> PodLooks:
    """With the present numbers of ready pods; counts of another candidate are dropped."""
    if before is None or before.revision != candidate.revision:
        # a new leader lists at once if the rollout is older than that
        before = PodLooks(candidate.revision, candidate.since + LOOK_EVERY)
    found = {name: w for name, w in workloads.items() if name in (candidate.revision, stable)}
    fell = any(w.ready < min(w.replicas, before.ready.get(name, 0)) for name, w in found.items())
    own = found.get(candidate.revision)
    short = own is not None and own.ready < own.replicas
    return replace(
        before,
        awaited_since=candidate.progress_since,
        ready={name: w.ready for name, w in found.items()},
        fell=before.fell or fell,
        short=short,
        unplaced=bool(pods_to_mend(candidate) - set(before.nodes)),
        problem=before.problem if short else None,
    )


async def look_at_pods(
    cluster: Cluster,
    owner: Owner,
    status: Status,
    objects: Objects,
    before: PodLooks | None,
    now: float,
) -> tuple[PodLooks | None, tuple[SeenPod, ...] | None]:
    """List the pods if that is due: restarts of containers, and why pods are not ready. Looks are
    None if there is nothing to list, and pods if they were not listed."""
    candidate = status.candidate
    if candidate is None:
        return None, None
    deployment = objects.get(("Deployment", owner.child(candidate.revision)))
    if deployment is None:
        # also no list to wait for
        return None, None
    stable = status.stable.revision if status.stable else None
    looks = awaiting(before, candidate, stable, read_workloads(objects)).by(now)
    if looks.due > now:
        # that no more pods can be created is known without a list
        message = not_ready_reason(deployment, ()) if looks.short else None
        known = message is None or (looks.problem is not None and message in looks.problem)
        return looks if known else replace(looks, problem=message), None
    try:
        pods = await cluster.list("Pod", owner.namespace, _selector(owner.pods()))
    except ApiError as error:
        # decisions that need no pods are still made
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        return looks.looked(f"The pods cannot be listed: {error}", now), None
    found = tuple(seen(pod, looks.pods.get(pod["metadata"]["name"])) for pod in pods)
    revision = candidate.revision
    own = [pod for pod, of in zip(pods, found, strict=True) if of.revision == revision]
    problem = not_ready_reason(deployment, own) if looks.short else None
    return looks.looked(problem, now).found(found), found


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
