"""Which rollouts people should see first."""

from enum import IntEnum
from typing import Final

from serinus.api.reasons import Reason
from serinus.views.rollout import RolloutView

_PASSES: Final = frozenset({"Available", "MetricsAvailable"})
"""Conditions that say what the phase says as well, once a person must act."""


class Urgency(IntEnum):
    """Sorted by it, what people should see first comes first."""

    OUTAGE = 0
    """Nobody is served, though a revision is stable."""
    PERSON = 1
    """Somebody must act or decide, or look at an alarm."""
    UNDER_WAY = 2
    """It goes on by itself: a rollout, a guard, pods that are awaited."""
    REST = 3


def urgency(view: RolloutView) -> Urgency:
    """Of one rollout."""
    amiss = {each.type: each.reason for each in view.conditions}
    if amiss.get("Available", Reason.FIRST_DEPLOYMENT) != Reason.FIRST_DEPLOYMENT:
        return Urgency.OUTAGE
    if view.phase in ("Paused", "RolledBack", "Degraded", "Unavailable") or amiss.keys() - _PASSES:
        return Urgency.PERSON
    if view.phase != "Healthy" or view.candidate is not None:
        return Urgency.UNDER_WAY
    return Urgency.REST
