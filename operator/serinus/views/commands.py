"""Which revision a command is about, and what the operator answered.

Whether the command is obeyed is the operator's decision alone; here is refused only what has no
revision to name.
"""

from dataclasses import dataclass

from serinus.api.reasons import Reason
from serinus.api.stages import PROMOTED
from serinus.api.status import Status
from serinus.plan.commands import COMMAND_KEPT
from serinus.plan.steps import gate_at
from serinus.views.reading import Live
from serinus.views.rollout import NOT_SEEN


class NothingToDoError(Exception):
    """There is no revision for the command; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operator answered to a command."""

    obeyed: bool
    message: str


def revision_for(verb: str, status: Status, to: str | None = None) -> str:
    """The revision that a command without one means; `to` is the one to return to.

    Raises NothingToDoError.
    """
    if status == Status():
        raise NothingToDoError(NOT_SEEN)
    if verb == "undo":
        return to or _former(status)
    if verb == "retry":
        return _rejected(status)
    if status.candidate is None:
        remedy = "change the spec to start one"
        if status.rejected is not None:
            remedy = f"use retry to try revision {status.rejected.revision} again"
        raise NothingToDoError(f"no rollout is in progress: {remedy}")
    return status.candidate.revision


def _rejected(status: Status) -> str:
    if status.rejected is not None and status.candidate is None:
        return status.rejected.revision
    if (candidate := status.candidate) is not None:
        if candidate.hold and candidate.hold.reason == Reason.VALIDATION_UNFINISHED:
            return candidate.revision
        raise NothingToDoError(f"revision {candidate.revision} is still being rolled out")
    raise NothingToDoError("no revision is rejected: the one in the spec is stable")


def _former(status: Status) -> str:
    if status.candidate is not None and status.candidate.stage in PROMOTED and status.stable:
        return status.stable.revision
    if status.candidate is not None:
        raise NothingToDoError(
            f"revision {status.candidate.revision} is being rolled out: use abort to end that, or "
            "--to to return to a former revision"
        )
    if not status.former:
        raise NothingToDoError("no revision was stable before this one")
    return status.former[0]


def step_to_approve(live: Live) -> int:
    """Number of the step, from 1, that waits to be approved.

    Raises NothingToDoError.
    """
    candidate = live.status.candidate
    if live.spec is None or candidate is None:
        raise NothingToDoError("this version cannot read the spec or the candidate")
    if gate_at(live.spec.rollout, candidate, live.digest):
        return candidate.step + 1
    remedy = ""
    if candidate.hold and candidate.hold.reason == Reason.AWAITING_COMMAND:
        remedy = ": the rollout waits at a pause of its steps; use advance"
    elif candidate.approved is not None and candidate.approved.step == candidate.step:
        remedy = f": {candidate.approved.by} has approved step {candidate.step + 1}"
    raise NothingToDoError(f"no approval is awaited now{remedy}")


def answer(status: Status, command: str) -> Answer | None:
    """None until the operator has read the command."""
    if status.command is None or status.command.command != command[:COMMAND_KEPT]:
        return None
    outcome = status.command.outcome
    refused = any(
        each.reason == Reason.COMMAND_REFUSED and each.message == outcome
        for each in status.decisions
    )
    return Answer(not refused, outcome)


def paused(live: Live, wanted: bool) -> None:
    """Raises NothingToDoError if spec.rollout.paused is already as wanted."""
    is_paused = live.spec is not None and live.spec.rollout.paused
    if wanted and is_paused:
        raise NothingToDoError("spec.rollout.paused is already true")
    if not wanted and not is_paused:
        candidate = live.status.candidate
        at_a_step = (
            candidate and candidate.hold and candidate.hold.reason == Reason.AWAITING_COMMAND
        )
        remedy = ": the rollout waits at a pause of its steps; use advance" if at_a_step else ""
        raise NothingToDoError(f"spec.rollout.paused is not true{remedy}")
