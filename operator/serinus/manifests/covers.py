"""Whether what is wanted is already in effect, so that nothing needs to be written."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from serinus.manifests.owner import Manifest

_EXACT: Final = frozenset({"selector", "matchLabels", "parentRefs", "hostnames", "rules", "data"})
"""Where a key more than ours changes the meaning; elsewhere it is the server's default."""

_QUANTITIES: Final = frozenset({"limits", "requests", "overhead"})
_QUANTITY: Final = frozenset({"sizeLimit", "divisor", "storage"})
_ZERO_IS_NONE: Final = frozenset(
    {"hostNetwork", "hostPID", "hostIPC", "readOnly", "stdin", "stdinOnce", "tty"}
    | {"hostPort", "initialDelaySeconds"}
)
"""Fields of which the server drops false and 0; of all others it keeps them."""

_SUFFIXES: Final = {
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("", *"kMGTPE"))},
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate("mun", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def covers(live: Manifest, desired: Manifest) -> bool:
    """Whether applying `desired` would change nothing that matters in `live`.

    What the server adds is tolerated; a list must have the same length, and a selector or a
    route the same keys. A wrong False costs one write that changes nothing.
    """
    heads = ("apiVersion", "kind")
    return all(_covers(live.get(key), desired[key], key) for key in desired if key not in heads)


def _covers(live: Any, desired: Any, key: str, parent: str = "") -> bool:
    if live is None:
        return _empty(desired, key)
    if key in _EXACT:
        return bool(live == desired)
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            _covers(live.get(name), value, name, key) for name, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(_covers(*pair, "", key) for pair in zip(live, desired, strict=True))
        )
    if parent in _QUANTITIES or key in _QUANTITY:
        return live == desired or _quantity(live) == _quantity(desired) is not None
    return desired is None or _same(live, desired)


def _same(live: Any, desired: Any) -> bool:
    return type(live) is type(desired) and bool(live == desired)


def _empty(desired: Any, key: str) -> bool:
    if isinstance(desired, dict):
        return all(_empty(value, name) for name, value in desired.items())
    return desired in (None, "", []) or (not desired and key in _ZERO_IS_NONE)


def _quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None if it is none."""
    text = str(value)
    digits = text.rstrip("numkMGTPEi")
    try:
        return Decimal(digits) * _SUFFIXES[text[len(digits) :]]
    except (InvalidOperation, KeyError):
        return None
