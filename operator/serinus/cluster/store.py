"""The last known state of each object, from watches and our own writes, corrected by lists.

A stale entry only causes a wasted pass: every commit is conditional on resourceVersion.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from serinus.cluster.pods import ready_addresses
from serinus.manifests.owner import Manifest

NamespacedName = tuple[str, str]
"""(namespace, name)"""

OWNER_LABEL: Final = "serinus.dev/name"
_REVISION_LABEL: Final = "serinus.dev/revision"
_SERVICE_LABEL: Final = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class _Kept:
    """An object as JSON text, with a fifth of the memory of the parsed object."""

    kind: str
    name: NamespacedName
    uid: str
    version: int
    owner: str | None
    """The ModelDeployment in its label."""
    controller: str | None
    """uid of its controller."""
    revision: str | None
    """The revision in its label."""
    text: str

    @classmethod
    def of(cls, live: Manifest) -> Self:
        metadata: Manifest = live["metadata"]
        labels = metadata.get("labels") or {}
        references = metadata.get("ownerReferences") or []
        controller = next((each["uid"] for each in references if each.get("controller")), None)
        # managedFields are half of an object's size, and not used here
        slim = {**live, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}
        return cls(
            kind=live["kind"],
            name=_name(live),
            uid=metadata["uid"],
            version=_version(live),
            owner=labels.get(OWNER_LABEL),
            controller=controller,
            revision=labels.get(_REVISION_LABEL),
            text=json.dumps(slim, separators=(",", ":"), ensure_ascii=False),
        )

    @property
    def left_behind(self) -> bool:
        """A child without a controller, as after `kubectl delete --cascade=orphan`: it has the
        labels and the name of a child."""
        child = self.owner if self.revision is None else f"{self.owner}-{self.revision}"
        return self.controller is None and self.name[1] == child

    def unpack(self) -> Manifest:
        found: Manifest = json.loads(self.text)
        return found


class Store:
    """Objects by kind and name. The newer resourceVersion wins; deleted objects stay deleted."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[NamespacedName, _Kept]] = defaultdict(dict)
        self._owned: dict[NamespacedName, dict[tuple[str, str], _Kept]] = defaultdict(dict)
        self._deleted: dict[str, dict[str, int]] = defaultdict(dict)
        """By kind and uid, the version at which an object was deleted, since the last list but
        one."""
        self._deleted_since_list: dict[str, dict[str, int]] = defaultdict(dict)
        self._absent: set[str] = set()
        """Kinds that the API server does not serve."""
        self._listed: dict[tuple[str, str | None], int] = {}
        """By kind and namespace, the resourceVersion of the last list."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """A copy of the last known object; None if there is none."""
        kept = self._objects[kind].get((namespace, name))
        return kept.unpack() if kept else None

    def has(self, kind: str, namespace: str, name: str) -> bool | None:
        """Whether the object exists; None if objects of its namespace are not listed."""
        if kind in self._absent:
            return False
        if not {(kind, None), (kind, namespace)} & self._listed.keys():
            return None
        return (namespace, name) in self._objects[kind]

    def owner(self, live: Manifest) -> str | None:
        """The ModelDeployment in the object's last known label."""
        kept = self._objects[live["kind"]].get(_name(live))
        return kept.owner if kept else None

    def names(self, kind: str) -> list[NamespacedName]:
        """(namespace, name) of all objects of a kind."""
        return list(self._objects[kind])

    def children(self, namespace: str, name: str, uid: str) -> dict[tuple[str, str], Manifest]:
        """By (kind, name), copies of the objects that this ModelDeployment controls, or that one of
        its name left behind."""
        family = self._owned.get((namespace, name), {})
        return {
            key: kept.unpack()
            for key, kept in family.items()
            if kept.controller == uid or kept.left_behind
        }

    def ready_endpoints(self, namespace: str, name: str, service: str) -> int:
        """Ready addresses of a Service of a ModelDeployment, as gateways see them."""
        family = self._owned.get((namespace, name), {})
        slices = (kept.unpack() for (kind, _), kept in family.items() if kind == "EndpointSlice")
        return ready_addresses(
            each for each in slices if each["metadata"]["labels"][_SERVICE_LABEL] == service
        )

    def put(self, live: Manifest) -> bool:
        """Add or update an object; False if it is not newer than the known one, or is deleted."""
        kind, name = live["kind"], _name(live)
        known = self._objects[kind].get(name)
        if known is None and self._is_gone(live):
            return False
        if known is not None and known.version >= _version(live):
            return False
        if known is not None:
            self._drop(known)
        kept = _Kept.of(live)
        self._objects[kind][name] = kept
        if kind != "ModelDeployment" and kept.owner:
            self._owned[name[0], kept.owner][kind, name[1]] = kept
        return True

    def remove(self, live: Manifest) -> None:
        """Remove an object. Older events do not restore it, newer ones do: for a watch by labels,
        an object that lost its label is deleted too."""
        kind, uid = live["kind"], live["metadata"]["uid"]
        self._deleted_since_list[kind][uid] = _version(live)
        known = self._objects[kind].get(_name(live))
        if known is not None and known.uid == uid:
            self._drop(known)

    def replace(
        self, kind: str, found: Iterable[Manifest], version: int, namespace: str | None = None
    ) -> None:
        """Take in a list of one namespace or all at this resourceVersion: objects that are missing
        and not newer are deleted."""
        if version < self._listed.get((kind, namespace), 0):
            # history was rewound, as when etcd is restored: discard everything
            self.clear(kind)
        listed = {_name(live): live for live in found}
        for name, known in list(self._objects[kind].items()):
            inside = namespace in (None, name[0])
            if inside and name not in listed and known.version <= version:
                self._drop(known)
        for live in listed.values():
            self.put(live)
        self._absent.discard(kind)
        self._listed[kind, namespace] = version
        self._deleted[kind] = self._deleted_since_list.pop(kind, {})

    def clear(self, kind: str, *, absent: bool = False) -> None:
        """Forget all objects of a kind. `absent`: the API server does not serve the kind, so there
        are none; otherwise they are unknown."""
        (self._absent.add if absent else self._absent.discard)(kind)
        for known in list(self._objects[kind].values()):
            self._drop(known)
        self._deleted.pop(kind, None)
        self._deleted_since_list.pop(kind, None)
        self._listed = {key: version for key, version in self._listed.items() if key[0] != kind}

    def _is_gone(self, live: Manifest) -> bool:
        """Whether this is an old event of a deleted object."""
        kind, metadata = live["kind"], live["metadata"]
        gone_at = (
            self._deleted[kind].get(metadata["uid"], 0),
            self._deleted_since_list[kind].get(metadata["uid"], 0),
            self._listed.get((kind, None), 0),
            self._listed.get((kind, metadata["namespace"]), 0),
        )
        return _version(live) <= max(gone_at)

    def _drop(self, known: _Kept) -> None:
        namespace, name = known.name
        del self._objects[known.kind][known.name]
        family = (namespace, known.owner or "")
        if family in self._owned:
            self._owned[family].pop((known.kind, name), None)
            if not self._owned[family]:
                del self._owned[family]


def _version(live: Manifest) -> int:
    """resourceVersion as a number, comparable within a kind (KEP-5504)."""
    return int(live["metadata"]["resourceVersion"])


def _name(live: Manifest) -> NamespacedName:
    return live["metadata"]["namespace"], live["metadata"]["name"]
