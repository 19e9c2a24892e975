"""Revisions: what the pods run, identified by what the user wrote, and the history that stores
them."""

import hashlib
import json
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final, Self

from serinus.api.base import LONGEST_NAME
from serinus.manifests.following import source_of
from serinus.manifests.kinds import CONTROLLER_REVISION
from serinus.manifests.owner import NAME_LABEL, Manifest, Owner

_SCHEME: Final = "b"
"""First letter of each hash. A new way of hashing must use another letter: the names of running
revisions never change with the operator's version."""

_EARLIER: Final = "a"
"""First letter of the hashes of earlier versions, which have 8 characters."""

_SHORTEST: Final = 8
_LONGEST: Final = 16
"""Characters of a hash. It is shorter than the longest if the name of its ModelDeployment leaves no
room in the names of pods."""

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no look-alikes, so that a hash is never a word (as in Kubernetes itself)."""


def revision_hash(name: str, spec: Manifest, known: Container[str] = ()) -> str:
    """8 to 16 characters that identify {model, template} exactly as the user wrote them in the raw
    spec of the ModelDeployment with this name. The hash of an earlier version stays if it is among
    the `known` revisions of this ModelDeployment.

    Uses the raw JSON of the API server, never defaulted or typed values. The order of keys does not
    matter, and null is the same as absent, because tools differ in what they apply.
    """
    number = int.from_bytes(_digest(_identity(spec)))
    earlier = _EARLIER + _letters(number, _SHORTEST - 1)
    if earlier in known:
        return earlier
    size = min(_LONGEST, _SHORTEST + max(LONGEST_NAME - len(name), 0))
    return _SCHEME + _letters(number, size - 1)


def named_after_revision(name: str, of: str) -> bool:
    """Whether an object has a name as those of a revision of this ModelDeployment have."""
    letters = f"[{_ALPHABET}]{{{_SHORTEST - 1},{_LONGEST - 1}}}"
    return re.fullmatch(f"{re.escape(of)}-[a-z]{letters}", name) is not None


def approval_digest(spec: Manifest) -> str:
    """32 hexadecimal digits: a digest of what an approval is for, which is model, template and
    rollout of a raw spec. Whoever may edit the spec can choose both of two that should differ, so
    it is long enough that no two with the same one can be found."""
    return _digest({**_identity(spec), "rollout": spec.get("rollout")}).hex()[:32]


def content_digest(spec: Manifest) -> str:
    """32 hexadecimal digits: a digest of what a revision is made of, in a raw spec."""
    return _digest(_identity(spec)).hex()[:32]


def _identity(spec: Manifest) -> Manifest:
    """What a revision is made of."""
    return {"model": spec.get("model"), "template": spec["template"]}


def _digest(written: Manifest) -> bytes:
    canonical = json.dumps(
        _without_null(written), sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).digest()


def _letters(number: int, count: int) -> str:
    letters = []
    for _ in range(count):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(field) for key, field in value.items() if field is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Revision:
    """A model and template, with its number in the history."""

    hash: str
    number: int
    model: dict[str, Any] | None
    template: dict[str, Any]
    recovered: bool = False
    """Read from its workload because the history lacks it: enough to keep it running, but not
    what the user wrote, and so never stored in the history."""

    @classmethod
    def of(cls, spec: Manifest, number: int) -> Self:
        """The revision of a raw spec, by its longest hash."""
        return cls(revision_hash("", spec), number, spec.get("model"), spec["template"])

    @classmethod
    def read(cls, live: Manifest) -> Self | None:
        """The revision stored in a ControllerRevision, by its name: anybody may change its label of
        the revision. None: it has another name or other data, so somebody else made it."""
        data: Any = live.get("data")
        metadata = live["metadata"]
        owner, _, name = metadata["name"].rpartition("-")
        if owner != metadata["labels"][NAME_LABEL] or not _is_stored(data):
            return None
        return cls(name, live["revision"], data.get("model"), data["template"])

    @classmethod
    def recover(cls, name: str, template: Manifest, number: int) -> Self:
        """The revision that a workload runs; its template includes the server's defaults and the
        additions of the model, and so causes no restart."""
        return cls(name, number, None, _without_null(template), recovered=True)

    def stores(self, spec: Manifest) -> bool:
        """Whether it has exactly the model and the template of a raw spec. Two can have one hash,
        which somebody may have searched for."""
        return bool(_without_null(self._stored) == _without_null(_identity(spec)))

    @property
    def content(self) -> str:
        """Digest of its model and template: its name may be given to others, this cannot."""
        return content_digest(self._stored)

    @property
    def _stored(self) -> Manifest:
        return {"model": self.model, "template": self.template}

    def manifest(self, owner: Owner) -> Manifest:
        """The ControllerRevision that stores it."""
        model = {} if self.model is None else {"model": self.model}
        return {
            **owner.object(CONTROLLER_REVISION, owner.child(self.hash), self.hash),
            "data": {**model, "template": self.template},
            "revision": self.number,
        }

    @property
    def storage_uri(self) -> str | None:
        """URI of the model, if given."""
        return (self.model or {}).get("storageUri")

    @property
    def source(self) -> str:
        """Registry and model that the version is of; empty: the spec named it."""
        return source_of(self.model)

    @property
    def digest(self) -> str | None:
        """Of what never changes of the version, if it is of a registry."""
        return (self.model or {}).get("digest")

    @property
    def version(self) -> str | None:
        """The user's name of the version, if given."""
        return (self.model or {}).get("version")


def _is_stored(data: Any) -> bool:
    """Whether it has the form of what is stored, as far as that is read."""
    match data:
        case {"template": {"spec": {"containers": [_, *_] as containers} as pods} as template}:
            model, metadata = data.get("model") or {}, template.get("metadata", {})
            return (
                _has(model, str, "version", "storageUri")
                and _has(model, list, "env", "envFrom")
                and all(isinstance(each, dict) for each in model.get("env") or [])
                and _has(metadata, dict, "labels")
                and _has(pods, list, "initContainers", "volumes")
                and all(map(_is_container, [*containers, *(pods.get("initContainers") or [])]))
                and any(map(_serves, containers))
            )
    return False


def _is_container(found: Any) -> bool:
    lists = _has(found, list, "ports", "env", "volumeMounts")
    return lists and all(map(_is_port, found.get("ports") or []))


def _is_port(found: Any) -> bool:
    return _has(found, str, "name", "protocol") and isinstance(found.get("containerPort"), int)


def _serves(container: Manifest) -> bool:
    return any(port.get("protocol", "TCP") == "TCP" for port in container.get("ports") or [])


def _has(found: Any, kind: type, *fields: str) -> bool:
    """Whether it is an object in which these fields, if they are set, are of this type."""
    return isinstance(found, dict) and all(isinstance(found.get(f), kind | None) for f in fields)
