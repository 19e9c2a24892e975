"""The pods of a revision."""

from copy import deepcopy

from serinus.api.storage import MODEL_PATH, MODEL_VOLUME, Claim, mounted
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision


def pod_template(owner: Owner, revision: Revision) -> Manifest:
    """The user's template with our labels, and with the model if there is one."""
    template = deepcopy(revision.template)
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **owner.pods(revision.hash)}
    env = model_env(revision)
    spec = template["spec"]
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if env:
            # ours come first, so that the user's may refer to them: $(MODEL_URI)
            container["env"] = [*env, *(container.get("env") or [])]
    mount_model(spec, revision)
    return template


def mount_model(spec: Manifest, revision: Revision) -> None:
    """Add the model's volume, if there is one, to the spec of a pod."""
    volume, mounts = _model_volume(revision)
    for container in [*(spec.get("initContainers") or []), *spec["containers"]] if mounts else ():
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), *mounts]
    if volume:
        spec["volumes"] = [*(spec.get("volumes") or []), *volume]


def model_env(revision: Revision) -> list[Manifest]:
    """What a container is told of the model."""
    given = {"MODEL_URI": revision.storage_uri, "MODEL_VERSION": revision.version}
    return [{"name": name, "value": value} for name, value in given.items() if value is not None]


def _model_volume(revision: Revision) -> tuple[list[Manifest], list[Manifest]]:
    source = None if revision.storage_uri is None else mounted(revision.storage_uri)
    if source is None:
        return [], []
    mount = {"name": MODEL_VOLUME, "mountPath": MODEL_PATH, "readOnly": True}
    if isinstance(source, Claim):
        claim = {"claimName": source.name, "readOnly": True}
        sub_path = {"subPath": source.path} if source.path else {}
        return [{"name": MODEL_VOLUME, "persistentVolumeClaim": claim}], [{**mount, **sub_path}]
    return [{"name": MODEL_VOLUME, "image": {"reference": source.reference}}], [mount]
