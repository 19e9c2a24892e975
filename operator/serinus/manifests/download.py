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
_HOME: Final = {"name": "HOME", "value": _SCRATCH_PATH}
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


def kept(
    live: Manifest, template: Manifest, revision: Revision, setting: Initializer | None
) -> Initializer | None:
    """What the model of pods that run is downloaded with; None: it is not. That was decided when
    what runs them was created: another setting must not restart them. `template`: of its pods.

    If somebody has removed or damaged the annotation, the pods still show it; the present setting
    is a guess about pods that do not.
    """
    written = (live["metadata"].get("annotations") or {}).get(STORED)
    found = [each for each in template["spec"].get("initContainers") or [] if _is_ours(each)]
    if not found:
        return read_initializer(written or "")
    shown = _shown(found[0], template["spec"], revision)
    return read_initializer(written or "") or read_initializer(json.dumps(shown)) or setting


def _is_ours(container: Manifest) -> bool:
    return bool(container["name"] == CONTAINER)


def _shown(container: Manifest, pod: Manifest, revision: Revision) -> Manifest:
    """The settings that render this container."""
    policy, resources = container.get("imagePullPolicy"), container.get("resources") or {}
    volume: Manifest = next((v for v in pod.get("volumes") or [] if v["name"] == MODEL_VOLUME), {})
    limit = (volume.get("emptyDir") or {}).get("sizeLimit")
    return {
        "image": container.get("image"),
        **({"imagePullPolicy": policy} if policy else {}),
        "resources": {
            name: resources[name] for name in ("requests", "limits") if name in resources
        },
        "env": _administrators(container.get("env") or [], revision),
        **({"sizeLimit": limit} if limit else {}),
    }


def _administrators(env: list[Manifest], revision: Revision) -> list[Manifest]:
    """The variables before which the user's do not come: in another order, they would restart the
    pods. What the user replaces is among them."""
    theirs = [each["name"] for each in (revision.model or {}).get("env") or []]
    names = [each["name"] for each in env]
    before = next(
        (
            n
            for n in range(1, len(names) + 1)
            if [*names[:n], *(each for each in theirs if each not in names[:n])] == names
        ),
        len(names),
    )
    found = [{"name": each["name"], "value": each.get("value") or ""} for each in env[:before]]
    return found[1:] if found and (found[0] == _HOME or _HOME["name"] in theirs) else found


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
    theirs = [each.to_json() for each in initializer.env]
    env = {each.get("name"): each for each in (dict(_HOME), *theirs, *(model.get("env") or []))}
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
