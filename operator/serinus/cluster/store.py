"""What was last seen of each object: fed by watches and by our own writes, corrected by lists.

A stale entry does no harm beyond a wasted pass: every commit is guarded by resourceVersion.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from serinus.cluster.pods import ready_addresses

Manifest = dict[str, Any]
Name = tuple[str, str]
"""(namespace, name)"""

OWNER_LABEL: Final = "serinus.dev/name"
_SERVICE_LABEL: Final = "kubernetes.io/service-name"


class Store:
    """Objects by kind and name. The newer resourceVersion wins; what is gone stays gone."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Name, Manifest]] = defaultdict(dict)
        self._owned: dict[Name, dict[tuple[str, str], Manifest]] = defaultdict(dict)
        self._deleted: dict[str, dict[str, int]] = defaultdict(dict)
        """By kind and uid, the version at which an object went, since the last list but one."""
        self._deleted_since_list: dict[str, dict[str, int]] = defaultdict(dict)
        self._listed: dict[tuple[str, str | None], int] = {}
        """By kind and namespace listed, the resourceVersion of the last list."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object as last seen, None if there is none."""
        return self._objects[kind].get((namespace, name))

    def names(self, kind: str) -> list[Name]:
        """(namespace, name) of all objects of a kind."""
        return list(self._objects[kind])

    def children(self, namespace: str, name: str, uid: str) -> dict[tuple[str, str], Manifest]:
        """By (kind, name), the objects that this very ModelDeployment controls."""
        found = self._owned.get((namespace, name), {})
        return {key: live for key, live in found.items() if _controller(live) == uid}

    def ready_endpoints(self, namespace: str, name: str, service: str) -> int:
        """Ready addresses behind a Service of a ModelDeployment, as gateways learn them."""
        found = self._owned.get((namespace, name), {})
        return ready_addresses(
            live
            for (kind, _), live in found.items()
            if kind == "EndpointSlice" and live["metadata"]["labels"][_SERVICE_LABEL] == service
        )

    def put(self, live: Manifest) -> bool:
        """Take an object in; False if that is no news: what is known is as new, or it is gone."""
        kind, name = live["kind"], _name(live)
        known = self._objects[kind].get(name)
        if known is None and self._is_gone(live):
            return False
        if known is not None and _version(known) >= _version(live):
            return False
        if known is not None:
            self._drop(known)
        live = _slim(live)
        self._objects[kind][name] = live
        if kind != "ModelDeployment" and (owner := _owner(live)):
            self._owned[name[0], owner][kind, name[1]] = live
        return True

    def remove(self, live: Manifest) -> None:
        """An object is gone; late news of it will not bring it back.

        Newer news will: to a watch by labels, an object that lost its label is gone too.
        """
        kind, uid = live["kind"], live["metadata"]["uid"]
        self._deleted_since_list[kind][uid] = _version(live)
        known = self._objects[kind].get(_name(live))
        if known is not None and known["metadata"]["uid"] == uid:
            self._drop(known)

    def replace(
        self, kind: str, found: Iterable[Manifest], version: int, namespace: str | None = None
    ) -> None:
        """Take in a list of one namespace or of all, taken at this resourceVersion: what it lacks
        and is not newer is gone."""
        if version < self._listed.get((kind, namespace), 0):
            # history was rewound, as when etcd is restored: what was known is of no use
            self.clear(kind)
        listed = {_name(live): live for live in found}
        for name, known in list(self._objects[kind].items()):
            inside = namespace in (None, name[0])
            if inside and name not in listed and _version(known) <= version:
                self._drop(known)
        for live in listed.values():
            self.put(live)
        self._listed[kind, namespace] = version
        self._deleted[kind] = self._deleted_since_list.pop(kind, {})

    def clear(self, kind: str) -> None:
        """Forget all of a kind, as when its definition is gone."""
        for known in list(self._objects[kind].values()):
            self._drop(known)
        self._deleted.pop(kind, None)
        self._deleted_since_list.pop(kind, None)
        self._listed = {key: version for key, version in self._listed.items() if key[0] != kind}

    def _is_gone(self, live: Manifest) -> bool:
        """Whether this is old news of an object that is not there any more."""
        kind, metadata = live["kind"], live["metadata"]
        gone_at = (
            self._deleted[kind].get(metadata["uid"], 0),
            self._deleted_since_list[kind].get(metadata["uid"], 0),
            self._listed.get((kind, None), 0),
            self._listed.get((kind, metadata["namespace"]), 0),
        )
        return _version(live) <= max(gone_at)

    def _drop(self, known: Manifest) -> None:
        kind, (namespace, name) = known["kind"], _name(known)
        del self._objects[kind][namespace, name]
        family = (namespace, _owner(known) or "")
        if family in self._owned:
            self._owned[family].pop((kind, name), None)
            if not self._owned[family]:
                del self._owned[family]


def _slim(live: Manifest) -> Manifest:
    """Without managedFields, which are half of an object's size and read by nobody here."""
    metadata = {k: v for k, v in live["metadata"].items() if k != "managedFields"}
    return {**live, "metadata": metadata}


def _version(live: Manifest) -> int:
    """resourceVersion as a number: comparable within a kind (KEP-5504)."""
    return int(live["metadata"]["resourceVersion"])


def _name(live: Manifest) -> Name:
    return live["metadata"]["namespace"], live["metadata"]["name"]


def _owner(live: Manifest) -> str | None:
    labels: dict[str, str] = live["metadata"].get("labels") or {}
    return labels.get(OWNER_LABEL)


def _controller(live: Manifest) -> str | None:
    references = live["metadata"].get("ownerReferences") or []
    return next((each["uid"] for each in references if each.get("controller")), None)
