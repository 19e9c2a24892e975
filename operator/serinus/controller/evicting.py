"""Evicts the pods that are to be replaced.

By the eviction API, so that a PodDisruptionBudget is respected and the right to delete pods is not
needed. To evict a pod that is gone, or on its way, changes nothing: an operator that was killed
between the write of the status and the eviction makes up for it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from serinus.api.status import ReplacedPod
from serinus.cluster import ApiError, Cluster
from serinus.controller.pod_looks import PodLooks
from serinus.controller.queue import RETRY_AFTER_LONGEST
from serinus.plan.situation import RefusedEviction

log = logging.getLogger(__name__)

AGAIN_AFTER: Final = 10.0
"""Seconds until a refused eviction is tried again, as the API server asks for a budget."""
MISSED_AFTER: Final = 30.0
"""Seconds after which one that was due was not tried: the pod was not to be evicted meanwhile."""
FORBIDDEN_FOR: Final = 300.0
"""The same without the right to evict, which only a person can give."""


@dataclass(slots=True)
class Evictions:
    """Of the pods of a ModelDeployment, as far as this process knows."""

    done: set[str] = field(default_factory=set)
    refused: dict[str, RefusedEviction] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    """By pod that was refused, when it is tried again, Unix seconds."""

    @property
    def refusal(self) -> RefusedEviction | None:
        """Why one of the pods could not be evicted; None: nothing is known against it."""
        return next(iter(self.refused.values()), None)

    def set_back(self, now: float) -> None:
        """If the clock was set back, nothing was tried later than now: otherwise it would be tried
        again, or given up, later by the time that the clock was set back."""
        for pod, refused in list(self.refused.items()):
            if (by := refused.until - now) > 0:
                self.refused[pod] = replace(refused, since=refused.since - by, until=now)
                self.not_before[pod] -= by

    def due(self, pods: Iterable[str], now: float) -> float | None:
        """Seconds until the next one of these pods is tried again; None: none is."""
        return min(
            (self.not_before[pod] - now for pod in pods if pod in self.not_before), default=None
        )

    def refuse(self, pod: str, message: str, *, forbidden: bool, wait: float, now: float) -> None:
        """It was tried in vain, and is tried again after so many seconds. If it was not tried when
        it was due, it begins anew."""
        before, due = self.refused.get(pod), self.not_before.get(pod, now) + MISSED_AFTER
        since = before.since if before and now <= due else now
        self.refused[pod] = RefusedEviction(message, forbidden, since=since, until=now)
        self.not_before[pod] = now + wait

    def gone(self, pods: Iterable[ReplacedPod], looks: PodLooks | None) -> frozenset[str]:
        """Those of these pods that were evicted, or that a list since then has not; what is known
        of others is forgotten."""
        names = {each.name for each in pods}
        self.done |= {each.name for each in pods if _is_gone(each, looks)}
        self.done &= names
        for name in {*self.refused, *self.not_before} - (names - self.done):
            self.refused.pop(name, None)
            self.not_before.pop(name, None)
        return frozenset(self.done)


def _is_gone(pod: ReplacedPod, looks: PodLooks | None) -> bool:
    listed = looks is not None and looks.mixed is not None
    if looks is None or not listed or looks.looked_at <= pod.since:
        return False
    seen = looks.pods.get(pod.name)
    return seen is None or seen.leaving


async def evict_all(
    cluster: Cluster, namespace: str, pods: Iterable[str], evictions: Evictions, now: float
) -> bool:
    """Evict these pods, but for those of which it is known that they leave, or that it was tried
    only now. Returns whether anything has come of it that rules read."""
    due = [
        pod
        for pod in pods
        if pod not in evictions.done and evictions.not_before.get(pod, now) <= now
    ]
    before = evictions.refusal
    for pod in due:
        await _evict(cluster, namespace, pod, evictions, now)
    return evictions.refusal != before or not evictions.done.isdisjoint(due)


async def _evict(
    cluster: Cluster, namespace: str, pod: str, evictions: Evictions, now: float
) -> None:
    try:
        await cluster.evict(namespace, pod)
    except ApiError as error:
        if not error.absent:
            forbidden = error.status == 403
            message = f"Pod {pod} cannot be evicted: {str(error).rstrip('.')}."
            log.warning("%s: %s", namespace, message)
            asked = min(error.retry_after or AGAIN_AFTER, RETRY_AFTER_LONGEST)
            wait = FORBIDDEN_FOR if forbidden else asked
            evictions.refuse(pod, message, forbidden=forbidden, wait=wait, now=now)
            return
    evictions.refused.pop(pod, None)
    evictions.not_before.pop(pod, None)
    evictions.done.add(pod)
