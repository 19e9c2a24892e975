"""Revisions that have lost their traffic, and when their pods go."""

from typing import Final

from serinus.api.quantities import seconds
from serinus.api.status import Retiring
from serinus.manifests.routers import router_for
from serinus.plan.situation import Situation

LEAVES_A_SERVICE_WITHIN: Final = 5.0
"""Seconds within which new connections no longer reach pods that a Service does not select."""


def let_retired_revisions_go(s: Situation) -> Situation | None:
    """Their pods stay until no route leads to them, and for the delay after that."""
    seen = [_noticed_idle(s, old) for old in s.status.retiring]
    kept = [
        old
        for old in seen
        if old.idle_since is None or not s.reached(old.idle_since + _stays_for(s, old))
    ]
    return s.to(retiring=kept) if kept != s.status.retiring else None


def _stays_for(s: Situation, old: Retiring) -> float:
    """Seconds that idle pods stay. If they share a Service with the candidate, a rollout needs them
    gone at once. If stable has no ready pod, they may be the only ones that could serve, and may
    use the resources that stable's pods need. What is rejected must serve nobody, and where a
    Service chose its pods, the connections that are open to them end with them alone."""
    rollout, status = s.desired.spec.rollout, s.status
    few = router_for(s.desired.spec).shares_one_service
    if status.candidate is not None and few:
        return 0.0
    delay = seconds(rollout.scale_down_delay)
    if s.stable_is_down:
        return max(delay, seconds(rollout.progress_deadline))
    rejected = status.rejected is not None and status.rejected.revision == old.revision
    return min(delay, LEAVES_A_SERVICE_WITHIN) if rejected and few else delay


def _noticed_idle(s: Situation, old: Retiring) -> Retiring:
    if s.world.leads_to is None:
        return old
    if old.revision in s.world.leads_to:
        return old.replace(idle_since=None)
    return old if old.idle_since is not None else old.replace(idle_since=s.now)
