"""Ownership of objects: names, labels, and the reference by which children are deleted with their
owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Manifest = dict[str, Any]
"""A Kubernetes object as JSON, to apply or as returned by the API server."""

Objects = Mapping[tuple[str, str], Manifest]
"""Live objects of one namespace by (kind, name)."""

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "serinus"}
NAME_LABEL: Final = "serinus.dev/name"
REVISION_LABEL: Final = "serinus.dev/revision"
ADOPT_ANNOTATION: Final = "serinus.dev/adopt"
_HANDED_OVER: Final = ("Service", "HTTPRoute")
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

    def object(
        self, api_version: str, kind: str, name: str, revision: str | None = None
    ) -> Manifest:
        """The metadata of a child's manifest."""
        return {
            "apiVersion": api_version,
            "kind": kind,
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
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }

    def owns(self, live: Manifest) -> bool:
        """Whether this ModelDeployment, not an earlier one with its name, controls the object."""
        controller = _controller(live)
        return controller is not None and controller["uid"] == self.uid

    def left_behind(self, live: Manifest) -> bool:
        """Whether a ModelDeployment of this name created the object, which has no controller now,
        as after `kubectl delete --cascade=orphan`: it has a child's labels and name."""
        labels = live["metadata"].get("labels") or {}
        revision = labels.get(REVISION_LABEL)
        ours = {**MANAGED_BY, **self.pods(revision)}
        child = self.name if revision is None else self.child(revision)
        return (
            _controller(live) is None
            and ours.items() <= labels.items()
            and live["metadata"]["name"] == child
        )


def handed_over(kind: str, live: Manifest, owner: Owner) -> bool:
    """Whether an object without a controller was handed over to the ModelDeployment.

    The annotation is on the object itself: a user who may only create ModelDeployments must not be
    able to take objects that they may not write. Pods are never handed over, because a Deployment's
    selector cannot change.
    """
    annotations = live["metadata"].get("annotations") or {}
    given = annotations.get(ADOPT_ANNOTATION) == owner.name
    return given and kind in _HANDED_OVER and _controller(live) is None


def foreign(kind: str, live: Manifest, owner: Owner) -> str | None:
    """Why an object with a child's name is not ours to write, as a message; None if it is ours."""
    if owner.owns(live) or owner.left_behind(live) or handed_over(kind, live, owner):
        return None
    what = f"{kind} {owner.namespace}/{live['metadata']['name']}"
    controller = _controller(live)
    if controller is None:
        belongs = "exists and was not created by Serinus"
    elif (controller["kind"], controller["name"]) == ("ModelDeployment", owner.name):
        return (
            f"{what} still belongs to a deleted ModelDeployment of the same name; "
            "waiting for the garbage collector to delete it"
        )
    else:
        belongs = f"belongs to {controller['kind']} {controller['name']}"
    give = f"annotate it with {ADOPT_ANNOTATION}={owner.name} to adopt it, "
    may_be_given = controller is None and kind in _HANDED_OVER
    ways = f"{give if may_be_given else ''}delete it, or rename the ModelDeployment"
    return f"{what} {belongs}, so it is not adopted: {ways}"


def _controller(live: Manifest) -> Manifest | None:
    references = live["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)
