"""What was last seen of each object: fed by watches and by our own writes, corrected by lists.

A stale entry does no harm beyond a wasted pass: every commit is guarded by resourceVersion.
"""

from collections.abc import Iterable
from typing import Any

from serinus.cluster.kinds import CHILDREN

Manifest = dict[str, Any]
Name = tuple[str, str]
"""(namespace, name)"""

OWNER_LABEL = "serinus.dev/name"


class Store:
    """Objects by kind and name. The newer resourceVersion wins; what was deleted stays deleted."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Name, Manifest]] = {}
        self._owned: dict[Name, dict[tuple[str, str], Manifest]] = {}
        self._deleted: set[tuple[str, str]] = set()
        """(kind, uid) of what is gone, until the next list: a uid never comes back."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object as last seen, None if there is none."""
        return self._objects.get(kind, {}).get((namespace, name))

    def names(self, kind: str) -> list[Name]:
        """(namespace, name) of all objects of a kind."""
        return list(self._objects.get(kind, {}))

    def children(self, namespace: str, name: str, uid: str) -> dict[tuple[str, str], Manifest]:
        """By (kind, name), the objects that this very ModelDeployment controls."""
        found = self._owned.get((namespace, name), {})
        return {key: live for key, live in found.items() if _controller(live) == uid}

    def put(self, live: Manifest) -> bool:
        """Take an object in; False if what is known is as new or newer."""
        live = _slim(live)
        kind, name = live["kind"], _name(live)
        known = self._objects.get(kind, {}).get(name)
        if (kind, live["metadata"]["uid"]) in self._deleted:
            return False
        if known is not None and _version(known) >= _version(live):
            return False
        self._objects.setdefault(kind, {})[name] = live
        if kind in CHILDREN and (owner := _owner(live)):
            self._owned.setdefault((name[0], owner), {})[(kind, name[1])] = live
        return True

    def remove(self, live: Manifest) -> None:
        """An object is gone; a late event about it will not bring it back."""
        kind, name = live["kind"], _name(live)
        self._deleted.add((kind, live["metadata"]["uid"]))
        known = self._objects.get(kind, {}).get(name)
        if known is None or known["metadata"]["uid"] != live["metadata"]["uid"]:
            return
        del self._objects[kind][name]
        family = (name[0], _owner(known) or "")
        self._owned.get(family, {}).pop((kind, name[1]), None)
        if not self._owned.get(family):
            self._owned.pop(family, None)

    def replace(
        self, kind: str, found: Iterable[Manifest], version: int, namespace: str | None = None
    ) -> None:
        """A list of one namespace or all, taken at this resourceVersion, has come in: what it
        lacks and is older is gone."""
        listed = {_name(live): live for live in found}
        for name, known in list(self._objects.get(kind, {}).items()):
            inside = namespace in (None, name[0])
            if inside and name not in listed and _version(known) <= version:
                self.remove(known)
        for live in listed.values():
            self.put(live)
        self._deleted = {uid for uid in self._deleted if uid[0] != kind}


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
