"""Messages and counts from pods and EndpointSlices. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from serinus.cluster.disruption import disruption
from serinus.cluster.limits import PodManifest, killed_for_memory
from serinus.manifests.owner import REVISION_LABEL
from serinus.plan.situation import PodEnd, SeenPod

_PAST: Final = ("lastState",)
_STATES: Final = ("state", *_PAST)
_KINDS: Final = ("container", "initContainer")
_SIGNAL: Final = 128
"""To which the number of a signal is added that ends a container."""

_LONGEST: Final = 600
"""Characters that are kept of the last lines of a container; its cause is usually the last."""

_ZONE: Final = "topology.kubernetes.io/zone"
"""Kubernetes copies this label from the node to its pods, from version 1.35 on."""

_ON_THEIR_WAY = {
    "ContainerCreating": " is being created: waiting for its image or volumes",
    "PodInitializing": " is waiting for the pod's init containers",
}


def ready_addresses(slices: Iterable[PodManifest]) -> int:
    """Ready addresses in the EndpointSlices of one Service, each counted once."""
    return len(
        {
            address
            for each in slices
            for endpoint in each.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready", True)
            for address in endpoint["addresses"]
        }
    )


def seen(pod: PodManifest, before: SeenPod | None = None) -> SeenPod:
    """A pod's restarts, why its last container terminated, and whether it has lost its readiness
    since it was listed before.

    Only containers that serve are counted: sidecars (restartable init containers) are included,
    other init containers are not. A container that is down counts as restarted, unless its pod is
    being deleted, and so does an eviction by the kubelet, unless init containers still ran.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    leaving = "deletionTimestamp" in metadata or status.get("phase") in ("Failed", "Succeeded")
    disrupted = disruption(pod)
    evicted = disrupted is not None and disrupted.evicted and not _is_being_prepared(pod)
    serving = _serving(pod)
    # a pod that is told to stop ends its containers, which says nothing of them
    ends = [(_ended(each, _PAST if leaving else _STATES), each) for each in serving]
    last = max((_end(pod, each, end) for end, each in ends if end), key=_at, default=None)
    if disrupted is not None and evicted:
        at = _unix(disrupted.at or metadata["creationTimestamp"])
        last = PodEnd(at, f"{disrupted.message}: pod {metadata['name']}")
    now = SeenPod(
        name=metadata["name"],
        revision=(metadata.get("labels") or {}).get(REVISION_LABEL, ""),
        created=_unix(metadata["creationTimestamp"]),
        restarts=sum(each.get("restartCount", 0) for each in serving)
        + sum(_is_down(each) for each in serving if not leaving)
        + evicted,
        last_end=last,
        leaving=leaving,
        evicted=evicted,
        node=pod["spec"].get("nodeName", ""),
        zone=(metadata.get("labels") or {}).get(_ZONE, ""),
        images=dict(filter(all, map(partial(_image, pod), serving))),
        **_readiness(pod),
    )
    return now if leaving or before is None else _compared(now, before)


def _is_being_prepared(pod: PodManifest) -> bool:
    """Whether init containers have not ended, such as one that downloads the model: until then no
    container serves."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any((c["type"], c["status"]) == ("Initialized", "False") for c in conditions)


def _readiness(pod: PodManifest) -> dict[str, Any]:
    """Whether a pod is ready, and since when it is or is not."""
    found = (pod.get("status") or {}).get("conditions") or []
    conditions = {each["type"]: each for each in found}
    ready = conditions.get("Ready", {})
    turned = ready.get("lastTransitionTime")
    as_before = all(each.get("ready") for each in _serving(pod))
    unready = ready.get("status") == "False" and as_before
    return {
        "ready": ready.get("status") == "True",
        "cut_off": unready and bool(_node_not_ready(pod, conditions)),
        "turned": _unix(turned) if turned else None,
    }


def _compared(now: SeenPod, before: SeenPod) -> SeenPod:
    """With what became of its readiness. A pod that was ready both times, but turned since, was
    unready in between. What its node does says nothing of it."""
    if now.cut_off or before.cut_off:
        return replace(now, down_since=None if now.cut_off or now.ready else now.turned)
    turned = None not in (now.turned, before.turned) and now.turned != before.turned
    lost = (before.ready and not now.ready) or (turned and (before.ready or not now.ready))
    down = None
    if not now.ready:
        down = (now.turned or before.down_since) if lost else before.down_since
    restarted = now.restarts > before.restarts
    return replace(now, lost_readiness=lost and not restarted, down_since=down)


def _image(pod: PodManifest, status: PodManifest) -> tuple[str, str]:
    """A container, and the digest of its image, after an @ if it is a registry's: that of an image
    which was put on the node without a registry is of another kind. Empty if the spec names the
    digest, or no image was pulled yet."""
    spec, name = pod["spec"], status["name"]
    containers = [*spec.get("containers", ()), *(spec.get("initContainers") or ())]
    written = next((each.get("image") or "" for each in containers if each["name"] == name), "")
    found = (status.get("imageID") or "").rpartition("://")[2]
    _, registry, digest = found.rpartition("@")
    return name, "" if "@" in written else f"{registry}{digest}"


def _serving(pod: PodManifest) -> list[PodManifest]:
    """Statuses of the containers that run for the lifetime of the pod."""
    status, sidecars = pod.get("status") or {}, _sidecars(pod)
    init = status.get("initContainerStatuses") or []
    return [
        *(status.get("containerStatuses") or []),
        *(each for each in init if each["name"] in sidecars),
    ]


def _sidecars(pod: PodManifest) -> set[str]:
    init = pod["spec"].get("initContainers") or []
    return {each["name"] for each in init if each.get("restartPolicy") == "Always"}


def _is_down(container: PodManifest) -> bool:
    """Whether it waits for its restart, which the kubelet may delay for minutes."""
    state = container.get("state") or {}
    waits = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    return "terminated" in state or waits


def _ended(container: PodManifest, states_read: Iterable[str] = _STATES) -> PodManifest | None:
    """The last termination of a container; None if there was none."""
    states = (container.get(which) or {} for which in states_read)
    return next((state["terminated"] for state in states if "terminated" in state), None)


def _end(pod: PodManifest, container: PodManifest, ended: PodManifest) -> PodEnd:
    name, finished = container["name"], ended.get("finishedAt")
    return PodEnd(
        at=_unix(finished or pod["metadata"]["creationTimestamp"]),
        message=f"{_exit(pod, name, ended)}: container {name} of pod {pod['metadata']['name']}",
    )


def _at(end: PodEnd) -> float:
    return end.at


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def not_ready_reason(uncreated: str | None, pods: Iterable[PodManifest]) -> str | None:
    """Why the pods of a workload are not ready; None if unknown.

    The message says why pods cannot be created, if that is given, then the most frequent cause of
    those that were ended from outside, and of the others, each with the number of pods.
    """
    pods = list(pods)
    ended = [found.message for pod in pods if (found := disruption(pod))]
    others = [reason for pod in pods if not disruption(pod) and (reason := _pod_reason(pod))]
    causes = uncreated, _shared(ended), _shared(others)
    return ". ".join(filter(None, causes)) or None


def failure(pods: Iterable[PodManifest], names: Collection[str] = ()) -> tuple[str, int | None]:
    """Why the newest of a Job's pods that failed did so, with the last lines of its container;
    empty: unknown. And the exit code, if it is that of one of these containers, which nothing from
    outside has ended."""
    for pod in _newest(pods):
        ended_so = (pod.get("status") or {}).get("phase") == "Succeeded"
        if not ended_so and (outside := disruption(pod)) is not None:
            return outside.message, None
        if (failed := _first_failure(pod, names)) is not None:
            ended = failed["state"]["terminated"]
            by_itself = failed["name"] in names and ended.get("reason") != "OOMKilled"
            return _container_reason(pod, failed) or "", ended["exitCode"] if by_itself else None
        if reason := _pod_reason(pod):
            return reason, None
    return "", None


def left_behind(pods: Iterable[PodManifest], names: Collection[str]) -> str | None:
    """What one of these containers of a Job's newest pod that succeeded wrote to its termination
    log; empty: nothing. None: there is no such pod."""
    for pod in _newest(pods):
        containers = (pod.get("status") or {}).get("containerStatuses") or []
        ends = {c["name"]: (c.get("state") or {}).get("terminated") or {} for c in containers}
        if any(ends.get(name, {"exitCode": 1}).get("exitCode") for name in names):
            continue
        said = (ends[name].get("message", "") for name in names)
        return next(filter(None, said), "")
    return None


def why_none_runs(pods: Iterable[PodManifest]) -> str | None:
    """Why no container of a Job runs or has run, as far as is known; None: one does, or did."""
    pods = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    if not pods:
        return "it has no pod: kubectl describe job says why none can be created"
    for pod in pods:
        status = pod.get("status") or {}
        of_all, of_init = (status.get(f"{kind}Statuses") or [] for kind in _KINDS)
        states = [*(each.get("state") or {} for each in of_all)]
        if any(state.keys() & {"running", "terminated"} for state in states):
            return None
        if any("running" in (each.get("state") or {}) for each in of_init):
            return None
    found = (_pod_reason(pod) for pod in _newest(pods))
    return next(filter(None, found), "its pod has not started")


def _newest(pods: Iterable[PodManifest]) -> list[PodManifest]:
    """The newest first."""
    return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)


def _first_failure(pod: PodManifest, names: Collection[str]) -> PodManifest | None:
    """The container that failed first: sidecars are told to stop afterwards, and may end with an
    error too. Within one second, of which no part is told, one of these that ended by itself."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    status = pod.get("status") or {}
    every = chain(*(status.get(f"{kind}Statuses") or [] for kind in _KINDS))
    ends = ((each, (each.get("state") or {}).get("terminated") or {}) for each in every)
    failed = [
        ((end.get("finishedAt") or "", each["name"] not in names, end["exitCode"] > _SIGNAL), each)
        for each, end in ends
        if end.get("exitCode")
    ]
    first = min(failed, key=itemgetter(0), default=None)
    return first[1] if first else None


def _shared(sentences: list[str]) -> str | None:
    if not sentences:
        return None
    first = max(set(sentences), key=lambda sentence: (sentences.count(sentence), sentence))
    count = sentences.count(first)
    return f"{count} pod{'s' if count > 1 else ''}: {first}"


def _pod_reason(pod: PodManifest) -> str | None:
    if pod["metadata"].get("deletionTimestamp"):
        return None
    status = pod.get("status") or {}
    sidecars = _sidecars(pod)
    for container in status.get("initContainerStatuses") or []:
        # a running init container is not ready, which is normal, unless it has failed before
        normal = "running" in container["state"]
        if normal and (ended := _ended(container)) and container["name"] not in sidecars:
            normal = not ended.get("exitCode")
        if not normal and (message := _container_reason(pod, container)):
            return message
    for container in status.get("containerStatuses") or []:
        if message := _container_reason(pod, container):
            return message
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason', 'Unschedulable')}: {scheduled.get('message', '')}"
    if ready.get("reason") == "ReadinessGatesNotReady":
        return f"a readiness gate is not met: {ready.get('message', '')}"
    if ready.get("status") == "False" and (node := _node_not_ready(pod, conditions)):
        return node
    return None


def _node_not_ready(pod: PodManifest, conditions: Mapping[str, PodManifest]) -> str:
    """That only the node can be the cause: the control plane sets Ready of its pods to False, and
    leaves what the kubelet reported last, which is that all containers are ready."""
    name = pod["spec"].get("nodeName")
    if conditions.get("Ready", {}).get("reason") == "ReadinessGatesNotReady":
        return ""
    if conditions.get("ContainersReady", {}).get("status") != "True" or not name:
        return ""
    return f"its node {name} is not ready, or does not report: see kubectl describe node {name}"


def _container_reason(pod: PodManifest, container: PodManifest) -> str | None:
    state = container.get("state") or {}
    ended = _ended(container)
    sentence = None
    if waiting := state.get("waiting"):
        sentence = _waiting(pod, container["name"], waiting, ended)
    elif terminated := state.get("terminated"):
        failed = terminated.get("exitCode")
        sentence = f": {_exit(pod, container['name'], terminated)}" if failed else None
    elif "running" in state and not container.get("ready"):
        sentence = _unready(pod, container, ended)
    return f"container {container['name']}{sentence}" if sentence else None


def _waiting(pod: PodManifest, name: str, waiting: PodManifest, ended: PodManifest | None) -> str:
    reason = waiting.get("reason", "Waiting")
    if reason in _ON_THEIR_WAY:
        return _ON_THEIR_WAY[reason]
    if reason == "CrashLoopBackOff" and ended:
        return f": {reason}: {_exit(pod, name, ended)}"
    return f": {reason}: {waiting.get('message', '')}".rstrip(": ")


def _unready(pod: PodManifest, container: PodManifest, ended: PodManifest | None) -> str:
    if ended and container.get("restartCount"):
        often = f" was started {container['restartCount'] + 1} times"
        return f"{often}: {_exit(pod, container['name'], ended)}"
    if not container.get("started", True):
        return " is running; its startup probe has not succeeded yet"
    return " is running but not ready: its readiness probe fails"


def _exit(pod: PodManifest, name: str, ended: PodManifest) -> str:
    if ended.get("reason") == "OOMKilled":
        return killed_for_memory(pod, name)
    message = f"{ended.get('reason', 'Ended')} with exit code {ended.get('exitCode')}"
    said = (ended.get("message") or "").strip()
    if len(said) > _LONGEST:
        said = f"…{said[-_LONGEST:]}"
    return f"{message}: {said}" if said else message
