"""When a status is written: a decision at once, observations later. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from serinus.api.base import Role, Type, types_in
from serinus.api.status import Status

SHOW_WITHIN: Final = 5.0
"""Seconds within which observations are written: ready pods, the actual weight, the reason for
waiting. Usually the resulting decision comes first, and one write has both."""
SAVE_WITHIN: Final = 30.0
"""Seconds within which evidence without a decision is written."""
TELL_OF_LOOKS_WITHIN: Final = 240.0
"""Seconds within which a look without new evidence is written, for example while waiting for a
command without traffic. A replica that takes over uses it, and an alert on looks older than 300
seconds must not fire."""


def write_within(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """Seconds within which a status must be written: 0 if something was decided."""
    if _decided(wanted) != _decided(written):
        return 0.0
    if _shown(wanted) != _shown(written):
        return SHOW_WITHIN
    return SAVE_WITHIN if _found(wanted) != _found(written) else TELL_OF_LOOKS_WITHIN


def _decided(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status without observations."""
    decided: Mapping[str, Any] = _stripped(status, _UNDECIDED)
    return decided


def _shown(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status without evidence and its messages."""
    shown: Mapping[str, Any] = _stripped(status, _NOT_SHOWN)
    return shown


def _found(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the time of the last look."""
    candidate = status.get("candidate") or {}
    looked = "measuredAt" in candidate
    return {**status, "candidate": {**_without(candidate, "measuredAt"), "looked": looked}}


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


Mask = Mapping[str, "Mask | None"]
"""By JSON key, what to omit from an object or from each item of a list; None: all."""


def _mask(of: type[Type], *roles: Role) -> Mask:
    """What to omit from a status so that it has no field of these roles."""
    found: dict[str, Mask | None] = {}
    for name, each in of.__pydantic_fields__.items():
        key = each.alias or name
        if any(role in each.metadata for role in roles):
            found[key] = None
        elif inner := [m for type_ in types_in(each.annotation) if (m := _mask(type_, *roles))]:
            [found[key]] = inner
    return found


def _stripped(value: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        return [_stripped(each, mask) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _stripped(each, inner) if (inner := mask.get(key)) else each
        for key, each in value.items()
        if mask.get(key, {}) is not None
    }


_UNDECIDED: Final = _mask(Status, Role.OBSERVED, Role.EVIDENCE, Role.MESSAGE)
_NOT_SHOWN: Final = _mask(Status, Role.EVIDENCE, Role.MESSAGE)
