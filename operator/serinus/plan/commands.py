"""The command in the annotation, executed once."""

from typing import Final

from serinus.api.reasons import Reason
from serinus.api.stages import AWAITS_PROMOTION, Stage
from serinus.api.status import ObeyedCommand, Rejected
from serinus.plan import guarding
from serinus.plan.situation import Situation
from serinus.plan.stepping import (
    current_step,
    gate,
    gates_ahead,
    resume_step,
    skip_step,
    unfit_next,
)
from serinus.plan.steps import kind_of
from serinus.plan.steps.kind import Gate
from serinus.plan.timeline import commanded
from serinus.plan.unable import unfit_to_resume

COMMAND_KEPT: Final = 256
"""Characters of a command that are recorded in the status."""


def obey_a_command(s: Situation) -> Situation | None:
    """`verb/revision`, executed once; a third part makes the same command new:
    `retry/a1b2c3d4/2`."""
    command = _new_command(s)
    if not command:
        return None
    verb, revision = _verb_and_revision(command)
    obey = COMMANDS.get(verb)
    if obey is None or not revision:
        message = f"serinus.dev/command is {command!r}; use {' or '.join(COMMANDS)}, "
        return _echo(s, Reason.COMMAND_REFUSED, revision, message + "followed by / and a revision")
    outcome = obey(s, revision)
    if isinstance(outcome, str):
        return _echo(s, Reason.COMMAND_REFUSED, revision, f"{command}: {outcome}")
    return _echo(outcome, Reason.COMMAND_OBEYED, revision, f"{command}: done")


def refuse_a_command(s: Situation) -> Situation | None:
    """With an invalid spec no command is obeyed. Each is answered at once, so that none waits until
    the spec is corrected, and is obeyed when nobody expects it any more."""
    command = _new_command(s)
    if not command:
        return None
    _, revision = _verb_and_revision(command)
    outcome = f"{command}: the spec is invalid, correct it first. {' '.join(s.desired.problems)}"
    return _echo(s, Reason.COMMAND_REFUSED, revision, outcome)


def _new_command(s: Situation) -> str | None:
    """The command in the annotation, unless it was answered."""
    command, answered = s.desired.command, s.status.command
    return None if command and answered and answered.command == command[:COMMAND_KEPT] else command


def _verb_and_revision(command: str) -> tuple[str, str]:
    verb, _, rest = command.partition("/")
    return verb, rest.partition("/")[0]


def _echo(s: Situation, reason: Reason, revision: str, outcome: str) -> Situation:
    command = (s.desired.command or "")[:COMMAND_KEPT]
    echo = ObeyedCommand(command=command, outcome=outcome[:1024], at=s.now)
    noted = s.to(command=echo, timeline=commanded(s.status.timeline, echo))
    return noted.because(reason, revision[:16], outcome)


def _promote(s: Situation, revision: str) -> Situation | str:
    if refusal := _no_candidate(s, revision):
        return refusal
    if s.candidate.stage is Stage.FIRST:
        return "it is the first revision, and becomes stable once it serves"
    if s.promoted:
        if guarding.may_end(s):
            return guarding.end(s, "by command.")
        return _is_taken_back(s) or f"revision {s.promoted} has no ready pod"
    if ahead := gates_ahead(s):
        listed, first = " and ".join(map(str, ahead)), next(iter(ahead.values()))
        remedy = f"{'' if gate(s) else 'advance to it, and '}{first.how_to_pass(s)}"
        return f"it would skip step {listed}, which {first.must}: {remedy}"
    if s.candidate.stage is Stage.RETURNING:
        return s.to_candidate(hold=None)  # an undo is not judged, and waits for pods alone
    return s.to_candidate(stage=Stage.PROMOTING_BY_COMMAND, withdrawn=None, hold=None)


def _advance(s: Situation, revision: str) -> Situation | str:
    if refusal := _no_candidate(s, revision):
        return refusal
    if s.promoted:
        return f"it is promoted and guarded; use promote/{revision} to end the guard"
    stage, paused = s.candidate.stage, s.desired.spec.rollout.paused
    if stage in AWAITS_PROMOTION and not (stage is Stage.PROMOTING and paused):
        waits = f": {s.candidate.hold.message}" if s.candidate.hold else "; waiting for its pods"
        return f"all steps have passed{waits}"
    if stage is Stage.WITHDRAWN:
        return unfit_to_resume(s) or resume_step(s, "Resumed by command.")
    if closed := gate(s):
        return f"step {s.candidate.step + 1} {closed.must}: {closed.how_to_pass(s)}"
    if unfit := unfit_next(s):
        return unfit
    went_on = s if stage is Stage.PROMOTING else skip_step(s)
    if went_on.candidate.stage is Stage.PROMOTING:
        went_on = went_on.to_candidate(stage=Stage.PROMOTING_BY_COMMAND)
    return went_on.to_candidate(hold=None)


def _approve(s: Situation, revision: str) -> Situation | str:
    if refusal := _no_candidate(s, revision):
        return refusal
    closed = gate(s)
    return closed.let_pass(s) if closed else "no approval is awaited now"


def _abort(s: Situation, revision: str) -> Situation | str:
    if refusal := _no_candidate(s, revision):
        return refusal
    if s.candidate.stage is Stage.FIRST:
        return "it is the first revision; there is none to roll back to"
    if refusal := _is_taken_back(s) or _nobody_else_serves(s):
        return refusal
    return guarding.take_back(s, Reason.ABORTED, f"Revision {revision} was aborted by command.")


def _retry(s: Situation, revision: str) -> Situation | str:
    rejected, candidate = s.status.rejected, s.status.candidate
    if candidate is not None and candidate.revision == revision:
        step = current_step(s.steps, candidate) if candidate.stage is Stage.STEPPING else None
        if step is not None and (again := step.again(s)):
            message = f"Step {candidate.step + 1} is started again by command."
            return again.because(Reason.RETRIED, revision, message)
        return f"revision {revision} is still being rolled out"
    if rejected is None or rejected.revision != revision:
        return f"revision {revision} is not rejected"
    return s.to(rejected=None).because(
        Reason.RETRIED, revision, f"Revision {revision} is retried by command."
    )


def _undo(s: Situation, revision: str) -> Situation | str:
    stable = s.status.stable
    if stable is None:
        return "no revision is stable yet"
    if refusal := _is_taken_back(s):
        return refusal
    if s.promoted and revision == stable.revision:
        return _undo_what_is_guarded(s, revision)
    if guarding.may_end(s):
        return _undo(guarding.end(s, "by command."), revision)
    if revision == stable.revision:
        return f"revision {revision} is already stable"
    if revision == s.desired.revision:
        return f"revision {revision} is the one in the spec; use retry or promote instead"
    candidate = s.status.candidate
    if candidate is not None and revision == candidate.revision:
        return f"revision {revision} is already being rolled out; its pods are awaited"
    if revision not in s.world.history:
        if revision not in s.status.contents:
            return f"revision {revision} is not in the history"
        return (
            f"revision {revision} was rolled out, but its ControllerRevision is gone or has "
            "another model or template: put the one that you want into the spec"
        )
    gates = [kind for kind in map(kind_of, s.steps) if isinstance(kind, Gate)]
    if revision not in s.status.former and gates:
        return (
            f"revision {revision} was never stable, and would skip the step that {gates[0].must}: "
            "put it into the spec instead"
        )
    if refusal := _nobody_else_serves(s):
        return refusal
    message = (
        f"Returned to revision {revision} by command; the spec still has {s.desired.revision}."
    )
    refused = Rejected(revision=s.desired.revision, reason=Reason.UNDONE, message=message, at=s.now)
    undone = s
    if candidate is not None:
        replaced = f"Revision {candidate.revision} was replaced by an undo to revision {revision}."
        undone = s.drop().because(Reason.UNDONE, candidate.revision, replaced)
    return undone.to(rejected=refused).start(revision, message, direct=True)


def _undo_what_is_guarded(s: Situation, previous: str) -> Situation | str:
    if refusal := _nobody_else_serves(s):
        return refusal
    message = f"Returned to revision {previous} by command; the spec still has {s.promoted}."
    return guarding.take_back(s, Reason.UNDONE, message)


def _is_taken_back(s: Situation) -> str | None:
    """Why a guard whose end is decided does not end otherwise."""
    if guarding.taking_back(s) is None or s.status.stable is None:
        return None
    return f"revision {s.status.stable.revision} takes the traffic back"


def _no_candidate(s: Situation, revision: str) -> str | None:
    candidate = s.status.candidate
    if candidate is None:
        return "no rollout is in progress"
    if candidate.revision != revision:
        return f"the candidate is {candidate.revision}"
    return None


def _nobody_else_serves(s: Situation) -> str | None:
    """Why the candidate cannot be dropped if it is the only revision that serves."""
    stable, candidate = s.status.stable, s.status.candidate
    if stable is None or candidate is None or not (s.serves_alone and s.stable_is_down):
        return None
    return (
        f"stable revision {stable.revision} has no ready pod, and candidate {candidate.revision} "
        f"has {s.world.ready(candidate.revision)}: nothing would serve; use "
        f"promote/{candidate.revision}, or restore stable's pods first"
    )


COMMANDS = {
    "promote": _promote,
    "advance": _advance,
    "approve": _approve,
    "abort": _abort,
    "retry": _retry,
    "undo": _undo,
}
