"""Whose object it is: names, labels and the reference that lets children go with their owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serinus.manifests.kinds import MODEL_DEPLOYMENT, Kind

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: one to apply, or one as the API server gives it."""

Objects = Mapping[tuple[str, str], Manifest]
"""Live objects of one namespace by (kind, name)."""

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "serinus"}
NAME_LABEL: Final = "serinus.dev/name"
REVISION_LABEL: Final = "serinus.dev/revision"
ADOPT_ANNOTATION: Final = "serinus.dev/adopt"
WITHDRAWN: Final = "serinus.dev/withdrawn"
"""Annotation of what splits the traffic: from which candidate it was taken though the status, which
is written first otherwise, could not be."""


@dataclass(frozen=True)
class Owner:
    """The ModelDeployment that children belong to."""

    namespace: str
    name: str
    uid: str

    def pods(self, revision: str | None = None) -> dict[str, str]:
        """Labels that select the pods of a revision, of all revisions if None."""
        labels = {NAME_LABEL: self.name}
        return labels if revision is None else {**labels, REVISION_LABEL: revision}

    def child(self, revision: str) -> str:
        """Name of what belongs to one revision."""
        return f"{self.name}-{revision}"

    def object(self, kind: Kind, name: str, revision: str | None = None) -> Manifest:
        """The head of a child's manifest."""
        return {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": {**MANAGED_BY, **self.pods(revision)},
                "ownerReferences": [self.reference()],
            },
        }

    def reference(self) -> Manifest:
        """The ownerReference of a child. It does not block the owner's deletion, and so needs no
        permission on the owner's finalizers."""
        return {
            "apiVersion": MODEL_DEPLOYMENT.api_version,
            "kind": MODEL_DEPLOYMENT.name,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }

    def owns(self, live: Manifest) -> bool:
        """Whether this very ModelDeployment, not a namesake before it, controls the object."""
        controller = controller_of(live)
        return controller is not None and controller["uid"] == self.uid

    def left_behind(self, live: Manifest) -> bool:
        """Whether a ModelDeployment of this name made the object, which nobody controls now, as
        after `kubectl delete --cascade=orphan`: it has a child's labels and name."""
        labels = live["metadata"].get("labels") or {}
        revision = labels.get(REVISION_LABEL)
        ours = {**MANAGED_BY, **self.pods(revision)}
        child = self.name if revision is None else self.child(revision)
        return (
            controller_of(live) is None
            and ours.items() <= labels.items()
            and live["metadata"]["name"] == child
        )


def controller_of(live: Manifest) -> Manifest | None:
    """The ownerReference of what controls an object; None if nothing does."""
    references = live["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)
