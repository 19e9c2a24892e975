"""A candidate whose metrics cannot be judged, while stable's can: its traffic is withdrawn.

Otherwise whatever is wrong with it could stay unseen for as long as it exports such metrics. Where
stable's cannot be judged either, or Prometheus does not answer, the rollout is held and it keeps
its traffic: that is no fault of the candidate.
"""

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.plan.silence import withdraw_unrejected
from serinus.plan.situation import Situation
from serinus.plan.wording import messages_of


def withdraw_from_a_candidate_whose_metrics_cannot_be_judged(s: Situation) -> Situation | None:
    """It has as much time to export others as one that is silent has to answer."""
    candidate, analysis = s.candidate, s.desired.spec.rollout.analysis
    if s.stable_is_down:
        return None
    after = seconds(analysis.on_silence.after)
    unusable = [
        check
        for check in candidate.deciding
        if (own := check.own_metrics) is not None and own.until - own.since >= after
    ]
    if not unusable:
        return None
    told = messages_of(unusable, "Check").removesuffix(".")
    why = f"For {spoken(after)}, the candidate's metrics could not be judged, and stable's could"
    return withdraw_unrejected(s, Reason.CANDIDATE_METRICS_UNUSABLE, f"{why}. {told}")
