"""Simulated pods and route: they reach the desired state after a delay, unless set otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from serinus.manifests.children import Wanted
from serinus.manifests.routers import router_for
from serinus.manifests.task import Task, TaskEnd
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads import Workload
from serinus.plan.decide import Plan
from serinus.plan.situation import (
    ApprovalPolicy,
    Desired,
    KnownRevision,
    RefusedEviction,
    SeenPod,
    World,
)


@dataclass
class SimulatedCluster:
    """The present state, and pending changes."""

    pods_ready_after: float = 0.0
    """Seconds."""
    route_after: float = 0.0
    """Seconds."""
    broken: set[str] = field(default_factory=set)
    """Revisions whose pods are not ready."""
    pods_seen: tuple[SeenPod, ...] | None = None
    """The pods, while they are listed."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Nodes of pods."""
    listed: Mapping[str, SeenPod] = field(default_factory=dict)
    """The pods as last listed."""
    evicted: frozenset[str] = frozenset()
    """Pods that leave."""
    refused_eviction: RefusedEviction | None = None
    """Why a pod cannot be evicted."""
    less_scraped: str = ""
    """By what Prometheus may find stable's pods, and not the candidate's."""
    mixed: Mapping[str, str] | None = None
    """By revision, which of its pods run different images."""
    approval_policy: ApprovalPolicy | None = field(default_factory=ApprovalPolicy)
    """Whether approvals count."""
    task_end: TaskEnd | None = field(default_factory=lambda: TaskEnd(succeeded=True, said=None))
    """How what a step runs ends, which it does at once; None: it runs."""
    idle: str = ""
    """Why what a step runs does not begin; empty: it does."""
    routed: bool = True
    """Whether the gateway accepts changes of the route."""
    _history: dict[str, KnownRevision] = field(default_factory=dict)
    _pods: dict[str, list[float]] = field(default_factory=dict)
    """By revision, the time at which each pod is ready."""
    _tasks: tuple[Task, ...] = ()
    _traffic: Traffic | None = None
    _traffic_before: Traffic | None = None
    _traffic_since: float = 0.0
    _as_wanted: bool = False
    """Whether the written traffic is that of the status."""
    _by_pods: bool = False
    """Whether traffic is split by the number of ready pods."""

    def at(self, now: float) -> World:
        """The observed state."""
        workloads = {
            name: Workload(
                replicas=len(pods),
                ready=0 if name in self.broken else sum(t <= now for t in pods),
                empty=not pods,
            )
            for name, pods in self._pods.items()
        }
        in_effect = self.routed and now >= self._traffic_since
        traffic = self._traffic if in_effect else self._traffic_before
        return World(
            history=self._history,
            workloads=workloads,
            weight=self._share(traffic, workloads),
            mirrored=traffic.mirrored if traffic else 0.0,
            split_in_effect=in_effect and self._as_wanted,
            pods_seen=self.pods_seen,
            nodes=self.nodes,
            listed=self.listed,
            evicted=self.evicted,
            refused_eviction=self.refused_eviction,
            less_scraped=self.less_scraped,
            mixed=self.mixed,
            approval_policy=self.approval_policy,
            leads_to=self._leads_to() if in_effect else None,
            ended_tasks={task.name: self.task_end for task in self._tasks if self.task_end},
            tasks=frozenset(task.name for task in self._tasks),
            idle_tasks={task.name: self.idle for task in self._tasks if self.idle},
        )

    def obey(self, desired: Desired, plan: Plan, now: float) -> None:
        """Start the changes of a pass."""
        if plan.wanted is None:
            return
        self._by_pods = router_for(desired.spec).shares_one_service
        for role in (plan.status.stable, plan.status.candidate):
            if role:
                known = KnownRevision(role.number, role.version)
                if self._history.get(role.revision) != known:
                    self._history = {**self._history, role.revision: known}
        self._scale(plan.wanted, now)
        self._tasks = plan.wanted.tasks
        traffic = plan.wanted.traffic
        if traffic != self._traffic:
            self._traffic_before = (
                self._traffic_before if now < self._traffic_since else self._traffic
            )
            self._traffic, self._traffic_since = traffic, now + self.route_after
        self._as_wanted = not plan.withholds

    def changes_after(self, now: float) -> float:
        """Time of the next pending change, Unix seconds; infinity: none."""
        coming = [t for pods in self._pods.values() for t in pods if t > now]
        if self._traffic_since > now:
            coming.append(self._traffic_since)
        return min(coming, default=float("inf"))

    def pods(self, revision: str) -> list[float]:
        """Times at which each pod of a revision is ready, Unix seconds."""
        return self._pods.get(revision, [])

    def _scale(self, wanted: Wanted, now: float) -> None:
        self._pods = {
            name: [
                *self._pods.get(name, [])[:count],
                *[now + self.pods_ready_after] * (count - len(self._pods.get(name, []))),
            ]
            for name, count in wanted.replicas.items()
        }

    def _leads_to(self) -> frozenset[str] | None:
        """Revisions that may get traffic."""
        if self._traffic is None:
            return None
        alone = len(self._traffic.weights) == 1
        return frozenset(self._pods) if self._by_pods and not alone else self._traffic.served_by

    def _share(self, traffic: Traffic | None, workloads: Mapping[str, Workload]) -> float:
        """The candidate's percentage of the traffic."""
        if traffic is None or traffic.stable is None or traffic.candidate is None:
            return 0.0
        if not self._by_pods or traffic.weight in (0, 100):
            return float(traffic.weight)
        pods = [workloads[name].ready for name in (traffic.stable, traffic.candidate)]
        return 100 * pods[1] / sum(pods) if sum(pods) else 0.0
