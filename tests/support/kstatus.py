"""The rules of kstatus (sigs.k8s.io/cli-utils), by which Flux and Helm 4 wait for an object."""

from typing import Any, Literal

Result = Literal["Terminating", "InProgress", "Failed", "Current"]


def kstatus(live: dict[str, Any]) -> Result:
    """Whether an object is as its spec says."""
    metadata, status = live["metadata"], live.get("status") or {}
    if "deletionTimestamp" in metadata:
        return "Terminating"
    observed = status.get("observedGeneration")
    if observed is not None and observed != metadata["generation"]:
        return "InProgress"
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"
