"""A candidate whose features are not those of stable: after a while its traffic is withdrawn.

Either the two revisions are asked differently, or the candidate computes a feature differently, as
when it misses one. Nothing that they answer can be compared meanwhile, so clients are not left with
a candidate that nobody judges.
"""

from serinus.api.capabilities import Capability
from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.status import Inputs
from serinus.plan.progress import arms_differ
from serinus.plan.silence import withdraw_unrejected
from serinus.plan.situation import Situation


def withdraw_from_a_candidate_that_stays_unlike(s: Situation) -> Situation | None:
    """After it the comparison begins anew: the same may be shown again, once it has traffic."""
    unlike, inputs = arms_differ(s.candidate), s.candidate.inputs
    after = seconds(s.desired.spec.rollout.analysis.on_unlike.after)
    if s.stable_is_down or unlike is None or unlike.since is None:
        return None
    # from look to look: an outage of Prometheus shows nothing
    if inputs is None or (inputs.looked_at or 0.0) - unlike.since < after:
        return None
    why = (
        f"For {spoken(after)}, the revisions received different inputs, or the candidate computes "
        f"a feature differently. {_the_likelier(s, unlike.feature)} {unlike.message}"
    )
    withdrawn = withdraw_unrejected(s, Reason.ARMS_STILL_DIFFER, why.removesuffix("."))
    return withdrawn.to_candidate(inputs=Inputs())


def _the_likelier(s: Situation, feature: str) -> str:
    """Which of the two it probably is, and how to tell."""
    if s.desired.spec.traffic.keeps_sessions:
        likelier = "With sessionPersistence, clients stay with one revision"
    elif Capability.EACH_REQUEST in s.desired.spec.traffic.capabilities:
        likelier = "A gateway chooses for each request, whoever sends it, so the latter is likelier"
    else:
        likelier = "Without a gateway, clients that keep connections open stay with one revision"
    return (
        f"{likelier}: send the same requests to the Services of both, and compare what they export "
        f"of {feature}."
    )
