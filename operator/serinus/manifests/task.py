"""A Job that runs beside the pods that serve: of a step of a rollout, or to retrain the model."""

from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from serinus.api.initializer import Initializer
from serinus.api.task_kinds import TaskKind
from serinus.api.template import LABEL_PREFIX
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.pod_template import model_env, mount_model
from serinus.manifests.revision import Revision
from serinus.manifests.service import address, pods_name, target_port

TASK_LABEL: Final = f"{LABEL_PREFIX}task"
"""Label of a Job's pods: the ModelDeployment. They have none of the labels by which a Service
selects pods."""
JOB_NAME_LABEL: Final = "batch.kubernetes.io/job-name"

_KEPT: Final = 86400
"""Seconds for which a Job that has ended is kept, with what it has logged."""
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
    step: int = 0
    """Number of the step, from 1."""
    weight: float = 0.0
    """The candidate's, in percent."""
    mounts_model: bool = False
    """Whether it finds the model where the candidate's pods have it."""
    over: bool = False
    """It is not created again: what is left of it may stay."""
    kind: TaskKind | None = None
    """If it is no Job: what its objects are; `template` is their spec."""
    account: str = ""
    """If it is no Job: the ServiceAccount under which it runs."""
    retrains: str = ""
    """If it retrains the model of the revision, which is stable: what it is told of the cause, as
    JSON. Otherwise it is about a candidate."""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a Job has ended."""

    succeeded: bool
    message: str = ""
    """Why it failed, in a sentence."""
    code: int | None = None
    """The exit code of its container, if that has failed by itself; None otherwise, as when a node
    is lost, memory or the time is up."""
    said: str | None = ""
    """What its container left when it succeeded; None: it is simulated, and meets every limit."""
    unread: bool = False
    """Whether it succeeded, and the pod in which that could be read is gone."""


def job(
    owner: Owner,
    task: Task,
    revision: Revision,
    stable: str | None,
    initializer: Initializer | None = None,
) -> Manifest:
    """The Job of a task, told of the stable revision as well. A pod that its node loses is
    replaced; any other failure is final. `initializer`: what downloads the revision's model, if
    something does."""
    disrupted = [{"type": "DisruptionTarget"}]
    return {
        **owner.object(JOB, task.name),
        "spec": {
            "activeDeadlineSeconds": ceil(task.timeout),
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": disrupted}]},
            "ttlSecondsAfterFinished": _KEPT,
            "template": _pod(owner, task, revision, stable, initializer),
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


def runs(live: Manifest) -> bool:
    """Whether it has not ended, and either a container runs, as far as its own status shows it, or
    a queue for Jobs holds it back."""
    status = live.get("status") or {}
    held = live["spec"].get("suspend")
    return ended(live) is None and bool(held or status.get("ready"))


def told(owner: Owner, task: Task, revision: Revision, stable: str | None) -> list[Manifest]:
    """The environment of its containers."""
    given = {
        "MODEL_DEPLOYMENT": owner.name,
        "STABLE_REVISION": stable,
        "STABLE_SERVICE": address(owner, owner.child(stable)) if stable else None,
    }
    if task.retrains:
        given["RETRAINING"] = task.retrains
    else:
        port = target_port(revision.template)["containerPort"]
        given |= {
            "CANDIDATE_REVISION": task.revision,
            "CANDIDATE_SERVICE": address(owner, owner.child(task.revision)),
            "CANDIDATE_PODS": address(owner, pods_name(owner, task.revision), port),
            "STEP": str(task.step),
            "WEIGHT": f"{task.weight:g}",
        }
    named = [{"name": name, "value": value} for name, value in given.items() if value is not None]
    return [*named, *model_env(revision)]


def _pod(
    owner: Owner,
    task: Task,
    revision: Revision,
    stable: str | None,
    initializer: Initializer | None,
) -> Manifest:
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
    env = told(owner, task, revision, stable)
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        # ours come first, so that the user's may refer to them
        container["env"] = [*env, *(container.get("env") or [])]
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        container["securityContext"] = {**_CONTAINER, **(container.get("securityContext") or {})}
    if task.mounts_model:
        mount_model(spec, revision, initializer)
    return template
