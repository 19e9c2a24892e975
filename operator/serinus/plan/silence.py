"""A candidate that hangs, or cannot be judged: its traffic is withdrawn, and its step waits for a
command.

Nothing is known about it, so it is neither rolled back nor rejected.
"""

from typing import Final

from serinus.api.capabilities import Capability
from serinus.api.isolation import Part
from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.plan.analysis import analysis_of
from serinus.plan.policy import is_of
from serinus.plan.progress import counts_in_silence
from serinus.plan.situation import InternalError, Situation
from serinus.plan.stepping import but_for_open_connections, resume_step, withdraw
from serinus.plan.unable import SEE_ITS_CLASS, unfit_to_resume

UNJUDGED_FOR: Final = 120.0
"""Seconds for which our own code may raise where a candidate is judged, while it has traffic."""
RAISED_OFTEN: Final = 2
"""Exceptions in that time, so that the first look after a while is not taken for them."""


def withdraw_from_a_silent_candidate(s: Situation) -> Situation | None:
    """If requests hang, stable serves clients better."""
    silent = too_long_silent(s)
    return withdraw_unrejected(s, Reason.CANDIDATE_SILENT, silent) if silent else None


def withdraw_from_what_cannot_be_judged(s: Situation) -> Situation | None:
    """If our own code raises where the candidate is judged, nobody would notice that it is bad."""
    candidate = s.candidate
    if s.stable_is_down:
        return None
    begun = candidate.step_since or candidate.since
    lasting = [
        each
        for each in s.world.internal_errors
        if _has_traffic_meanwhile(s, each) and _is_lasting(each, begun, s.now)
    ]
    if not lasting:
        return None
    told = " ".join(each.message for each in lasting)
    return withdraw_unrejected(
        s, Reason.INTERNAL_ERROR, f"The candidate cannot be judged. {told}".rstrip(".")
    )


def _has_traffic_meanwhile(s: Situation, error: InternalError) -> bool:
    """Whether the candidate has traffic that nobody judges. If passes fail now and then, those that
    do have withdrawn it, and those that do not would give it back each time."""
    if error.part is Part.PASS:
        begun = s.world.percent or s.world.withdrawn or s.candidate.analysis_since
        return bool(begun) and error.again
    return bool(s.world.percent and analysis_of(s.desired.spec, s.candidate).deciding)


def _is_lasting(error: InternalError, begun: float, now: float) -> bool:
    """Whether it has kept the step, which began at `begun`, from being judged, and still does."""
    if not error.part.judges or error.times < RAISED_OFTEN or now - error.until >= UNJUDGED_FOR:
        return False
    return error.until - max(error.since, begun) >= UNJUDGED_FOR


def withdraw_unrejected(s: Situation, reason: Reason, why: str) -> Situation:
    """Its step waits, and its pods stay. `why` begins the message, without a full stop."""
    message = (
        f"{why}. Its traffic is withdrawn{but_for_open_connections(s)}, and it is not rejected: to "
        f"resume, set the annotation serinus.dev/command to advance/{s.candidate.revision}, or "
        "change spec.rollout or the template."
    )
    return withdraw(s, reason, message)


def too_long_silent(s: Situation) -> str:
    """What the candidate did not answer, and why that may be, as the beginning of a message;
    empty: it is not silent, or not for long enough."""
    silence = s.candidate.silence
    after = seconds(s.desired.spec.rollout.analysis.on_silence.after)
    if silence is None or silence.since is None:
        return ""
    if silence.until - silence.since < after:
        return ""
    return (
        f"{counts_in_silence(s, silence)} in at least {spoken(after)}. Its requests "
        f"hang or do not reach it{_not_copied(s)}{_kept_open(s)}, or its metrics are not exported, "
        "not scraped, or not those of the checks"
    )


def _not_copied(s: Situation) -> str:
    """Why they may not reach it where it is to get copies."""
    if not s.candidate.weight.mirrored:
        return ""
    return f" (they are copies: a gateway that cannot mirror sends none; {SEE_ITS_CLASS})"


def _kept_open(s: Situation) -> str:
    """Why they may not reach it where the Service chooses a pod for each connection."""
    if Capability.EACH_REQUEST in s.desired.spec.traffic.capabilities:
        return ""
    return (
        " (without a gateway only new connections do: clients that keep theirs open stay with the "
        "pods that they have; let them reconnect, or use spec.traffic.gateway)"
    )


def resume_once_the_policy_is_another(s: Situation) -> Situation | None:
    """A user who changes checks or steps knows why it was withdrawn; one who pauses the rollout
    wants no more traffic for it."""
    withdrawn, rollout = s.candidate.withdrawn, s.desired.spec.rollout
    if withdrawn is None or rollout.paused or is_of(withdrawn.policy, rollout):
        return None
    return None if unfit_to_resume(s) else resume_step(s, "spec.rollout has changed.")
