"""Approval steps: which one waits, and what an approval is bound to.

Whether the annotation of an approval can be trusted is observed elsewhere, see
`World.approval_policy`.
"""

from serinus.api.reasons import Reason
from serinus.api.spec import Rollout
from serinus.api.stages import WHOLE
from serinus.api.status import Approved, Candidate, ObeyedCommand
from serinus.plan.situation import Situation


def awaits_approval(rollout: Rollout, candidate: Candidate | None, digest: str) -> bool:
    """Whether the candidate is at a step that must be approved, and is not. `digest` is that of the
    spec, see `Desired.digest`."""
    if candidate is None or candidate.stage in WHOLE:
        return False
    if not _is_gate(rollout, candidate.step):
        return False
    given = candidate.approved
    return given is None or (given.step, given.digest) != (candidate.step, digest)


def _is_gate(rollout: Rollout, index: int) -> bool:
    return index < len(rollout.steps) and rollout.steps[index].approval is not None


def at_a_gate(s: Situation) -> bool:
    """Whether the candidate waits to be approved."""
    return awaits_approval(s.desired.spec.rollout, s.candidate, s.desired.digest)


def unapproved_steps(s: Situation) -> list[int]:
    """Numbers, from 1, of the steps that must still be approved."""
    rollout, candidate = s.desired.spec.rollout, s.candidate
    if candidate.stage in WHOLE:
        return []
    first = candidate.step if at_a_gate(s) else candidate.step + 1
    return [index + 1 for index in range(first, len(rollout.steps)) if _is_gate(rollout, index)]


def how_to_approve(s: Situation) -> str:
    """The remedy in messages."""
    return f"use {f'serinus approve {s.desired.name}'.rstrip()}, which needs the RBAC verb approve"


def hold_for_approval(s: Situation) -> Situation:
    """Say who can end the wait, or why nobody can."""
    step, revision = s.candidate.step + 1, s.candidate.revision
    admission = s.world.approval_policy
    if admission is not None and admission.problem:
        return s.hold(Reason.APPROVALS_UNGUARDED, admission.problem)
    message = f"Step {step} waits until revision {revision} is approved: {how_to_approve(s)}."
    return s.hold(Reason.AWAITING_APPROVAL, message)


def approved_digest(given: ObeyedCommand) -> str:
    """What an approval was for; empty: the command is none, or was refused."""
    words = given.command.split("/", 5)
    is_one = words[0] == "approve" and len(words) == 6 and given.outcome.endswith(": done")
    return words[3] if is_one else ""


def approve(s: Situation) -> Situation | str:
    """Obey approve/REVISION/STEP/DIGEST/TIME/USER, or say why it does not count. The API server has
    compared USER with who wrote it."""
    words = (s.desired.command or "").split("/", 5)
    at, admission, digest = s.candidate.step, s.world.approval_policy, s.desired.digest
    if not at_a_gate(s):
        return "no approval is awaited now"
    if len(words) < 6 or words[2] != str(at + 1) or not words[5]:
        expected = f"approve/{s.candidate.revision}/{at + 1}/{digest}/TIME/USER"
        return f"step {at + 1} must be approved, by {expected}, as serinus approve writes it"
    if words[3] != digest:
        return (
            "it is for another spec: spec.model, spec.template or spec.rollout has changed since. "
            "Read it and approve again"
        )
    if admission is None or admission.problem:
        return admission.problem if admission else "it is unknown whether approvals are guarded"
    if admission.older:
        return "it may be older than what guards approvals: approve again"
    user = words[5][:256]
    given = Approved(step=at, by=user, at=s.now, digest=digest)
    message = f"Step {at + 1} is approved by {user}."
    approved = s.to_candidate(approved=given, hold=None)
    return approved.because(Reason.APPROVED, s.candidate.revision, message)
