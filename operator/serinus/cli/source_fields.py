"""The fields of an object of another tool, of which those are named that nobody has taken."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from serinus.manifests.owner import Manifest

_OF_MACHINES: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
)
"""Annotations that nobody wrote by hand."""
_FROM_THE_SERVER: Final = (
    *("apiVersion", "kind", "status", "metadata.creationTimestamp", "metadata.generation"),
    *("metadata.managedFields", "metadata.resourceVersion", "metadata.uid"),
)


class Fields:
    """The fields of an object. What nobody takes is lost."""

    def __init__(self, written: Manifest) -> None:
        self._rest: Any = deepcopy(written)
        for path in _FROM_THE_SERVER:
            self.take(path)
        annotations = self._rest.get("metadata", {}).get("annotations")
        for name in _OF_MACHINES if isinstance(annotations, dict) else ():
            annotations.pop(name, None)

    def take(self, path: str) -> Any:
        """The value at a path; None if there is none."""
        *around, last = path.split(".")
        found = self._rest
        for key in around:
            found = found.get(key) if isinstance(found, dict) else None
        return found.pop(last, None) if isinstance(found, dict) else None

    def look(self, path: str) -> Any:
        """The value at a path, which is lost all the same; None if there is none."""
        found = self._rest
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def lost(self) -> list[str]:
        """The paths of what is left."""
        return list(leaves(self._rest, ""))


def leaves(value: Any, path: str) -> Iterator[str]:
    """The paths of the values in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    elif value is not None:
        yield path
