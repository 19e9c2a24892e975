"""The last known state of each object, from watches and our own writes, corrected by lists.

A stale entry only causes a wasted pass: every commit is conditional on resourceVersion.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Self

from serinus.cluster.pods import ready_addresses
from serinus.manifests.owner import NAME_LABEL, REVISION_LABEL, Manifest
from serinus.manifests.workloads import WORKLOADS

NamespacedName = tuple[str, str]
"""(namespace, name)"""

_SERVICE_LABEL: Final = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True, eq=False)
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
    """Without its version: equal texts need no pass."""

    @classmethod
    def of(cls, live: Manifest) -> Self:
        metadata: Manifest = live["metadata"]
        labels = metadata.get("labels") or {}
        references = metadata.get("ownerReferences") or []
        controller = next((each["uid"] for each in references if each.get("controller")), None)
        return cls(
            kind=live["kind"],
            name=_name(live),
            uid=metadata["uid"],
            version=_version(live),
            owner=labels.get(NAME_LABEL),
            controller=controller,
            revision=labels.get(REVISION_LABEL),
            text=json.dumps(_as_read(live), separators=(",", ":"), ensure_ascii=False),
        )

    @property
    def left_behind(self) -> bool:
        """A child without a controller, as after `kubectl delete --cascade=orphan`: it has the
        labels and the name of a child."""
        child = self.owner if self.revision is None else f"{self.owner}-{self.revision}"
        return self.controller is None and self.name[1] == child

    @property
    def parents(self) -> set[NamespacedName]:
        """The ModelDeployment that this is, or in whose label it is; at most one."""
        if self.kind == "ModelDeployment":
            return {self.name}
        return {(self.name[0], self.owner)} if self.owner else set()

    def unpack(self) -> Manifest:
        found: Manifest = json.loads(self.text)
        found["metadata"]["resourceVersion"] = str(self.version)
        return found


@dataclass(slots=True)
class Listing:
    """A list that is being read page by page."""

    kind: str
    namespace: str | None
    """None: all namespaces."""
    after: int
    """The resourceVersion of the previous list, 0 without one."""
    version: int = 0
    """The resourceVersion of this list."""
    names: set[NamespacedName] = field(default_factory=set)
    newer: list[_Kept] = field(default_factory=list)
    """Objects that were unknown, or newer than the known ones, when their page came."""

    @property
    def rewound(self) -> bool:
        """Whether history was rewound, as when etcd is restored: discard everything known."""
        return self.version < self.after

    def holds(self, name: NamespacedName) -> bool:
        """Whether the object is in a listed namespace."""
        return self.namespace in (None, name[0])


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
        self._expected: dict[NamespacedName, Manifest] = {}
        """ModelDeployments as running writes of ours make them."""

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

    def each(self, kind: str) -> Iterator[Manifest]:
        """Copies of all objects of a kind."""
        for kept in self._objects[kind].values():
            yield kept.unpack()

    def family(self, namespace: str, name: str, uid: str) -> "Family":
        """The objects that this ModelDeployment controls, or that an earlier one with its name left
        behind."""
        return Family(self, namespace, name, uid)

    def _children(self, namespace: str, name: str, uid: str) -> dict[tuple[str, str], _Kept]:
        family = self._owned.get((namespace, name), {})
        return {
            key: kept for key, kept in family.items() if kept.controller == uid or kept.left_behind
        }

    def ready_endpoints(self, namespace: str, name: str, service: str) -> int:
        """Ready addresses of a Service of a ModelDeployment, as gateways see them."""
        family = self._owned.get((namespace, name), {})
        slices = (kept.unpack() for (kind, _), kept in family.items() if kind == "EndpointSlice")
        return ready_addresses(
            each for each in slices if each["metadata"]["labels"].get(_SERVICE_LABEL) == service
        )

    def put(self, live: Manifest) -> bool:
        """Add or update an object; False if that changes nothing: it is not newer than the known
        one, differs in nothing that is read, is deleted, or is the expected result of a running
        write."""
        if self._knows(live):
            return False
        known, kept = self._objects[live["kind"]].get(_name(live)), _Kept.of(live)
        if not self._put(kept) or (known is not None and known.text == kept.text):
            return False
        expected = self._expected.get(kept.name)
        return expected is None or expected != _as_read(live)

    @contextmanager
    def expecting(self, written: Manifest) -> Iterator[None]:
        """While a write runs that makes a ModelDeployment so: its event often comes before its
        answer."""
        self._expected[_name(written)] = _as_read(written)
        try:
            yield
        finally:
            del self._expected[_name(written)]

    def remove(self, live: Manifest) -> bool:
        """Remove an object; False if that changes nothing: it is not known, or newer. One that a
        finalizer kept after its deletion counts when it is gone: its name is free only now. Older
        events do not restore it, newer ones do: for a watch by labels, an object that lost its
        label is deleted too."""
        kind, uid, version = live["kind"], live["metadata"]["uid"], _version(live)
        deleted = self._deleted_since_list[kind]
        deleted[uid] = max(version, deleted.get(uid, 0))
        known = self._objects[kind].get(_name(live))
        if known is None:
            return "deletionTimestamp" in live["metadata"]
        if known.uid != uid or known.version > version:
            return False
        self._drop(known)
        return True

    def begin_list(self, kind: str, namespace: str | None = None) -> Listing:
        """Begin a list of one namespace or all; nothing changes before `end_list`."""
        return Listing(kind, namespace, after=self._listed.get((kind, namespace), 0))

    def take_page(self, listing: Listing, found: Iterable[Manifest], version: int) -> None:
        """Keep the newer objects of a page, packed; `version` is the list's resourceVersion."""
        listing.version = version
        for live in found:
            listing.names.add(_name(live))
            if listing.rewound or not self._knows(live):
                listing.newer.append(_Kept.of(live))

    def end_list(self, listing: Listing) -> set[NamespacedName]:
        """Take in a complete list: objects that are missing and not newer are deleted. Returns the
        ModelDeployments of what was not known, or not so."""
        kind = listing.kind
        changed = self.clear(kind) if listing.rewound else set()
        for name, known in list(self._objects[kind].items()):
            lacks = listing.holds(name) and name not in listing.names
            if lacks and known.version <= listing.version:
                self._drop(known)
                changed |= known.parents
        for kept in listing.newer:
            known_as = self._objects[kind].get(kept.name)
            if self._put(kept, listing.version) and (
                known_as is None or known_as.text != kept.text
            ):
                changed |= kept.parents | (known_as.parents if known_as else set())
        self._absent.discard(kind)
        self._listed[kind, listing.namespace] = listing.version
        self._deleted[kind] = self._deleted_since_list.pop(kind, {})
        return changed

    def clear(self, kind: str, *, absent: bool = False) -> set[NamespacedName]:
        """Forget all objects of a kind; returns their ModelDeployments. `absent`: the API server
        does not serve the kind, so there are none; otherwise they are unknown."""
        (self._absent.add if absent else self._absent.discard)(kind)
        changed = set[NamespacedName]()
        for known in list(self._objects[kind].values()):
            self._drop(known)
            changed |= known.parents
        self._deleted.pop(kind, None)
        self._deleted_since_list.pop(kind, None)
        self._listed = {key: version for key, version in self._listed.items() if key[0] != kind}
        return changed

    def _knows(self, live: Manifest) -> bool:
        """Whether this version of the object, or a newer one, is known."""
        known = self._objects[live["kind"]].get(_name(live))
        return known is not None and known.version >= _version(live)

    def _put(self, kept: _Kept, listed: int | None = None) -> bool:
        known = self._objects[kept.kind].get(kept.name)
        if known.version >= kept.version if known else self._is_gone(kept, listed):
            return False
        if known is not None:
            self._drop(known)
        self._objects[kept.kind][kept.name] = kept
        if kept.kind != "ModelDeployment" and kept.owner:
            namespace, name = kept.name
            self._owned[namespace, kept.owner][kept.kind, name] = kept
        return True

    def _is_gone(self, kept: _Kept, listed: int | None) -> bool:
        """Whether this is an old event of a deleted object, or an old list that has it.

        `listed` is the resourceVersion of that list, at which the object existed; None: an event.
        """
        kind = kept.kind
        known = (self._deleted[kind], self._deleted_since_list[kind])
        if kept.version <= max(deleted.get(kept.uid, 0) for deleted in known):
            return True
        last = max(self._listed.get((kind, place), 0) for place in (None, kept.name[0]))
        return kept.version <= last if listed is None else listed < last

    def _drop(self, known: _Kept) -> None:
        namespace, name = known.name
        del self._objects[known.kind][known.name]
        family = (namespace, known.owner or "")
        if family in self._owned:
            self._owned[family].pop((known.kind, name), None)
            if not self._owned[family]:
                del self._owned[family]


class Family:
    """The children of one ModelDeployment in the store, each unpacked once, and again after a
    change. For one pass, which must not modify them."""

    def __init__(self, store: Store, namespace: str, name: str, uid: str) -> None:
        self._store = store
        self._parent = namespace, name, uid
        self._unpacked: dict[_Kept, Manifest] = {}

    def objects(self) -> dict[tuple[str, str], Manifest]:
        """By (kind, name), as currently known."""
        children = self._store._children(*self._parent)
        before = self._unpacked
        self._unpacked = {
            kept: before[kept] if kept in before else kept.unpack() for kept in children.values()
        }
        return {key: self._unpacked[kept] for key, kept in children.items()}

    def put(self, live: Manifest) -> bool:
        """As in Store."""
        return self._store.put(live)

    def remove(self, live: Manifest) -> None:
        """As in Store."""
        self._store.remove(live)


def _as_read(live: Manifest) -> Manifest:
    """An object without its version and what nobody reads: managedFields, which are half of its
    size, and most of a workload's status, which changes more often than the rest."""
    unread = ("managedFields", "resourceVersion")
    metadata = {key: value for key, value in live["metadata"].items() if key not in unread}
    read = {**live, "metadata": metadata}
    kind, status = WORKLOADS.get(live["kind"]), live.get("status")
    if kind is not None and status:
        conditions = [c for c in status.get("conditions") or () if c["type"] in kind.conditions]
        counts = {key: status[key] for key in kind.counts if key in status}
        read["status"] = {**counts, "conditions": conditions}
    return read


def _version(live: Manifest) -> int:
    """resourceVersion as a number, comparable within a kind (KEP-5504)."""
    return int(live["metadata"]["resourceVersion"])


def _name(live: Manifest) -> NamespacedName:
    return live["metadata"]["namespace"], live["metadata"]["name"]
