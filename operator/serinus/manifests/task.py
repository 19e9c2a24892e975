"""A Job that a step of a rollout runs, beside the pods that serve."""

from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from serinus.api.template import LABEL_PREFIX
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.pod_template import model_env
from serinus.manifests.revision import Revision

TASK_LABEL: Final = f"{LABEL_PREFIX}task"
"""Label of a Job's pods: the ModelDeployment. They have none of the labels by which a Service
selects pods."""
JOB_NAME_LABEL: Final = "batch.kubernetes.io/job-name"

_POD: Final = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


@dataclass(frozen=True, slots=True)
class Task:
    """What to run, once."""

    name: str
    revision: str
    """Hash of the revision that it is about."""
    template: dict[str, Any]
    """Of its pod."""
    timeout: float
    """Seconds."""
    over: bool = False
    """It has succeeded: what is left of it may stay, and it is not run again."""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a Job has ended."""

    succeeded: bool
    message: str = ""
    """Why it failed, in a sentence."""


def job(owner: Owner, task: Task, revision: Revision) -> Manifest:
    """The Job of a task. A pod that its node loses is replaced; any other failure is final."""
    disrupted = [{"type": "DisruptionTarget"}]
    return {
        **owner.object(JOB, task.name),
        "spec": {
            "activeDeadlineSeconds": ceil(task.timeout),
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": disrupted}]},
            "template": _pod(owner, task, revision),
        },
    }


def ended(live: Manifest) -> TaskEnd | None:
    """How it has ended; None: it has not."""
    for condition in (live.get("status") or {}).get("conditions") or []:
        if (condition["type"], condition["status"]) == ("Complete", "True"):
            return TaskEnd(succeeded=True)
        if (condition["type"], condition["status"]) == ("Failed", "True"):
            why = (condition.get("reason"), condition.get("message"))
            return TaskEnd(succeeded=False, message=": ".join(filter(None, why)))
    return None


def _pod(owner: Owner, task: Task, revision: Revision) -> Manifest:
    """The user's template, with no more rights than it asks for."""
    template = deepcopy(task.template)
    metadata, spec = template.setdefault("metadata", {}), template["spec"]
    labels = (metadata.get("labels") or {}).items()
    theirs = {key: value for key, value in labels if not key.startswith(LABEL_PREFIX)}
    metadata["labels"] = {**theirs, TASK_LABEL: owner.name}
    spec["restartPolicy"] = "Never"
    spec["securityContext"] = {**_POD, **(spec.get("securityContext") or {})}
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")  # its name until 1.0
    spec.setdefault("automountServiceAccountToken", bool(account))
    service = {"name": "CANDIDATE_SERVICE", "value": owner.child(task.revision)}
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        # ours come first, so that the user's may refer to them
        container["env"] = [service, *model_env(revision), *(container.get("env") or [])]
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        container["securityContext"] = {**_CONTAINER, **(container.get("securityContext") or {})}
    return template
