"""When a status is written: a decision at once, observations later. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from serinus.api.base import Role
from serinus.api.evidence import mask, without
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
    """Seconds within which a status must be written, both in full: 0 if something was decided."""
    if _decided(wanted) != _decided(written):
        return 0.0
    if _shown(wanted) != _shown(written):
        return SHOW_WITHIN
    return SAVE_WITHIN if _found(wanted) != _found(written) else TELL_OF_LOOKS_WITHIN


def _decided(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status without observations."""
    decided: Mapping[str, Any] = without(status, _UNDECIDED)
    return decided


def _shown(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status without evidence and its messages."""
    shown: Mapping[str, Any] = without(status, _NOT_SHOWN)
    return shown


def _found(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the time of the last look."""
    candidate = status.get("candidate") or {}
    looked = "measuredAt" in candidate
    return {**status, "candidate": {**_without(candidate, "measuredAt"), "looked": looked}}


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


_UNDECIDED: Final = mask(Status, Role.OBSERVED, Role.EVIDENCE, Role.MESSAGE)
_NOT_SHOWN: Final = mask(Status, Role.EVIDENCE, Role.MESSAGE)
