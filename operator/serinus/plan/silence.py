"""A candidate that hangs: its traffic is withdrawn, and its step waits for a command.

Nothing is known about it, so it is neither rolled back nor rejected.
"""

from dataclasses import replace

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.status import Withdrawn
from serinus.plan.policy import policy_digest
from serinus.plan.progress import counts_of
from serinus.plan.situation import Situation
from serinus.plan.steps import resume_step
from serinus.plan.timeline import weight_ended


def withdraw_from_a_silent_candidate(s: Situation) -> Situation | None:
    """If requests hang, stable serves clients better."""
    candidate = s.candidate
    silent = "" if candidate.withdrawn or candidate.commanded else too_long_silent(s)
    if not silent:
        return None
    return withdraw(s, Reason.CANDIDATE_SILENT, silent)


def withdraw(s: Situation, reason: Reason, why: str) -> Situation:
    """Its step waits, and its pods stay. `why` begins the message, without a full stop."""
    candidate, weight = s.candidate, s.candidate.weight
    message = f"{why}. Its traffic is withdrawn, and it is not rejected: to resume, "
    message += "set the annotation serinus.dev/command to "
    message += f"advance/{candidate.revision}, or change spec.rollout or the template."
    s = s.to(timeline=weight_ended(s.status.timeline, s.now))
    s = replace(s, world=replace(s.world, split_in_effect=False))
    withdrawn = Withdrawn(
        since=s.now, weight=weight.wanted, policy=policy_digest(s.desired.spec.rollout)
    )
    s = s.to_candidate(
        withdrawn=withdrawn,
        weight=weight.replace(wanted=0),
        effective_since=None,
        silence=None,
        promoting=False,
    )
    s = s.hold(reason, message)
    return s.because(reason, candidate.revision, message)


def too_long_silent(s: Situation) -> str:
    """What the candidate did not answer, and why that may be, as the beginning of a message;
    empty: it is not silent, or not for long enough."""
    candidate, silence = s.candidate, s.candidate.silence
    after = seconds(s.desired.spec.rollout.analysis.on_silence.after)
    if candidate.mode != "Steps" or silence is None or silence.since is None:
        return ""
    if silence.until - silence.since < after:
        return ""
    return (
        f"{counts_of(silence, candidate.weight.wanted)} in at least {spoken(after)}. Its requests "
        "hang or do not reach it, or its metrics are not exported, not scraped, or not those of "
        "the checks"
    )


def resume_once_the_policy_is_another(s: Situation) -> Situation | None:
    """A user who changes checks or steps knows why it was withdrawn."""
    withdrawn = s.candidate.withdrawn
    if withdrawn is None or withdrawn.policy == policy_digest(s.desired.spec.rollout):
        return None
    return resume_step(s, "spec.rollout has changed.")
