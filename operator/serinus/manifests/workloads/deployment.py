"""Pods run by a Deployment."""

from typing import ClassVar, Final

from serinus.api.initializer import Initializer
from serinus.manifests import download
from serinus.manifests.kinds import DEPLOYMENT
from serinus.manifests.owner import REVISION_LABEL, Manifest, Owner
from serinus.manifests.pod_template import pod_template
from serinus.manifests.revision import Revision
from serinus.manifests.workloads.kind import Workload

_UNCREATED: Final = "ReplicaFailure"
"""The condition of a Deployment whose pods cannot be created."""


class DeploymentWorkload:
    """Its template depends on the revision, and on what was stored when it was created, alone, so
    that only another revision restarts pods."""

    kind: ClassVar = DEPLOYMENT
    counts: ClassVar[tuple[str, ...]] = ("observedGeneration", "replicas", "readyReplicas")
    conditions: ClassVar = frozenset({_UNCREATED})

    def manifest(
        self,
        owner: Owner,
        revision: Revision,
        replicas: int,
        initializer: Initializer | None = None,
    ) -> Manifest:
        """The Deployment of a revision."""
        head = owner.object(self.kind, owner.child(revision.hash), revision.hash)
        if initializer is not None:
            head["metadata"]["annotations"] = download.annotation(initializer)
        return {
            **head,
            "spec": {
                "replicas": replicas,
                "revisionHistoryLimit": 0,
                "selector": {"matchLabels": owner.pods(revision.hash)},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
                "template": pod_template(owner, revision, initializer),
            },
        }

    def revision(self, live: Manifest) -> str | None:
        """By its selector, which cannot change: labels may be removed manually."""
        found: str | None = (live["spec"]["selector"].get("matchLabels") or {}).get(REVISION_LABEL)
        return found

    def template(self, live: Manifest) -> Manifest:
        """With the server's defaults and the additions of the model."""
        found: Manifest = live["spec"]["template"]
        return found

    def pods(self, live: Manifest) -> Workload:
        """The number of pods that there are is only known once the last change was observed."""
        metadata, status = live["metadata"], live.get("status") or {}
        replicas = live["spec"].get("replicas", 1)
        up_to_date = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
        return Workload(
            replicas=replicas,
            ready=status.get("readyReplicas", 0),
            empty=up_to_date and not replicas and not status.get("replicas"),
        )

    def uncreated(self, live: Manifest) -> str | None:
        """What its ReplicaSet was told."""
        for condition in (live.get("status") or {}).get("conditions") or []:
            if condition["type"] == _UNCREATED and condition["status"] == "True":
                return f"Pods cannot be created: {condition.get('message', condition['reason'])}"
        return None

    @staticmethod
    def serves(live: Manifest) -> bool:
        """By its status."""
        return bool((live.get("status") or {}).get("readyReplicas"))
