"""A candidate that hangs: its traffic is withdrawn, and its step waits for a command.

Nothing is known about it, so it is neither rolled back nor rejected.
"""

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.manifests.routers import router_for
from serinus.plan.policy import policy_digest
from serinus.plan.progress import counts_of
from serinus.plan.situation import Situation
from serinus.plan.steps import but_for_open_connections, resume_step, withdraw


def withdraw_from_a_silent_candidate(s: Situation) -> Situation | None:
    """If requests hang, stable serves clients better."""
    candidate = s.candidate
    silent = "" if candidate.withdrawn or candidate.commanded else too_long_silent(s)
    if not silent:
        return None
    message = f"{silent}. Its traffic is withdrawn{but_for_open_connections(s)}, and it is not "
    message += "rejected: to resume, "
    message += "set the annotation serinus.dev/command to "
    message += f"advance/{candidate.revision}, or change spec.rollout or the template."
    return withdraw(s, Reason.CANDIDATE_SILENT, message)


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
        f"hang or do not reach it{_kept_open(s)}, or its metrics are not exported, not scraped, or "
        "not those of the checks"
    )


def _kept_open(s: Situation) -> str:
    """Why they may not reach it where the Service chooses a pod for each connection."""
    if not router_for(s.desired.spec).shares_one_service:
        return ""
    return (
        " (without a gateway only new connections do: clients that keep theirs open stay with the "
        "pods that they have; let them reconnect, or use spec.traffic.gateway)"
    )


def resume_once_the_policy_is_another(s: Situation) -> Situation | None:
    """A user who changes checks or steps knows why it was withdrawn."""
    withdrawn = s.candidate.withdrawn
    if withdrawn is None or withdrawn.policy == policy_digest(s.desired.spec.rollout):
        return None
    return resume_step(s, "spec.rollout has changed.")
