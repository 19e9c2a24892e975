"""A guard after promotion: how it begins, and the two ways in which it ends.

The promoted revision stays the candidate, and the previous one stays stable, so that the rest of a
rollout serves as it is: both run, traffic is split, and a rollback takes all of it back.
"""

from dataclasses import replace

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.spec import GuardAfterPromotion, Spec
from serinus.api.stages import Stage
from serinus.api.status import Guarding, TakingBack, UnreadyTime
from serinus.manifests.routers import router_for
from serinus.plan.audit import with_audit
from serinus.plan.situation import Situation
from serinus.plan.traffic import NOTHING, preview_of


def weight_in(guard: GuardAfterPromotion) -> int:
    """Percentage of the traffic for the promoted revision."""
    return 100 - guard.percent


def share_held_back(spec: Spec) -> float:
    """Percentage of the traffic that the previous revision gets once all pods are ready; 0 without
    a guard."""
    guard, router = spec.rollout.guard, router_for(spec)
    if guard is None or not router.shares_one_service:
        return guard.percent if guard else 0.0
    pods = router.held_back_replicas(spec.replicas, guard.percent)
    return 100 * pods / (pods + spec.replicas)


def begin(s: Situation, evidence: str) -> Situation | None:
    """The candidate is promoted, and guarded; None: no guard is wanted, or nothing can hold the
    traffic that stays behind. All evidence starts again."""
    guard, candidate, stable = s.desired.spec.rollout.guard, s.candidate, s.status.stable
    if guard is None or stable is None or s.stable_is_down or not s.desired.spec.replicas:
        return None
    duration, revision = guard.seconds, candidate.revision
    held_back = share_held_back(s.desired.spec)
    message = (
        f"Revision {revision} is promoted, and guarded for {spoken(duration)}: "
        f"{held_back:.0f}% of the traffic stays with revision {stable.revision}. {evidence}"
    )
    # the split in effect is that of the last step
    s = replace(s, world=replace(s.world, split_in_effect=False))
    timeline = s.status.timeline
    s = s.to(timeline=timeline and timeline.replace(guarded_since=s.now))
    begun = s.to_candidate(
        stage=Stage.GUARDED,
        guarding=Guarding(since=s.now, until=s.now + duration),
        step=len(s.steps),
        weight=candidate.weight.replace(wanted=weight_in(guard), mirrored=None),
        **preview_of(NOTHING),
        effective_since=None,
        entries=0,
        unmeasured=0.0,
        unreadable_since=None,
        checks=[],
        images_differed=False,
        silence=None,
        restarts=candidate.restarts
        and candidate.restarts.replace(
            candidate=0, evictions=0, expected=0.0, unforgiven=0.0, candidate_seconds=0.0
        ),
        lost_readiness=None,
        unready=UnreadyTime(),
        hold=None,
    )
    return begun.because(Reason.PROMOTED, revision, with_audit(message.strip(), candidate))


def may_end(s: Situation) -> bool:
    """Whether the promoted revision can serve without the previous one. While that takes the
    traffic back, only if it cannot serve itself."""
    if s.promoted is None or (taking_back(s) and not s.stable_is_down):
        return False
    return s.world.ready(s.promoted) > 0 or not s.desired.spec.replicas


def end(s: Situation, why: str) -> Situation:
    """The guarded revision becomes stable, and the previous one retires."""
    return s.promote(
        f"The guard of revision {s.candidate.revision} ends: {why}", Reason.GUARD_ENDED
    )


def take_back(s: Situation, reason: Reason, message: str) -> Situation:
    """The previous revision gets all traffic: at once if it has the pods for it, as behind a
    gateway, otherwise once it has."""
    guarding, few = s.candidate.guarding, router_for(s.desired.spec).shares_one_service
    if guarding is None or _is_whole(s) or not (few or _only_the_promoted_serves(s)):
        return s.reject(reason, message)
    begun = TakingBack(since=s.now, reason=reason, message=message[:1024])
    return s.to_candidate(stage=Stage.TAKING_BACK, guarding=guarding.replace(taking_back=begun))


def finish_taking_back(s: Situation) -> Situation | None:
    """The progress deadline limits how long the last of its pods are waited for."""
    begun = taking_back(s)
    if begun is None:
        return None
    late = not _only_the_promoted_serves(s) and s.reached(gives_up_waiting(s, begun))
    return s.reject(Reason(begun.reason), begun.message) if late or _is_whole(s) else None


def reverts(s: Situation) -> bool:
    """Whether the previous revision is about to take the traffic back because the spec has it."""
    begun = taking_back(s)
    return begun is not None and begun.reason == Reason.REVERTED


def go_on(s: Situation) -> Situation:
    """The traffic is not taken back after all."""
    guarding = s.candidate.guarding
    return s.to_candidate(
        stage=Stage.GUARDED, guarding=guarding and guarding.replace(taking_back=None)
    )


def gives_up_waiting(s: Situation, begun: TakingBack) -> float:
    """When the traffic is taken back if any of its pods is ready, Unix seconds."""
    return begun.since + seconds(s.desired.spec.rollout.progress_deadline)


def taking_back(s: Situation) -> TakingBack | None:
    """Set while the previous revision waits for its pods to take the traffic back."""
    candidate = s.status.candidate
    guarding = candidate.guarding if candidate else None
    return guarding.taking_back if guarding else None


def stable_pods(s: Situation) -> int:
    """Pods that stable needs: in a guard without a gateway only as many as hold its traffic."""
    replicas, candidate = s.desired.spec.replicas, s.status.candidate
    if candidate is None or candidate.guarding is None or candidate.guarding.taking_back:
        return replicas
    held_back = 100 - int(candidate.weight.wanted)
    return router_for(s.desired.spec).held_back_replicas(replicas, held_back)


def _only_the_promoted_serves(s: Situation) -> bool:
    return s.stable_is_down and s.world.ready(s.candidate.revision) > 0


def _is_whole(s: Situation) -> bool:
    stable = s.status.stable
    return stable is None or s.world.ready(stable.revision) >= s.desired.spec.replicas
