"""Whose limit a container was ended at. Pure."""

from collections.abc import Mapping
from typing import Any, Final

PodManifest = Mapping[str, Any]

_NOTE: Final = "kubernetes.io/limit-ranger"
_DEFAULT: Final = ", the default of a LimitRange of its namespace, as its template has none"


def killed_for_memory(pod: PodManifest, name: str) -> str:
    """The limit at which this container was killed, as a message."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    found: PodManifest = next((each for each in containers if each["name"] == name), {})
    if limit := _memory_limit(found):
        return f"OOMKilled at its limit of {limit}{whose_limit(pod, 'memory', name)}"
    if limit := _memory_limit(spec):
        return f"OOMKilled at its pod's limit of {limit}"
    return "OOMKilled without a memory limit"


def _memory_limit(found: PodManifest) -> str | None:
    return ((found.get("resources") or {}).get("limits") or {}).get("memory")


def whose_limit(pod: PodManifest, resource: str, container: str | None = None) -> str:
    """That a LimitRange set the limit, as the end of a sentence; otherwise empty. Without a
    container, that of any.

    Its admission plugin notes what it has set, such as "LimitRanger plugin set: memory request for
    container model; cpu, memory limit for container model".
    """
    noted = (pod["metadata"].get("annotations") or {}).get(_NOTE, "")
    for each in noted.partition(": ")[2].split("; "):
        resources, _, named = each.partition(" limit for ")
        if resource in resources.split(", ") and container in (None, *named.split()[-1:]):
            return _DEFAULT
    return ""
