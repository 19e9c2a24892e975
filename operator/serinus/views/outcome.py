"""How the rollout of the spec's revision ended, or whether it goes on."""

from typing import Literal

from serinus.api.reasons import Needs, Reason, meaning_of
from serinus.api.stages import Stage
from serinus.views.reading import Live

Outcome = Literal["Healthy", "Promoted", "RolledBack", "Paused", "Stalled", "Going"]
"""Healthy: promoted, and all of its pods serve. Paused and Stalled: a person must act; Stalled is
an error, such as an invalid spec or a refused route."""


def outcome(live: Live) -> Outcome:
    """The outcome as the status reports it; Going until the operator has seen the spec."""
    status = live.status
    if status.observed_generation < live.generation:
        return "Going"
    if any(each.reason == Reason.INVALID_SPEC for each in status.conditions):
        return "Stalled"
    if status.rejected is not None and status.candidate is None:
        return "RolledBack"
    if status.phase == "Paused" and not _ends_by_itself(live):
        return "Paused"
    if any(each.type == "Stalled" and each.status == "True" for each in status.conditions):
        return "Stalled"
    candidate = status.candidate
    if status.stable is None or (candidate and candidate.stage is not Stage.GUARDED):
        return "Going"
    return "Healthy" if status.phase == "Healthy" else "Promoted"


def _ends_by_itself(live: Live) -> bool:
    """Whether the pause is one for want of data."""
    hold = live.status.candidate.hold if live.status.candidate else None
    return hold is not None and meaning_of(hold.reason).needs is Needs.METRICS
