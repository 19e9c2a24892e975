"""The stages of a revision that is rolled out. They are API."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Stage(StrEnum):
    """Where a rollout is. Each has rules of its own."""

    FIRST = "FirstDeployment"
    """The first revision; there is no stable one."""
    STEPPING = "Stepping"
    """In the steps of the spec."""
    WITHDRAWN = "Withdrawn"
    """Its traffic was withdrawn, and its step waits."""
    PROMOTING = "Promoting"
    """All steps have passed."""
    PROMOTING_BY_COMMAND = "PromotingByCommand"
    """Promoted by command: no step, verdict or pause of the spec is awaited, but a check that fails
    still rolls it back."""
    RETURNING = "Returning"
    """A former revision, by an undo and without steps."""
    GUARDED = "Guarded"
    """Promoted, while the previous revision keeps a part of the traffic."""
    TAKING_BACK = "TakingBack"
    """The previous revision takes the traffic back, once it has the pods for it."""


AWAITS_PROMOTION: Final = frozenset(
    {Stage.FIRST, Stage.PROMOTING, Stage.PROMOTING_BY_COMMAND, Stage.RETURNING}
)
"""It is promoted as soon as its pods are ready."""
PROMOTED: Final = frozenset({Stage.GUARDED, Stage.TAKING_BACK})
WHOLE: Final = AWAITS_PROMOTION | PROMOTED
"""It needs all of its pods, and not only those for the weight of a step."""
COMPARED: Final = frozenset(Stage) - {Stage.FIRST, Stage.RETURNING}
"""It is judged against stable."""

FLAGS: Final = frozenset({"mode", "promoting", "commanded"})
"""What a candidate of an earlier version has instead of a stage."""


def stage_in_flags(written: Mapping[str, Any]) -> Stage:
    """The stage of a candidate whose status has flags instead, as earlier versions wrote it."""
    guarding = written.get("guarding") or {}
    if guarding:
        return Stage.TAKING_BACK if guarding.get("takingBack") else Stage.GUARDED
    if written.get("mode") == "First":
        return Stage.FIRST
    if written.get("mode") == "Direct":
        return Stage.RETURNING
    if written.get("promoting"):
        return Stage.PROMOTING_BY_COMMAND if written.get("commanded") else Stage.PROMOTING
    return Stage.WITHDRAWN if written.get("withdrawn") else Stage.STEPPING
