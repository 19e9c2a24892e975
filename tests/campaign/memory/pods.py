"""Simulated Deployments, pods and endpoints: pods start, die, are lost, and count requests."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from serinus.api.base import rfc3339
from serinus.manifests.owner import NAME_LABEL, REVISION_LABEL
from tests.campaign.memory.api import MemoryApi

Manifest = dict[str, Any]

SCRAPED_EVERY: Final = 5.0
FLAPS_FOR: Final = 20.0
SYNC: Final = 0.02
"""Seconds that a controller takes to notice something."""
BAD: Final = 0.05
"""Share of failures from which clients are failed."""


@dataclass
class Model:
    """How the pods of a version behave."""

    errors: float = 0.0
    """Share of the requests that are answered with 500."""
    cold_for: float = 0.0
    """Seconds after the first request of a container in which it is cold."""
    cold_errors: float = 0.0
    """Share of the requests that are answered with 500 meanwhile."""
    errors_of_a_tenant: float = 0.0
    """The same in the pod that has one tenant, which another pod has once that is gone."""
    hangs: bool = False
    """Requests run into their timeout, and are counted nowhere."""
    starts_after: float = 3.0
    """Seconds until a pod is ready; infinity: never."""
    download_fails: str = ""
    """What its init container says each time that it fails; empty: it has none, or succeeds."""
    dies_every: float | None = None
    """Seconds after which a ready container is killed for its memory."""
    flaps_every: float | None = None
    """Seconds after which a ready pod fails its readiness probe for FLAPS_FOR seconds."""

    @property
    def bad(self) -> str | None:
        """How it fails its clients, if it does."""
        if self.hangs:
            return "hangs"
        if self.dies_every is not None:
            return "dies"
        if self.flaps_every is not None:
            return "flaps"
        return "errors" if max(self.errors, self.errors_of_a_tenant) > BAD else None


@dataclass
class Segment:
    """A time in which a container ran and its counters grew evenly."""

    since: float
    until: float
    total: float
    errors: float
    rate: float = 0.0
    failing: float = 0.0

    def at(self, moment: float) -> tuple[float, float]:
        """Requests and errors counted by then."""
        return (
            self.total + (moment - self.since) * self.rate,
            self.errors + (moment - self.since) * self.failing,
        )


@dataclass
class Pod:
    """One pod."""

    name: str
    uid: str
    address: str
    deployment: str
    namespace: str
    labels: Mapping[str, str]
    version: str
    born: float
    node: str = ""
    zone: str = ""
    running: bool = True
    ready: bool = False
    turned: float = 0.0
    """When it became ready or unready."""
    restarts: int = 0
    ended: Manifest | None = None
    """How its container ended last."""
    waits: bool = False
    """Its container is in CrashLoopBackOff."""
    download_fails: str = ""
    """What its init container says, which is in CrashLoopBackOff; empty: it is not."""
    segments: list[Segment] = field(default_factory=list)
    asked_since: float | None = None
    """When its container had its first request."""
    life: int = 0
    """Counts its starts: what was to happen in an earlier life happens no more."""

    @property
    def revision(self) -> str:
        """Of which it is one."""
        return self.labels.get(REVISION_LABEL, "")

    def turn(self, ready: bool, now: float) -> None:
        """Its readiness from now on."""
        if ready != self.ready:
            self.ready, self.turned = ready, now

    def grow(self, now: float, rate: float, failing: float) -> None:
        """From now on it answers so many requests a second, so many of them with 500."""
        last = self.segments[-1] if self.segments else None
        if last is not None:
            last.until = now
            if (last.rate, last.failing) == (rate, failing):
                return
        total, errors = last.at(now) if last else (0.0, 0.0)
        self.segments.append(Segment(now, now, total, errors, rate, failing))

    def settle(self, now: float) -> None:
        """It goes on as it does."""
        if self.running and self.segments:
            self.segments[-1].until = now

    def begin(self, now: float) -> None:
        """A container starts, and its counters at 0."""
        self.asked_since = None
        self.segments.append(Segment(now, now, 0.0, 0.0))

    def samples(self, since: float, until: float, every: float) -> list[tuple[float, float, float]]:
        """What was scraped of it: moment, requests and errors."""
        starts = [each.since for each in self.segments]
        first = int(since // every) + 1
        found = []
        for tick in range(first, int(until // every) + 1):
            moment = tick * every
            index = bisect_right(starts, moment) - 1
            if index >= 0 and moment <= self.segments[index].until:
                found.append((moment, *self.segments[index].at(moment)))
        return found


class Pods:
    """The controllers of Deployments and endpoints, and the kubelets, in one."""

    def __init__(
        self, api: MemoryApi, now: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self._api = api
        self._now = now
        self._changed = changed
        self._numbers = itertools.count(1)
        self._due: set[tuple[str, str]] = set()
        self.later: Callable[[float, Callable[[], object]], None]
        self.tell_of: Callable[[Pod], None] = self._write
        self.collected_after = 0.0
        """Seconds that the garbage collector takes to remove the pods of a deleted Deployment."""
        self.models: dict[str, Model] = {}
        """By version; what is not here is a good one."""
        self.pods: dict[str, Pod] = {}
        self.gone: list[Pod] = []
        """Prometheus remembers them."""
        self.nodes: dict[str, str] = {f"node-{n}": f"zone-{n % 3}" for n in range(10)}
        """The zone of each."""
        self.failing: dict[str, float] = {}
        """Share of the requests that fail in a pod, on a node or in a zone, whatever runs there."""
        self.choose_node: Callable[[str], str] = self._emptiest_node
        """The scheduler: a node for a pod of this Deployment."""

    def model(self, version: str) -> Model:
        """How a version behaves."""
        return self.models.setdefault(version, Model())

    def failing_share(self, pod: Pod) -> float:
        """Share of its requests that fail."""
        model, places = self.model(pod.version), (pod.name, pod.node, pod.zone)
        alike = (each for each in self.pods.values() if each.version == pod.version and each.ready)
        of_tenant = model.errors_of_a_tenant if pod is next(alike, None) else 0.0
        return max(model.errors, of_tenant, *(self.failing.get(each, 0.0) for each in places))

    def seen(self, event: str, live: Manifest) -> None:
        """Something was written."""
        kind, metadata = live["kind"], live["metadata"]
        if kind == "Deployment":
            self._soon(metadata["namespace"], metadata["name"])
        elif kind == "Service" and event != "DELETED":
            self.later(SYNC, self._endpoints)
        elif kind == "Pod":
            self._heard(event, live)
        if event == "DELETED" or (event == "ADDED" and self._api.is_orphan(live)):
            self.later(SYNC, self._collect)

    def _heard(self, event: str, live: Manifest) -> None:
        """Somebody else deleted a pod, or wrote its status as a kubelet does."""
        pod = self.pods.get(live["metadata"]["name"])
        if pod is None:
            return
        if event == "DELETED":
            self.lose(pod)
            return
        conditions = (live.get("status") or {}).get("conditions") or []
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if ready != pod.ready:
            pod.turn(ready, self._now())
            pod.life += 1
            self._soon(pod.namespace, pod.deployment)

    def of(self, revision: str) -> list[Pod]:
        """The pods of a revision."""
        return [pod for pod in self.pods.values() if pod.revision == revision]

    def behind(self, service: Manifest) -> list[Pod]:
        """Ready pods to which a Service leads."""
        selector = service["spec"].get("selector") or {}
        return [
            pod
            for pod in self.pods.values()
            if pod.ready
            and pod.namespace == service["metadata"]["namespace"]
            and all(pod.labels.get(key) == value for key, value in selector.items())
        ]

    def lose(self, pod: Pod) -> None:
        """Its node is gone; another one is made."""
        self._remove(pod)
        self._soon(pod.namespace, pod.deployment)

    def kill_for_memory(self, pod: Pod) -> None:
        """The kernel ends its container, which starts again after a while."""
        now = self._now()
        pod.settle(now)
        pod.turn(False, now)
        pod.running, pod.life = False, pod.life + 1
        pod.ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": rfc3339(now)}
        delay = min(300.0, 10.0 * 2 ** min(pod.restarts, 5)) if pod.restarts else 1.0
        pod.waits = pod.restarts > 0
        self._told(pod)
        self.later(delay, partial(self._restart, pod, pod.life))

    def unready(self, pod: Pod, seconds: float) -> None:
        """Its readiness probe fails for a while."""
        pod.turn(False, self._now())
        pod.life += 1
        self._told(pod)
        self.later(seconds, partial(self._ready, pod, pod.life))

    # what happens by itself

    def _soon(self, namespace: str, name: str) -> None:
        if (namespace, name) not in self._due:
            self._due.add((namespace, name))
            self.later(SYNC, lambda: self._sync(namespace, name))

    def _sync(self, namespace: str, name: str, *, collected: bool = False) -> None:
        self._due.discard((namespace, name))
        live = self._api.find("Deployment", namespace, name)
        if live is None and not collected:
            again = partial(self._sync, namespace, name, collected=True)
            self.later(self.collected_after, again)
            return
        mine = [p for p in self.pods.values() if (p.namespace, p.deployment) == (namespace, name)]
        wanted = live["spec"].get("replicas", 1) if live else 0
        # those that are not ready go first
        mine.sort(key=lambda pod: (not pod.ready, pod.name))
        for pod in mine[wanted:] if len(mine) > wanted else ():
            self._remove(pod)
        if live is not None:
            for _ in range(wanted - len(mine)):
                self._start(live)
            self._report(live)
        self._endpoints()

    def _start(self, deployment: Manifest) -> None:
        metadata, template = deployment["metadata"], deployment["spec"]["template"]
        number = next(self._numbers)
        env = template["spec"]["containers"][0].get("env") or []
        version = next((e.get("value", "") for e in env if e["name"] == "MODEL_VERSION"), "")
        node = self.choose_node(metadata["name"])
        pod = Pod(
            name=f"{metadata['name']}-5d4f6b7c8d-{number:05}"[:63],
            uid=f"pod-{number}",
            address=f"10.1.{number // 250}.{number % 250 + 1}",
            deployment=metadata["name"],
            namespace=metadata["namespace"],
            labels=template["metadata"]["labels"],
            version=version,
            born=self._now(),
            turned=self._now(),
            node=node,
            zone=self.nodes[node],
        )
        self.begin(pod)

    def _emptiest_node(self, _: str) -> str:
        """Of two with as few pods, the one that had none for longest."""
        latest = [pod.node for pod in (*self.gone, *self.pods.values())]
        there = [pod.node for pod in self.pods.values()]
        last = {node: number for number, node in enumerate(latest)}
        return min(self.nodes, key=lambda node: (there.count(node), last.get(node, -1)))

    def begin(self, pod: Pod) -> None:
        """A pod is there, and its container starts."""
        self.pods[pod.name] = pod
        self._begin(pod)

    def _begin(self, pod: Pod) -> None:
        model = self.model(pod.version)
        pod.running, pod.waits, pod.download_fails = True, False, model.download_fails
        pod.begin(self._now())
        self._told(pod)
        delay = float("inf") if pod.download_fails else model.starts_after
        if delay < float("inf"):
            self.later(delay, partial(self._ready, pod, pod.life))

    def _ready(self, pod: Pod, life: int) -> None:
        if pod.life != life or pod.name not in self.pods:
            return
        pod.turn(True, self._now())
        self._told(pod)
        self.misbehave(pod)

    def misbehave(self, pod: Pod) -> None:
        """What a ready pod of its version does after a while."""
        model, life = self.model(pod.version), pod.life
        if model.dies_every is not None:
            self.later(model.dies_every, partial(self._die, pod, life))
        if model.flaps_every is not None:
            self.later(model.flaps_every, partial(self._flap, pod, life))

    def _flap(self, pod: Pod, life: int) -> None:
        if pod.life == life and pod.ready and self.model(pod.version).flaps_every:
            self.unready(pod, FLAPS_FOR)

    def _die(self, pod: Pod, life: int) -> None:
        if pod.life == life and pod.name in self.pods and self.model(pod.version).dies_every:
            self.kill_for_memory(pod)

    def _restart(self, pod: Pod, life: int) -> None:
        if pod.life == life and pod.name in self.pods:
            pod.restarts += 1
            self._begin(pod)

    def _remove(self, pod: Pod) -> None:
        pod.settle(self._now())
        pod.ready, pod.running, pod.life = False, False, pod.life + 1
        del self.pods[pod.name]
        self.gone.append(pod)
        if (live := self._api.find("Pod", pod.namespace, pod.name)) is not None:
            self._api.drop(live)
        self._changed()

    def _collect(self) -> None:
        """The garbage collector."""
        for live in self._api.orphans():
            self._api.drop(live)

    # what is told

    def _told(self, pod: Pod) -> None:
        self.tell_of(pod)
        self._changed()

    def _write(self, pod: Pod) -> None:
        deployment = self._api.find("Deployment", pod.namespace, pod.deployment)
        if deployment is None:
            return
        self._api.put(_manifest(pod, deployment))
        self._report(deployment)
        self._endpoints()

    def _report(self, deployment: Manifest) -> None:
        metadata = deployment["metadata"]
        mine = [
            pod
            for pod in self.pods.values()
            if (pod.namespace, pod.deployment) == (metadata["namespace"], metadata["name"])
        ]
        ready = sum(pod.ready for pod in mine)
        status = {
            "observedGeneration": metadata["generation"],
            "replicas": len(mine),
            "updatedReplicas": len(mine),
            **({"readyReplicas": ready, "availableReplicas": ready} if ready else {}),
        }
        self._api.set_status(deployment, status)

    def _endpoints(self) -> None:
        for service in self._api.all("Service"):
            labels = service["metadata"].get("labels") or {}
            if NAME_LABEL not in labels:
                continue
            name = service["metadata"]["name"]
            metadata: Manifest = {
                "name": f"{name}-slice",
                "namespace": service["metadata"]["namespace"],
                "labels": {**labels, "kubernetes.io/service-name": name},
                "ownerReferences": [
                    {"kind": "Service", "name": name, "uid": service["metadata"]["uid"]}
                ],
            }
            endpoints = [
                {"addresses": [pod.address], "conditions": {"ready": True}}
                for pod in self.behind(service)
            ]
            before = self._api.find("EndpointSlice", metadata["namespace"], metadata["name"])
            if before is not None and before["endpoints"] == endpoints:
                continue
            self._api.put(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {**(before or {}).get("metadata", {}), **metadata},
                    "addressType": "IPv4",
                    "endpoints": endpoints,
                }
            )


def _manifest(pod: Pod, deployment: Manifest) -> Manifest:
    template = deployment["spec"]["template"]
    container = template["spec"]["containers"][0]
    state: Manifest = {"running": {}} if pod.running else {"terminated": pod.ended or {}}
    if pod.waits:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting"}}
    told = {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "ready": pod.ready,
        "started": pod.running,
        "restartCount": pod.restarts,
        "state": state,
        "lastState": {"terminated": pod.ended} if pod.ended else {},
    }
    statuses = {"containerStatuses": [told]}
    if pod.download_fails:
        statuses = _preparing(told, template["spec"]["initContainers"][0], pod.download_fails)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid,
            "creationTimestamp": rfc3339(pod.born),
            "labels": {**pod.labels, "topology.kubernetes.io/zone": pod.zone},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": pod.deployment,
                    "uid": deployment["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {**template["spec"], "nodeName": pod.node},
        "status": {
            "phase": "Running",
            "podIP": pod.address,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if pod.ready else "False",
                    "lastTransitionTime": rfc3339(pod.turned),
                }
            ],
            **statuses,
        },
    }


def _preparing(told: Manifest, init: Manifest, said: str) -> dict[str, list[Manifest]]:
    """The statuses of containers while the first init container fails again and again."""
    waits = {"waiting": {"reason": "PodInitializing"}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": said}}
    backs_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting"}}
    own = {"name": init["name"], "image": init["image"], "imageID": "", "ready": False}
    return {
        "initContainerStatuses": [
            {**own, "restartCount": 9, "state": backs_off, "lastState": ended}
        ],
        "containerStatuses": [{**told, "started": False, "restartCount": 0, "state": waits}],
    }
