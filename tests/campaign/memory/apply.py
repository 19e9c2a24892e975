"""Server-side apply: whose each field is, and what becomes of fields that are left out.

As structured-merge-diff does it, its trap included: a map or keyed list of which everything is
taken away becomes null, not empty. A status is no exception, as where the definition is an old one
that does not say it is atomic: Helm leaves definitions as they are.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

Manifest = dict[str, Any]
Path = tuple[Any, ...]
"""Keys of maps, and tuples of the keys of items in keyed lists."""

_KEYED: Final[Mapping[str, tuple[str, ...]]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
}
"""Lists whose items are told apart by keys; all others are taken or left as a whole."""
_ATOMIC: Final = frozenset({"selector", "nodeSelector", "data", "retrain"})


def keys_of(name: str, items: Iterable[Any]) -> tuple[str, ...] | None:
    """The keys of a list's items; None: it is atomic."""
    if name != "ports":
        return _KEYED.get(name)
    first: Any = next(iter(items), {})
    return ("containerPort", "protocol") if "containerPort" in first else ("port", "protocol")


def identity(item: Manifest, keys: tuple[str, ...]) -> tuple[Any, ...]:
    """What tells an item apart from others in its list."""
    return tuple(item.get(key, "TCP" if key == "protocol" else None) for key in keys)


def fields(config: Any, name: str = "", path: Path = ()) -> set[Path]:
    """The paths that a configuration sets."""
    if isinstance(config, dict) and config and name not in _ATOMIC:
        inner = (fields(value, key, (*path, key)) for key, value in config.items())
        return set().union(*inner)
    if isinstance(config, list) and config and (keys := keys_of(name, config)):
        found: set[Path] = set()
        for item in config:
            at = (*path, identity(item, keys))
            found |= {at, *fields(item, "", at)}
        return found
    return {path}


def merged(live: Any, config: Any, name: str = "") -> Any:
    """The configuration over what is there."""
    if isinstance(config, dict) and isinstance(live, dict) and name not in _ATOMIC:
        both = dict(live)
        for key, value in config.items():
            both[key] = merged(live.get(key), value, key)
        return both
    if isinstance(config, list) and isinstance(live, list) and (keys := keys_of(name, config)):
        found = {identity(item, keys): item for item in live}
        for item in config:
            key = identity(item, keys)
            found[key] = merged(found.get(key), item)
        return list(found.values())
    return deepcopy(config)


def without(live: Any, gone: set[Path], held: set[Path], name: str = "") -> Any:
    """What is there without these paths.

    A container of which nothing is left is null where somebody holds it, and absent where nobody
    does. `held` has the paths that anybody owns, and those that lead to them.
    """
    if not gone:
        return live
    if isinstance(live, dict):
        kept: Manifest = {}
        for key, value in live.items():
            if (key,) in gone:
                continue
            below = _below(gone, key)
            left = without(value, below, _below(held, key), key)
            if left is not None or not below or (key,) in held:
                kept[key] = left
        return kept or None
    if isinstance(live, list) and (keys := keys_of(name, live)):
        items = [
            without(item, _below(gone, identity(item, keys)), _below(held, identity(item, keys)))
            for item in live
            if (identity(item, keys),) not in gone
        ]
        return items or None
    return live


def leading(paths: Iterable[Path]) -> set[Path]:
    """The paths, and all that lead to them."""
    return {path[:end] for path in paths for end in range(1, len(path) + 1)}


def _below(paths: set[Path], key: Any) -> set[Path]:
    return {path[1:] for path in paths if len(path) > 1 and path[0] == key}
