"""When a status is written: a decision at once, what is only seen a while later. Pure."""

from collections.abc import Mapping
from typing import Any, Final

SHOW_WITHIN: Final = 5.0
"""Seconds within which what decides nothing is shown: ready pods, the actual weight, what is
waited for. Mostly the decision that it leads to comes first, and one write tells both."""
SAVE_WITHIN: Final = 30.0
"""Seconds within which evidence that changed no decision is written."""
TELL_OF_LOOKS_WITHIN: Final = 240.0
"""Seconds within which it is written that a look found nothing new, as while a person is waited for
and there is no traffic. A replica that takes over goes by it, and an alert on looks that are more
than 300 seconds old is not to fire for that."""
EVIDENCE: Final = (
    "checks",
    "counted",
    "measuredAt",
    "errorsInARow",
    "restarts",
    "silence",
    "unreportedSince",
)
"""Fields of a candidate."""


def write_within(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """Seconds within which a status is to be written: at once if something was decided."""
    if _decided(wanted) != _decided(written):
        return 0.0
    if _shown(wanted) != _shown(written):
        return SHOW_WITHIN
    return SAVE_WITHIN if _found(wanted) != _found(written) else TELL_OF_LOOKS_WITHIN


def _decided(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without what is only seen."""
    decided = _without(status, "message", "conditions", "replicas")
    decided["retiring"] = [_without(each, "idleSince") for each in status.get("retiring", [])]
    if stable := status.get("stable"):
        decided["stable"] = _without(stable, "readyReplicas")
    if candidate := status.get("candidate"):
        seen = (*EVIDENCE, "readyReplicas", "podsAwaited", "progressSince", "hold", "baseline")
        decided["candidate"] = _without(candidate, *seen)
        decided["candidate"]["weight"] = candidate["weight"]["wanted"]
    return decided


def _shown(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without evidence, and without the words about it."""
    shown = _without(status, "message")
    shown["conditions"] = [_without(each, "message") for each in status.get("conditions", [])]
    if candidate := status.get("candidate"):
        shown["candidate"] = _without(candidate, *EVIDENCE)
        shown["candidate"]["hold"] = _without(candidate.get("hold") or {}, "message")
    return shown


def _found(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without when it was looked last."""
    candidate = status.get("candidate") or {}
    looked = "measuredAt" in candidate
    return {**status, "candidate": {**_without(candidate, "measuredAt"), "looked": looked}}


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}
