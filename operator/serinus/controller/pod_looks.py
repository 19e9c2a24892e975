"""When pods are listed, and what is known of them.

Their restarts, their images, and why they are not ready, are in no other object. A watch would need
memory for every pod of the cluster, so in a rollout pods are listed when the number of ready ones
changes, and regularly, because a container may restart before its workload's status shows it.
Without one, only pods that become ready next to others are of interest: they may run another image.
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
from serinus.manifests.workloads import Workload, kind_of, running
from serinus.plan.images import mixed_images
from serinus.plan.observe import containers, read_workloads
from serinus.plan.progress import pods_to_mend
from serinus.plan.situation import SeenPod

log = logging.getLogger(__name__)

LOOK_AFTER: Final = 5.0
"""Seconds that pods may take before the reason is looked up."""
LOOK_AGAIN: Final = 10.0
"""Minimum seconds between two lists, and until the next list after pods were lost."""
LOOK_EVERY: Final = 120.0
"""Seconds between two lists while nothing changes."""
OFTEN: Final = 4
"""Lists in a row after which, without a candidate, the next ones come as seldom: pods that lose
their readiness again and again join others as often."""


@dataclass(frozen=True, slots=True)
class PodLooks:
    """The known pods of candidate and stable, and when to list again."""

    revision: str
    """Revision of the candidate; empty: there is none."""
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
    joined: bool = False
    """Whether a pod became ready next to another one, or left others with other images, since the
    last look."""
    short: bool = False
    """Whether some pod of the candidate is not ready."""
    problem: str | None = None
    """The last known reason."""
    pods: Mapping[str, SeenPod] = field(default_factory=dict)
    """The pods of the last list by name."""
    in_a_row: int = 0
    """Lists without a candidate of which each came soon after the one before."""
    mixed: Mapping[str, str] | None = None
    """By revision whose pods ran different images in it, which ones, as a message; None: pods were
    not listed yet."""
    unplaced: bool = False
    """Whether a message names a pod that is not in that list."""

    @property
    def due(self) -> float:
        """Time of the next list, Unix seconds."""
        soonest = self.looked_at + (LOOK_EVERY if self._seldom else LOOK_AGAIN)
        moments = [self.planned]
        if self.fell or self.joined or self.unplaced:
            moments.append(soonest)
        if self.short:
            moments.append(max(self.awaited_since + LOOK_AFTER, soonest))
        return min(moments)

    @property
    def _seldom(self) -> bool:
        """Whether nothing but another list in vain is to be expected soon."""
        return self.in_a_row >= OFTEN and not self.revision and not self.mixed

    def by(self, now: float) -> "PodLooks":
        """With no look later than now, and the next one at its time: otherwise it would be later by
        the time that the clock was set back."""
        latest = now + LOOK_EVERY if self.revision else inf
        planned, looked_at = min(self.planned, latest), min(self.looked_at, now)
        return replace(self, planned=planned, looked_at=looked_at)

    def looked(self, problem: str | None, now: float) -> "PodLooks":
        """After a list; another one follows soon if pods were lost, because their containers may
        restart later."""
        planned = now + (LOOK_AGAIN if self.fell else LOOK_EVERY)
        soon = not self.revision and now - self.looked_at <= 2 * LOOK_EVERY
        after = replace(self, in_a_row=self.in_a_row + 1 if soon else 0)
        if not self.revision and (not self.fell or after._seldom):
            planned = inf
        return replace(
            after, planned=planned, looked_at=now, fell=False, joined=False, problem=problem
        )

    @property
    def nodes(self) -> dict[str, str]:
        """Node of each pod of the last list."""
        return {pod.name: pod.node for pod in self.pods.values() if pod.node}

    def found(self, pods: Iterable[SeenPod]) -> "PodLooks":
        """With the pods of a list, and which of them run different images."""
        pods = list(pods)
        return replace(self, pods={pod.name: pod for pod in pods}, mixed=mixed_images(pods))

    def counted(self, workloads: Mapping[str, Workload]) -> "PodLooks":
        """With the present numbers of ready pods of these revisions."""
        known, ready = self.ready, {name: w.ready for name, w in workloads.items()}
        fell = any(w.ready < min(w.replicas, known.get(n, 0)) for n, w in workloads.items())
        joined = any(known.get(name, count) < count > 1 for name, count in ready.items())
        # one of those that differ may have left, if only because fewer are wanted
        joined = joined or any(ready.get(name, 0) < known.get(name, 0) for name in self.mixed or ())
        return replace(self, ready=ready, fell=self.fell or fell, joined=self.joined or joined)


def awaiting(
    before: PodLooks | None,
    candidate: Candidate,
    stable: str | None,
    workloads: Mapping[str, Workload],
) -> PodLooks:
    """With the present numbers of ready pods; counts of another candidate are dropped."""
    if before is None or before.revision != candidate.revision:
        # a new leader lists at once if the rollout is older than that
        planned = candidate.since + LOOK_EVERY
        kept = before or PodLooks(candidate.revision, planned)
        before = PodLooks(candidate.revision, planned, ready=kept.ready, mixed=kept.mixed)
    found = {name: w for name, w in workloads.items() if name in (candidate.revision, stable)}
    own = found.get(candidate.revision)
    short = own is not None and own.ready < own.replicas
    return replace(
        before.counted(found),
        awaited_since=candidate.progress_since,
        short=short,
        unplaced=bool(pods_to_mend(candidate) - set(before.nodes)),
        problem=before.problem if short else None,
    )


def without_a_candidate(
    before: PodLooks | None, stable: str, workloads: Mapping[str, Workload], *, differed: bool
) -> PodLooks:
    """With the present number of stable's ready pods. What was known of a candidate is dropped, but
    for the images: it may be stable now. `differed`: the status says that images differ, which a
    new leader looks up at once."""
    kept = before or PodLooks("", inf)
    if kept.revision:
        kept = PodLooks("", inf, ready=kept.ready, mixed=kept.mixed)
    found = {name: w for name, w in workloads.items() if name == stable}
    mixed = kept.mixed and {name: text for name, text in kept.mixed.items() if name in found}
    kept = replace(kept.counted(found), mixed=mixed)
    return replace(kept, joined=True) if differed and mixed is None else kept


async def look_at_pods(
    cluster: Cluster,
    owner: Owner,
    status: Status,
    objects: Objects,
    before: PodLooks | None,
    now: float,
) -> tuple[PodLooks | None, tuple[SeenPod, ...] | None]:
    """List the pods if that is due: restarts of containers, images, and why pods are not ready.
    Looks are None if there is nothing to list, and pods if they were not listed."""
    candidate, workloads = status.candidate, read_workloads(objects)
    stable = status.stable.revision if status.stable else None
    live = running(objects).get(candidate.revision) if candidate else None
    if candidate is not None and live is not None:
        looks = awaiting(before, candidate, stable, workloads).by(now)
    elif stable is not None:
        differed = any(each.type == "ImagesDiffer" for each in status.conditions)
        looks = without_a_candidate(before, stable, workloads, differed=differed).by(now)
    else:
        return None, None
    if looks.due > now:
        # that no more pods can be created is known without a list
        message = kind_of(live).uncreated(live) if looks.short and live else None
        known = message is None or (looks.problem is not None and message in looks.problem)
        return looks if known else replace(looks, problem=message), None
    try:
        pods = await cluster.list("Pod", owner.namespace, _selector(owner.pods()))
    except ApiError as error:
        # decisions that need no pods are still made
        log.warning("%s/%s: cannot list pods: %s", owner.namespace, owner.name, error)
        failed = looks.looked(f"The pods cannot be listed: {error}", now)
        return replace(failed, joined=looks.joined), None
    written = containers(objects)
    found = tuple(
        _of_template(seen(pod, looks.pods.get(pod["metadata"]["name"])), written) for pod in pods
    )
    own = [pod for pod, of in zip(pods, found, strict=True) if of.revision == looks.revision]
    problem = None
    if looks.short and live:
        problem = not_ready_reason(kind_of(live).uncreated(live), own)
    return looks.looked(problem, now).found(found), found


def _of_template(pod: SeenPod, written: Mapping[str, frozenset[str]]) -> SeenPod:
    """With the images of the containers that its revision has: a service mesh adds others, of
    another version after each upgrade, which no template can name by a digest."""
    names = written.get(pod.revision, frozenset())
    return replace(pod, images={name: i for name, i in pod.images.items() if name in names})


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
