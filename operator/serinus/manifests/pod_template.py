"""The pods of a revision."""

from copy import deepcopy

from serinus.api.initializer import Initializer
from serinus.api.storage import MODEL_PATH, MODEL_VOLUME, Claim, mounted
from serinus.manifests import download
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision


def pod_template(
    owner: Owner, revision: Revision, initializer: Initializer | None = None
) -> Manifest:
    """The user's template with our labels, and with the model if there is one. `initializer`: what
    downloads it, if something does."""
    template = deepcopy(revision.template)
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **owner.pods(revision.hash)}
    env = model_env(revision)
    spec = template["spec"]
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if env:
            # ours come first, so that the user's may refer to them: $(MODEL_URI)
            container["env"] = [*env, *(container.get("env") or [])]
    mount_model(spec, revision, initializer)
    return template


def mount_model(spec: Manifest, revision: Revision, initializer: Initializer | None = None) -> None:
    """Add the model's volume, if there is one, to the spec of a pod, and what downloads it."""
    if not download.may_be_downloaded(revision):
        initializer = None
    volume, mounts = _model_volume(revision, initializer)
    for container in [*(spec.get("initContainers") or []), *spec["containers"]] if mounts else ():
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), *mounts]
    if volume:
        spec["volumes"] = [*(spec.get("volumes") or []), *volume]
    if initializer is not None:
        first = download.init_container(initializer, revision, spec)
        spec["initContainers"] = [first, *(spec.get("initContainers") or [])]


def model_env(revision: Revision) -> list[Manifest]:
    """What a container is told of the model."""
    given = {"MODEL_URI": revision.storage_uri, "MODEL_VERSION": revision.version}
    return [{"name": name, "value": value} for name, value in given.items() if value is not None]


def _model_volume(
    revision: Revision, initializer: Initializer | None
) -> tuple[list[Manifest], list[Manifest]]:
    mount = {"name": MODEL_VOLUME, "mountPath": MODEL_PATH, "readOnly": True}
    if initializer is not None:
        return download.volumes(initializer), [mount]
    source = None if revision.storage_uri is None else mounted(revision.storage_uri)
    if source is None:
        return [], []
    if isinstance(source, Claim):
        claim = {"claimName": source.name, "readOnly": True}
        sub_path = {"subPath": source.path} if source.path else {}
        return [{"name": MODEL_VOLUME, "persistentVolumeClaim": claim}], [{**mount, **sub_path}]
    return [{"name": MODEL_VOLUME, "image": {"reference": source.reference}}], [mount]
