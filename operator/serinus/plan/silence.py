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
    candidate, silence = s.candidate, s.candidate.silence
    if candidate.mode != "Steps" or candidate.withdrawn or candidate.commanded or silence is None:
        return None
    after = seconds(s.desired.spec.rollout.analysis.on_silence.after)
    if silence.since is None or silence.until - silence.since < after:
        return None
    weight = candidate.weight
    message = f"{counts_of(silence, weight.wanted)} in at least {spoken(after)}. Its requests hang "
    message += "or do not reach it, or its metrics are not exported, not scraped, or not those "
    message += "of the checks. Its traffic is withdrawn, and it is not rejected: to resume, "
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
    s = s.hold(Reason.CANDIDATE_SILENT, message)
    return s.because(Reason.CANDIDATE_SILENT, candidate.revision, message)


def resume_once_the_policy_is_another(s: Situation) -> Situation | None:
    """A user who changes checks or steps knows why it was withdrawn."""
    withdrawn = s.candidate.withdrawn
    if withdrawn is None or withdrawn.policy == policy_digest(s.desired.spec.rollout):
        return None
    return resume_step(s, "spec.rollout has changed.")
