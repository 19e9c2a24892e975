"""Revisions: what the pods run, named by what the user wrote, and the history that keeps them."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Self

from serinus.manifests.kinds import CONTROLLER_REVISION
from serinus.manifests.owner import REVISION_LABEL, Manifest, Owner

_SCHEME: Final = "a"
"""First letter of each hash. Another way of hashing must take another letter: the names of
running revisions never change with the operator's version."""

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no look-alikes, so that a hash is never a word (as in Kubernetes itself)."""


def revision_hash(model: dict[str, Any] | None, template: dict[str, Any]) -> str:
    """8 characters that name {model, template} exactly as the user wrote them.

    Takes the raw JSON of the API server, never defaulted or typed values. The order of keys does
    not matter, and a field that is null is as good as absent: which of the two arrives here
    depends on the tool that applied the manifest.
    """
    written = _without_null({"model": model, "template": template})
    canonical = json.dumps(written, sort_keys=True, separators=(",", ":"), allow_nan=False)
    number = int.from_bytes(hashlib.sha256(canonical.encode()).digest())
    letters = []
    for _ in range(7):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return _SCHEME + "".join(letters)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(field) for key, field in value.items() if field is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Revision:
    """One state of model and template, and its place in the history."""

    hash: str
    number: int
    model: dict[str, Any] | None
    template: dict[str, Any]
    recovered: bool = False
    """Read from its Deployment, for want of anything better: enough to run it on, but not what the
    user wrote, and so never kept in the history."""

    @classmethod
    def of(cls, spec: Manifest, number: int) -> Self:
        """The revision that a raw spec asks for."""
        model, template = spec.get("model"), spec["template"]
        return cls(revision_hash(model, template), number, model, template)

    @classmethod
    def read(cls, live: Manifest) -> Self:
        """The revision that a ControllerRevision keeps."""
        data = live["data"]
        name = live["metadata"]["labels"][REVISION_LABEL]
        return cls(name, live["revision"], data.get("model"), data["template"])

    @classmethod
    def recover(cls, deployment: Manifest, number: int) -> Self:
        """The revision that a Deployment runs; the server's defaults and what the model adds are
        part of its template, which therefore restarts nothing."""
        name = deployment["metadata"]["labels"][REVISION_LABEL]
        template = _without_null(deployment["spec"]["template"])
        return cls(name, number, None, template, recovered=True)

    def manifest(self, owner: Owner) -> Manifest:
        """The ControllerRevision that keeps it."""
        model = {} if self.model is None else {"model": self.model}
        return {
            **owner.object(CONTROLLER_REVISION, owner.child(self.hash), self.hash),
            "data": {**model, "template": self.template},
            "revision": self.number,
        }

    @property
    def storage_uri(self) -> str | None:
        """Where the model lies, where it was given."""
        return (self.model or {}).get("storageUri")

    @property
    def version(self) -> str | None:
        """The user's name for the version, where it was given."""
        return (self.model or {}).get("version")
