"""JSON patches (RFC 6902), as far as somebody who edits an object needs them."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any


def patched(live: Any, operations: Iterable[dict[str, Any]]) -> Any:
    """The object after these operations: add, remove and replace. Raises LookupError if there is
    nothing at a path."""
    found = deepcopy(live)
    for each in operations:
        *path, last = (_unescaped(part) for part in each["path"].split("/")[1:])
        parent = found
        for key in path:
            parent = parent[_index(parent, key)]
        _operate(parent, last, each)
    return found


def _operate(parent: Any, last: str, operation: dict[str, Any]) -> None:
    name, key = operation["op"], _index(parent, last)
    if name == "remove":
        del parent[key]
        return
    if name == "replace":
        parent[key]  # which must be there
    if name == "add" and isinstance(parent, list):
        parent.insert(key, operation["value"])
    else:
        parent[key] = operation["value"]


def _index(parent: Any, key: str) -> Any:
    if not isinstance(parent, list):
        return key
    return len(parent) if key == "-" else int(key)


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
