"""Model URIs that Serinus mounts itself, `pvc://claim/path` and `oci://image`, and those that an
initializer downloads."""

import re
from dataclasses import dataclass
from typing import Final

MODEL_PATH: Final = "/mnt/models"
"""Mount path in each container."""
MODEL_VOLUME: Final = "serinus-model"
"""Name of the volume."""

DOWNLOADED: Final = ("s3://", "gs://", "hf://", "https://", "http://", "models:/")
"""How URIs begin that an initializer downloads; the last is MLflow's."""

_CLAIM: Final = re.compile(r"pvc://([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)(?:/(.+))?")
_IMAGE: Final = re.compile(
    r"oci://([a-z0-9][-.a-z0-9]*(?::[0-9]+)?(?:/[a-z0-9][-._a-z0-9]*)*"
    r"(?::[A-Za-z0-9_][-.A-Za-z0-9_]{0,127})?(?:@sha256:[a-f0-9]{64})?)"
)


@dataclass(frozen=True)
class Claim:
    """A path in a PersistentVolumeClaim; the whole claim if the path is empty."""

    name: str
    path: str


@dataclass(frozen=True)
class Image:
    """An OCI artifact or image whose files are the model."""

    reference: str


def mounted(uri: str) -> Claim | Image | None:
    """What to mount for a URI; None for any other scheme, which is downloaded, by an initializer or
    by the server itself.

    Raises ValueError with a message that shows the accepted form.
    """
    if uri.startswith("pvc:"):
        found = _CLAIM.fullmatch(uri)
        path = (found[3] or "") if found else ""
        if not found or (path and {"", ".", ".."} & set(path.split("/"))):
            raise ValueError(f"{uri!r} is invalid: it must have the form pvc://claim/path")
        return Claim(found[1], path)
    if uri.startswith("oci:"):
        found = _IMAGE.fullmatch(uri)
        if not found:
            raise ValueError(f"{uri!r} is invalid: it must have the form oci://registry/model:tag")
        return Image(found[1])
    return None


def is_downloaded(uri: str) -> bool:
    """Whether an initializer downloads it, if the operator has one."""
    return uri.startswith(DOWNLOADED)
