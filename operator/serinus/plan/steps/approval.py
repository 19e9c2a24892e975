"""A step that waits for a person with the right to approve, and what an approval is bound to.

Whether the annotation of an approval can be trusted is observed elsewhere, see
`World.approval_policy`.
"""

from typing import Any, ClassVar

from serinus.api.reasons import Reason
from serinus.api.status import Approved, Candidate, ObeyedCommand
from serinus.api.steps.given import Given
from serinus.plan.situation import Situation
from serinus.plan.steps.kind import Gate, Passed, Running


class ApprovalStep(Gate):
    """Over once it is approved, for this revision and this spec."""

    must = "must be approved"
    unset: ClassVar[dict[str, Any]] = {"approval": False}

    def look(self, s: Situation) -> Running | Passed:
        """Say who can end the wait, or why nobody can."""
        if not self.is_closed(s.candidate, s.desired.digest):
            return Passed()
        admission = s.world.approval_policy
        if admission is not None and admission.problem:
            return Running(Reason.APPROVALS_UNGUARDED, admission.problem)
        step, revision = s.candidate.step + 1, s.candidate.revision
        message = f"Step {step} waits until revision {revision} is approved: {self.how_to_pass(s)}."
        return Running(Reason.AWAITING_APPROVAL, message)

    def is_closed(self, candidate: Candidate, digest: str) -> bool:
        """An approval is for one step and one digest of the spec."""
        given = candidate.approved
        return given is None or (given.step, given.digest) != (candidate.step, digest)

    def how_to_pass(self, s: Situation) -> str:
        """As a command of the CLI."""
        needs = "which needs the RBAC verb approve"
        return f"use {f'serinus approve {s.desired.name}'.rstrip()}, {needs}"

    def let_pass(self, s: Situation) -> Situation | str:
        """Obey approve/REVISION/STEP/DIGEST/TIME/USER, or say why it does not count. The API server
        has compared USER with who wrote it."""
        words = (s.desired.command or "").split("/", 5)
        at, admission, digest = s.candidate.step, s.world.approval_policy, s.desired.digest
        if len(words) < 6 or words[2] != str(at + 1) or not words[5]:
            expected = f"approve/{s.candidate.revision}/{at + 1}/{digest}/TIME/USER"
            return f"step {at + 1} must be approved, by {expected}, as serinus approve writes it"
        if words[3] != digest:
            return (
                "it is for another spec: spec.model, spec.template or spec.rollout has changed "
                "since. Read it and approve again"
            )
        if admission is None or admission.problem:
            return admission.problem if admission else "it is unknown whether approvals are guarded"
        if admission.older:
            return "it may be older than the policy that guards approvals: approve again"
        user = words[5][:256]
        given = Approved(step=at, by=user, at=s.now, digest=digest)
        message = f"Step {at + 1} is approved by {user}."
        # what else it waits for stays: its traffic may be withdrawn
        approved = s.to_candidate(approved=given)
        return approved.because(Reason.APPROVED, s.candidate.revision, message)

    @property
    def person(self) -> Reason:
        """Whoever may approve."""
        return Reason.AWAITING_APPROVAL

    def ended_by(self, s: Situation, nonce: int) -> str:
        """As `serinus approve` writes it, by nobody in particular."""
        candidate = s.candidate
        which = f"{candidate.revision}/{candidate.step + 1}/{s.desired.digest}"
        return f"approve/{which}/{nonce}/simulation"

    def shown(self) -> dict[str, bool]:
        """Whether somebody must approve the candidate to end it."""
        return {"approval": True}

    def text(self, given: Given) -> str:
        """With the weight at which it waits."""
        return f"approval at {given.short}"

    def short(self, given: Given) -> str:
        """Without it."""
        return "approval"


def approved_digest(given: ObeyedCommand) -> str:
    """What an approval was for; empty: the command is none, or was refused."""
    words = given.command.split("/", 5)
    is_one = words[0] == "approve" and len(words) == 6 and given.outcome.endswith(": done")
    return words[3] if is_one else ""
