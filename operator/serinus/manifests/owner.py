"""Ownership of objects: names, labels, and the reference by which children are deleted with their
owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serinus.manifests.kinds import MODEL_DEPLOYMENT, Kind

Manifest = dict[str, Any]
"""A Kubernetes object as JSON, to apply or as returned by the API server."""

Objects = Mapping[tuple[str, str], Manifest]
"""Live objects of one namespace by (kind, name)."""

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "serinus"}
NAME_LABEL: Final = "serinus.dev/name"
REVISION_LABEL: Final = "serinus.dev/revision"
ADOPT_ANNOTATION: Final = "serinus.dev/adopt"
WITHDRAWN: Final = "serinus.dev/withdrawn"
"""Annotation of the object that splits the traffic: the candidate whose traffic was withdrawn
although the status could not be written."""


@dataclass(frozen=True)
class Owner:
    """The ModelDeployment that owns the children."""

    namespace: str
    name: str
    uid: str

    def pods(self, revision: str | None = None) -> dict[str, str]:
        """Labels that select the pods of a revision, or of all revisions if None."""
        labels = {NAME_LABEL: self.name}
        return labels if revision is None else {**labels, REVISION_LABEL: revision}

    def child(self, revision: str) -> str:
        """Name of an object of one revision."""
        return f"{self.name}-{revision}"

    def object(self, kind: Kind, name: str, revision: str | None = None) -> Manifest:
        """The metadata of a child's manifest."""
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
        """Whether this ModelDeployment, not an earlier one with its name, controls the object."""
        controller = controller_of(live)
        return controller is not None and controller["uid"] == self.uid

    def left_behind(self, live: Manifest) -> bool:
        """Whether a ModelDeployment of this name created the object, which has no controller now,
        as after `kubectl delete --cascade=orphan`: it has a child's labels and name."""
        labels = live["metadata"].get("labels") or {}
        revision = labels.get(REVISION_LABEL)
        ours = {**MANAGED_BY, **self.pods(revision)}
        child = self.name if revision is None else self.child(revision)
        return (
            controller_of(live) is None
            and ours.items() <= labels.items()
            and live["metadata"]["name"] == child
        )


def without_mark(found: Manifest, wanted: Manifest) -> Manifest | None:
    """What to change in an object that has the mark of a withdrawal and should not; None: nothing.
    An apply does not remove what another kind of write, or somebody else, has added."""
    if not is_marked(found) or is_marked(wanted):
        return None
    return {"metadata": {"annotations": {WITHDRAWN: None}}}


def is_marked(manifest: Manifest) -> bool:
    """Whether the candidate's traffic was withdrawn from it without a decision in the status."""
    return WITHDRAWN in (manifest["metadata"].get("annotations") or {})


def controller_of(live: Manifest) -> Manifest | None:
    """The ownerReference of an object's controller; None if it has none."""
    references = live["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)
