"""When the pods of a rollout are listed, and what is seen of them.

Their restarts, and what keeps them from being ready, stand nowhere else. A watch of all pods would
cost memory for each pod of the cluster, so they are listed when the number of ready ones tells that
something happened, and now and then, since a container may be back before that is told.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from serinus.api.status import Candidate, Status
from serinus.cluster import ApiError, Cluster
from serinus.cluster.pods import not_ready_reason, seen
from serinus.manifests.owner import Objects, Owner
from serinus.plan.observe import read_workloads
from serinus.plan.situation import SeenPod, Workload

log = logging.getLogger(__name__)

LOOK_AFTER: Final = 5.0
"""Seconds that pods may take before they are asked what keeps them."""
LOOK_AGAIN: Final = 10.0
"""Seconds between two looks at least, and until the next one after pods were lost."""
LOOK_EVERY: Final = 120.0
"""Seconds between two looks while nothing seems to happen."""


@dataclass(frozen=True, slots=True)
class PodLooks:
    """What was seen of a candidate's pods and stable's, and when to look again."""

    revision: str
    """The candidate's."""
    planned: float
    """Unix seconds of the next look, should nothing happen before."""
    awaited_since: float = -inf
    """Unix seconds since when the candidate's pods are awaited."""
    looked_at: float = -inf
    """Unix seconds."""
    ready: Mapping[str, int] = field(default_factory=dict)
    """Ready pods by revision."""
    fell: bool = False
    """Whether that number fell since the last look."""
    short: bool = False
    """Whether some pod of the candidate is not ready."""
    problem: str | None = None
    """Why, as it was seen last."""

    @property
    def due(self) -> float:
        """Unix seconds of the next look."""
        soonest = self.looked_at + LOOK_AGAIN
        moments = [self.planned]
        if self.fell:
            moments.append(soonest)
        if self.short:
            moments.append(max(self.awaited_since + LOOK_AFTER, soonest))
        return min(moments)

    def looked(self, problem: str | None, now: float) -> "PodLooks":
        """After a look; one more follows soon where pods were lost, whose containers may only be
        about to start again."""
        planned = now + (LOOK_AGAIN if self.fell else LOOK_EVERY)
        return replace(self, planned=planned, looked_at=now, fell=False, problem=problem)


def awaiting(
    before: PodLooks | None,
    candidate: Candidate,
    stable: str | None,
    workloads: Mapping[str, Workload],
) -> PodLooks:
    """What is known now of how many pods are ready; nothing of another candidate's counts."""
    if before is None or before.revision != candidate.revision:
        # a replica that has just begun to lead looks at once, if the rollout is older than that
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
    """List the pods if that is due: how often containers restarted, and what ails those that are
    not ready.

    The looks are None if there is nothing to look at, and the pods if they were not listed.
    """
    candidate = status.candidate
    if candidate is None:
        return None, None
    deployment = objects.get(("Deployment", owner.child(candidate.revision)))
    if deployment is None:
        # no look to wait for either
        return None, None
    stable = status.stable.revision if status.stable else None
    looks = awaiting(before, candidate, stable, read_workloads(objects))
    if looks.due > now:
        # that there cannot be more pods is known without a look at those there are
        message = not_ready_reason(deployment, ()) if looks.short else None
        known = message is None or (looks.problem is not None and message in looks.problem)
        return looks if known else replace(looks, problem=message), None
    try:
        pods = await cluster.list("Pod", owner.namespace, _selector(owner.pods()))
    except ApiError as error:
        # what is decided without them is decided all the same
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        return looks.looked(f"The pods cannot be listed: {error}", now), None
    own = [pod for pod in pods if seen(pod).revision == candidate.revision]
    problem = not_ready_reason(deployment, own) if looks.short else None
    return looks.looked(problem, now), tuple(map(seen, pods))


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
