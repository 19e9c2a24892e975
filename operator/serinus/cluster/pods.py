"""Messages and counts from pods and EndpointSlices. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from serinus.manifests.owner import REVISION_LABEL
from serinus.plan.situation import PodEnd, SeenPod

PodManifest = Mapping[str, Any]

REPLICA_FAILURE: Final = "ReplicaFailure"
"""The condition of a Deployment whose pods cannot be created."""

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


def seen(pod: PodManifest) -> SeenPod:
    """A pod's restarts, and why its last container terminated.

    Only containers that serve are counted: sidecars (restartable init containers) are included,
    other init containers are not. A container that is down counts as restarted, unless its pod is
    being deleted.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    leaving = "deletionTimestamp" in metadata or status.get("phase") == "Failed"
    evicted = status.get("phase") == "Failed" and status.get("reason") == "Evicted"
    serving = _serving(pod)
    ends = [(found, each) for each in serving if (found := _ended(each)) is not None]
    last = max((_end(pod, each, found) for found, each in ends), key=_at, default=None)
    if evicted:
        message = f"Evicted: {status.get('message', '')}".rstrip(": ")
        last = PodEnd(_unix(metadata["creationTimestamp"]), f"{message}: pod {metadata['name']}")
    return SeenPod(
        name=metadata["name"],
        revision=(metadata.get("labels") or {}).get(REVISION_LABEL, ""),
        created=_unix(metadata["creationTimestamp"]),
        restarts=sum(each.get("restartCount", 0) for each in serving)
        + sum(_is_down(each) for each in serving if not leaving)
        + evicted,
        last_end=last,
        leaving=leaving,
        node=pod["spec"].get("nodeName", ""),
        images=dict(filter(all, map(partial(_image, pod), serving))),
    )


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
    spec, status = pod["spec"], pod.get("status") or {}
    sidecars = {
        each["name"]
        for each in spec.get("initContainers") or []
        if each.get("restartPolicy") == "Always"
    }
    init = status.get("initContainerStatuses") or []
    return [
        *(status.get("containerStatuses") or []),
        *(each for each in init if each["name"] in sidecars),
    ]


def _is_down(container: PodManifest) -> bool:
    """Whether it waits for its restart, which the kubelet may delay for minutes."""
    state = container.get("state") or {}
    waits = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    return "terminated" in state or waits


def _ended(container: PodManifest) -> PodManifest | None:
    """The last termination of a container; None if there was none."""
    states = (container.get(which) or {} for which in ("state", "lastState"))
    return next((state["terminated"] for state in states if "terminated" in state), None)


def _end(pod: PodManifest, container: PodManifest, ended: PodManifest) -> PodEnd:
    name, finished = container["name"], ended.get("finishedAt")
    how = _killed_for_memory(pod, name) if ended.get("reason") == "OOMKilled" else _exit(ended)
    return PodEnd(
        at=_unix(finished or pod["metadata"]["creationTimestamp"]),
        message=f"{how}: container {name} of pod {pod['metadata']['name']}",
    )


def _killed_for_memory(pod: PodManifest, name: str) -> str:
    spec = pod["spec"]
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    found: PodManifest = next((each for each in containers if each["name"] == name), {})
    limit = ((found.get("resources") or {}).get("limits") or {}).get("memory")
    return f"OOMKilled at its limit of {limit}" if limit else "OOMKilled without a memory limit"


def _at(end: PodEnd) -> float:
    return end.at


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def not_ready_reason(deployment: PodManifest, pods: Iterable[PodManifest]) -> str | None:
    """Why the pods of a Deployment are not ready; None if unknown.

    The message says why pods cannot be created, and the most frequent cause among existing pods,
    with their number.
    """
    return ". ".join(filter(None, (_deployment_reason(deployment), _shared(pods)))) or None


def _shared(pods: Iterable[PodManifest]) -> str | None:
    sentences = [sentence for pod in pods if (sentence := _pod_reason(pod))]
    if not sentences:
        return None
    first = max(set(sentences), key=lambda sentence: (sentences.count(sentence), sentence))
    count = sentences.count(first)
    return f"{count} pod{'s' if count > 1 else ''}: {first}"


def _deployment_reason(deployment: PodManifest) -> str | None:
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == REPLICA_FAILURE and condition["status"] == "True":
            return f"Pods cannot be created: {condition.get('message', condition['reason'])}"
    return None


def _pod_reason(pod: PodManifest) -> str | None:
    if pod["metadata"].get("deletionTimestamp"):
        return None
    status = pod.get("status") or {}
    for container in status.get("initContainerStatuses") or []:
        # a running init container is not ready, which is normal
        if "running" not in container["state"] and (message := _container_reason(container)):
            return message
    for container in status.get("containerStatuses") or []:
        if message := _container_reason(container):
            return message
    if status.get("phase") == "Failed":
        return f"{status.get('reason', 'Failed')}: {status.get('message', '')}".rstrip(": ")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason', 'Unschedulable')}: {scheduled.get('message', '')}"
    if conditions.get("Ready", {}).get("reason") == "ReadinessGatesNotReady":
        return f"a readiness gate is not met: {conditions['Ready'].get('message', '')}"
    return None


def _container_reason(container: PodManifest) -> str | None:
    state = container.get("state") or {}
    ended = _ended(container)
    sentence = None
    if waiting := state.get("waiting"):
        sentence = _waiting(waiting, ended)
    elif terminated := state.get("terminated"):
        sentence = _ending(terminated) if terminated.get("exitCode") else None
    elif "running" in state and not container.get("ready"):
        sentence = _unready(container, ended)
    return f"container {container['name']}{sentence}" if sentence else None


def _waiting(waiting: PodManifest, ended: PodManifest | None) -> str:
    reason = waiting.get("reason", "Waiting")
    if reason in _ON_THEIR_WAY:
        return _ON_THEIR_WAY[reason]
    if reason == "CrashLoopBackOff" and ended:
        return f": {reason}{_ending(ended)}"
    return f": {reason}: {waiting.get('message', '')}".rstrip(": ")


def _unready(container: PodManifest, ended: PodManifest | None) -> str:
    if ended and container.get("restartCount"):
        return f" was started {container['restartCount'] + 1} times{_ending(ended)}"
    if not container.get("started", True):
        return " is running; its startup probe has not succeeded yet"
    return " is running but not ready: its readiness probe fails"


def _ending(ended: PodManifest) -> str:
    return f": {_exit(ended)}"


def _exit(ended: PodManifest) -> str:
    message = f"{ended.get('reason', 'Ended')} with exit code {ended.get('exitCode')}"
    return f"{message}: {ended['message'].strip()}" if ended.get("message") else message
