"""What ended a pod from outside its containers, by its condition DisruptionTarget. Pure."""

from dataclasses import dataclass
from typing import Final

from serinus.cluster.limits import PodManifest, whose_limit

_ENDED: Final = ("Failed", "Succeeded")
_BY_THE_KUBELET: Final = "TerminationByKubelet"
_UNTOLD: Final = (
    "Evicted by the kubelet, though its containers are to run for ever and exited with 0: "
    "kubectl events says why, such as a limit of ephemeral storage"
)
_FOR_THE_NODE: Final = ("Preempt", "Pod was terminated in response to imminent node shutdown")
"""How the kubelet's messages begin if it ends pods for reasons other than what they use."""


@dataclass(frozen=True, slots=True)
class Disruption:
    """Why a pod was ended."""

    message: str
    evicted: bool
    """By the kubelet, because of what the pod or its node used."""
    at: str | None
    """RFC 3339; None: not known."""


def disruption(pod: PodManifest) -> Disruption | None:
    """None if nothing ended the pod from outside.

    The kubelet's status.reason and status.message do not outlive a container that exits with 0 when
    it is told to stop: the pod is then Succeeded, and only the condition says Evicted
    (https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions).
    A pod that exceeds its ephemeral storage has no such condition either. One that is deleted is
    Succeeded as well, from the end of its containers until its volumes are gone.
    """
    status = pod.get("status") or {}
    condition = _target(status)
    cause, told = condition.get("reason", ""), (condition.get("message") or "").strip()
    if status.get("phase") == "Failed" and status.get("reason"):
        cause, told = cause or _BY_THE_KUBELET, (status.get("message") or told).strip()
    elif not condition and status.get("phase") == "Succeeded" and not _is_deleted(pod):
        limit = whose_limit(pod, "ephemeral-storage")
        return Disruption(f"{_UNTOLD}{limit}", evicted=True, at=_finished(status))
    elif not condition or not _is_ending(pod):
        return None
    at = condition.get("lastTransitionTime")
    if cause != _BY_THE_KUBELET:
        return Disruption(_by_others(pod, cause, told), evicted=False, at=at)
    kind = status.get("reason") or ("Terminated" if told.startswith(_FOR_THE_NODE) else "Evicted")
    message = f"{kind}: {told}".rstrip(": .")
    if "ephemeral" in told:
        message += whose_limit(pod, "ephemeral-storage")
    return Disruption(message, evicted=kind == "Evicted", at=at)


def _target(status: PodManifest) -> PodManifest:
    """The condition; empty: there is none."""
    found = [each for each in status.get("conditions") or [] if each["type"] == "DisruptionTarget"]
    return next((each for each in found if each["status"] == "True"), {})


def _finished(status: PodManifest) -> str | None:
    """The end of its last container."""
    states = ((each.get("state") or {}) for each in status.get("containerStatuses") or [])
    ends = (each["terminated"].get("finishedAt") for each in states if "terminated" in each)
    return max(filter(None, ends), default=None)


def _is_ending(pod: PodManifest) -> bool:
    """Whether what the condition announces has happened; an eviction may also be abandoned."""
    return (pod.get("status") or {}).get("phase") in _ENDED or _is_deleted(pod)


def _is_deleted(pod: PodManifest) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _by_others(pod: PodManifest, cause: str, told: str) -> str:
    name = (pod.get("spec") or {}).get("nodeName")
    node = f"node {name}" if name else "its node"
    match cause:
        case "PreemptionByScheduler":
            return f"Preempted: the scheduler gave its place on {node} to a pod of higher priority"
        case "EvictionByEvictionAPI":
            return f"Evicted from {node} by a request to the API, as kubectl drain sends them"
        case "DeletionByTaintManager":
            return (
                f"Deleted because of a NoExecute taint of {node}, which a node has that is not "
                f"ready: see kubectl describe {node if name else 'node'}"
            )
    return f"{cause or 'Failed'}: {told}".rstrip(": .")
