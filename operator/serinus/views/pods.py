"""The pods of a ModelDeployment."""

from collections.abc import Iterable
from dataclasses import dataclass

from serinus.manifests.owner import REVISION_LABEL, Manifest


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod as shown to users."""

    name: str
    revision: str
    state: str
    """Ready, or why it is not, such as CrashLoopBackOff, Evicted, Pending, Terminating or
    NodeNotReady."""
    restarts: int


def pods(found: Iterable[Manifest]) -> tuple[PodView, ...]:
    """Pods by revision and name."""
    rows = [_pod(each) for each in found]
    return tuple(sorted(rows, key=lambda row: (row.revision, row.name)))


def _pod(pod: Manifest) -> PodView:
    metadata, status = pod["metadata"], pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    return PodView(
        name=metadata["name"],
        revision=(metadata.get("labels") or {}).get(REVISION_LABEL, ""),
        state=_state(metadata, status, containers),
        restarts=sum(each.get("restartCount", 0) for each in containers),
    )


def _state(metadata: Manifest, status: Manifest, containers: Iterable[Manifest]) -> str:
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    ready, containers_ready = (conditions.get(kind, {}) for kind in ("Ready", "ContainersReady"))
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if ready.get("status") == "True":
        return "Ready"
    if status.get("reason"):
        return str(status["reason"])
    waits = [(each.get("state") or {}).get("waiting") or {} for each in containers]
    reasons = [each["reason"] for each in waits if each.get("reason")]
    phase = status.get("phase", "Pending")
    if reasons or phase != "Running":
        return str(reasons[0] if reasons else phase)
    # the kubelet's last word, which outlives it
    gated = ready.get("reason") == "ReadinessGatesNotReady"
    of_its_node = containers_ready.get("status") == "True" and not gated
    return "NodeNotReady" if of_its_node else "NotReady"
