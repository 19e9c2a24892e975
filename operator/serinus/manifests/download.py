"""Models that an init container downloads before a pod's other containers start."""

import json
from collections.abc import Iterator
from typing import Any, Final

from serinus.api.initializer import Initializer, read_initializer
from serinus.api.storage import MODEL_PATH, MODEL_VOLUME, is_downloaded
from serinus.manifests.owner import Manifest
from serinus.manifests.revision import Revision

CONTAINER: Final = "serinus-model"
"""Name of the init container."""
STORED: Final = "serinus.dev/storage-initializer"
"""Annotation of what runs the pods of a revision: the settings that their model is downloaded with.
"""

_SCRATCH: Final = f"{MODEL_VOLUME}-scratch"
_SCRATCH_PATH: Final = "/tmp"
_OTHER_THAN_ROOT: Final = 1000
"""The user of KServe's image."""
_RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def may_be_downloaded(revision: Revision) -> bool:
    """Whether its model has a URI that an initializer takes, and its template does not bring the
    model itself: one that mounts something at the model's path does."""
    uri = revision.storage_uri
    return uri is not None and is_downloaded(uri) and not _brings_it(revision.template["spec"])


def _brings_it(pod: Manifest) -> bool:
    ours = {MODEL_VOLUME, _SCRATCH, CONTAINER}
    names = {each.get("name") for each in (*_containers(pod), *(pod.get("volumes") or []))}
    mounts = (mount for each in _containers(pod) for mount in each.get("volumeMounts") or [])
    paths = {str(mount.get("mountPath")).rstrip("/") for mount in mounts}
    return MODEL_PATH in paths or not ours.isdisjoint(names)


def _containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod.get("initContainers") or []
    yield from pod["containers"]


def kept(live: Manifest, template: Manifest, setting: Initializer | None) -> Initializer | None:
    """What the model of pods that run is downloaded with; None: it is not. That was decided when
    what runs them was created: another setting must not restart them. `template`: of its pods.

    If somebody has removed or changed the annotation, the pods still show whether there is one, and
    the present setting is the best guess.
    """
    names = {each["name"] for each in template["spec"].get("initContainers") or []}
    written = (live["metadata"].get("annotations") or {}).get(STORED)
    if written is None and CONTAINER not in names:
        return None
    return read_initializer(written or "") or setting


def annotation(initializer: Initializer) -> dict[str, str]:
    """From which `kept` reads it."""
    return {STORED: json.dumps(initializer.to_json(), sort_keys=True, separators=(",", ":"))}


def volumes(initializer: Initializer) -> list[Manifest]:
    """The model's, and one for what is needed only while it is downloaded."""
    limit = {"sizeLimit": initializer.size_limit} if initializer.size_limit else {}
    return [{"name": name, "emptyDir": dict(limit)} for name in (MODEL_VOLUME, _SCRATCH)]


def init_container(initializer: Initializer, revision: Revision, pod: Manifest) -> Manifest:
    """Downloads the model into its volume. It has the rights of the pod's ServiceAccount, and the
    environment that the user names; the user's variables replace the administrator's."""
    model: dict[str, Any] = revision.model or {}
    ours = [{"name": "HOME", "value": _SCRATCH_PATH}]
    theirs = [each.to_json() for each in initializer.env]
    env = {each.get("name"): each for each in (*ours, *theirs, *(model.get("env") or []))}
    policy = initializer.image_pull_policy
    security = dict(_RESTRICTED)
    if (pod.get("securityContext") or {}).get("runAsUser") == 0:
        security["runAsUser"] = _OTHER_THAN_ROOT
    return {
        "name": CONTAINER,
        "image": initializer.image,
        **({"imagePullPolicy": policy} if policy else {}),
        # Kubernetes would put secrets of the environment in the place of $(NAME)
        "args": [str(revision.storage_uri).replace("$", "$$"), MODEL_PATH],
        "env": list(env.values()),
        **({"envFrom": model["envFrom"]} if model.get("envFrom") else {}),
        "resources": initializer.resources.to_json(),
        "securityContext": security,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": MODEL_VOLUME, "mountPath": MODEL_PATH},
            {"name": _SCRATCH, "mountPath": _SCRATCH_PATH},
        ],
    }
