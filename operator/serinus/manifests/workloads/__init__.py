"""What runs the pods of a revision: one file per kind of object, all with one interface."""

from collections.abc import Mapping
from typing import Final

from serinus.manifests.owner import Manifest, Objects
from serinus.manifests.workloads.deployment import DeploymentWorkload
from serinus.manifests.workloads.kind import Workload, WorkloadKind

__all__ = ["USUAL", "WORKLOADS", "Workload", "WorkloadKind", "kind_of", "running"]

USUAL: Final[WorkloadKind] = DeploymentWorkload()
"""What is rendered: nothing in a spec asks for another one."""

WORKLOADS: Final[Mapping[str, WorkloadKind]] = {each.kind.name: each for each in (USUAL,)}
"""By the name of the kind, all that are read."""


def kind_of(live: Manifest) -> WorkloadKind:
    """The kind of an object that runs pods."""
    return WORKLOADS[live["kind"]]


def running(objects: Objects) -> dict[str, Manifest]:
    """The objects that run pods, by revision."""
    found = (live for (kind, _), live in objects.items() if kind in WORKLOADS)
    named = ((kind_of(live).revision(live), live) for live in found)
    return {name: live for name, live in named if name is not None}
