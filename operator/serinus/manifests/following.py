"""What a spec that follows a registry stands for: the model that its alias names.

From here on such a spec is like any other, so that revisions, undo and rejections work as if its
user had written the version and its URI.
"""

from typing import Final

from serinus.api.status import FollowedVersion
from serinus.manifests.owner import Manifest

_DIGEST: Final = "digest"
"""Field of a resolved model that no user can write."""
_OF_THE_USER: Final = ("env", "envFrom")
"""Fields that stay as the user has written them, for the download of any version."""


def resolved(spec: Manifest, known: FollowedVersion | None) -> Manifest:
    """A raw spec in which the registry's version stands as the model; the spec itself if it follows
    nothing, or something of which `known` is not the version."""
    if known is None or not is_of(known, spec):
        return spec
    written = spec.get("model") or {}
    model = {
        **{field: written[field] for field in _OF_THE_USER if field in written},
        "registry": {"name": known.registry, "model": known.model},
        "version": known.version,
        "storageUri": known.storage_uri,
        _DIGEST: known.digest,
    }
    return {**spec, "model": model}


def is_of(known: FollowedVersion, spec: Manifest) -> bool:
    """Whether a raw spec follows what this version was read for."""
    followed = (spec.get("model") or {}).get("registry") or {}
    wanted = tuple(followed.get(field) for field in ("name", "model", "alias"))
    return wanted == (known.registry, known.model, known.alias)


def source_of(model: Manifest | None) -> str:
    """Registry and model of a resolved model, such as `company/fraud`; otherwise empty."""
    match model:
        case {"registry": {"name": str(registry), "model": str(name)}, "digest": str()}:
            return f"{registry}/{name}"
    return ""


def as_written(spec: Manifest) -> Manifest:
    """A resolved spec as if its user had written the version and its URI; others as they are."""
    model = spec.get("model") or {}
    if _DIGEST not in model:
        return spec
    fields = ("version", "storageUri", *_OF_THE_USER)
    return {**spec, "model": {name: model[name] for name in fields if name in model}}
