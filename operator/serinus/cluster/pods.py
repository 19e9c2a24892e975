"""What pods and endpoints say of themselves, in a sentence or a number. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

Manifest = Mapping[str, Any]

_WAITS_NORMALLY = {"ContainerCreating", "PodInitializing"}


def ready_addresses(slices: Iterable[Manifest]) -> int:
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


def trouble(deployment: Manifest, pods: Iterable[Manifest]) -> str | None:
    """Why the pods of a Deployment are not ready; None while they are just on their way.

    The gravest cause is told, with the number of pods that share it.
    """
    told = [sentence for pod in pods if (sentence := _pod_trouble(pod))]
    if told:
        first = max(set(told), key=lambda sentence: (told.count(sentence), sentence))
        count = told.count(first)
        return f"{count} pod{'s' if count > 1 else ''}: {first}"
    return _deployment_trouble(deployment)


def _deployment_trouble(deployment: Manifest) -> str | None:
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"Pods cannot be created: {condition.get('message', condition['reason'])}"
    return None


def _pod_trouble(pod: Manifest) -> str | None:
    if pod["metadata"].get("deletionTimestamp"):
        return None
    status = pod.get("status") or {}
    containers = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    for container in containers:
        if sentence := _container_trouble(container):
            return sentence
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}"
    waiting = [c["name"] for c in containers if not c.get("ready")]
    if status.get("phase") == "Running" and waiting:
        return f"container {waiting[0]} runs and is not ready: its readiness probe fails"
    return None


def _container_trouble(container: Manifest) -> str | None:
    state = container.get("state") or {}
    name = container["name"]
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if waiting := state.get("waiting"):
        reason = waiting.get("reason", "Waiting")
        if reason in _WAITS_NORMALLY:
            return None
        detail = waiting.get("message") or (_ending(ended) if ended else "")
        if reason == "CrashLoopBackOff" and ended:
            detail = _ending(ended)
        return f"container {name}: {reason}: {detail}".rstrip(": ")
    if ended and state.get("terminated") and ended.get("exitCode"):
        return f"container {name}: {_ending(ended)}"
    return None


def _ending(ended: Manifest) -> str:
    told = f"{ended.get('reason', 'Ended')} with exit code {ended.get('exitCode')}"
    return f"{told}: {ended['message'].strip()}" if ended.get("message") else told
