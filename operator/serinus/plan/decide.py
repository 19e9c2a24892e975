"""One pass: the rules in order, until none changes anything."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from serinus.api.isolation import Part, isolated
from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Decision, Guarding, Retiring, Status
from serinus.manifests.children import Wanted
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import Split
from serinus.plan import guarding
from serinus.plan.after_promotion import (
    end_the_guard_when_its_time_is_over,
    goes_on_until,
    keep_to_the_guard_of_the_spec,
    take_back_what_is_shown_worse,
)
from serinus.plan.analysis import forget_what_other_checks_found
from serinus.plan.commands import obey_a_command, refuse_a_command
from serinus.plan.images import (
    note_in_a_guard_that_images_differ,
    start_again_once_images_are_alike,
)
from serinus.plan.monitoring import forget_the_monitoring_of_something_else
from serinus.plan.own_metrics import withdraw_from_a_candidate_whose_metrics_cannot_be_judged
from serinus.plan.pod_budget import (
    count_unready_time,
    give_each_missing_pod_its_deadline,
    out_of_time,
    roll_back_when_its_containers_restart_too_often,
    roll_back_when_unready_for_too_long_in_sum,
    with_restarts_counted,
)
from serinus.plan.progress import (
    ROUTE_PATIENCE,
    give_up_at_the_progress_deadline,
    go_on_or_say_why_not,
    measure_from_the_first_weight_that_the_route_gives,
    note_what_audited_checks_would_do,
    notice_whether_anything_can_be_judged,
    notice_whether_pods_are_missing,
    pods_needed,
    pods_ready,
    promote_when_all_pods_are_ready,
    roll_back_when_a_check_fails,
    run_the_clock_while_the_weight_is_in_effect,
    step_times_out,
    weight_given,
)
from serinus.plan.readiness import (
    roll_back_when_its_pods_lose_readiness_too_often,
    with_lost_readiness_counted,
)
from serinus.plan.silence import (
    resume_once_the_policy_is_another,
    withdraw_from_a_silent_candidate,
    withdraw_from_what_cannot_be_judged,
)
from serinus.plan.situation import Desired, Situation, World
from serinus.plan.spec_changes import (
    end_the_guard_of_what_the_spec_no_longer_has,
    follow_the_spec,
    forget_a_rejection_once_the_spec_moves_on,
    keep_a_first_revision_that_serves,
    take_up_what_serves,
)
from serinus.plan.steps import keep_to_the_steps_of_the_spec, pause_ends
from serinus.plan.summary import report

Rule = Callable[[Situation], Situation | None]

LEAVES_A_SERVICE_WITHIN: Final = 5.0
"""Seconds within which new connections no longer reach pods that a Service does not select."""


def _drop_the_candidate_of_an_invalid_spec(s: Situation) -> Situation | None:
    """With an invalid policy, nothing is judged. The only revision that serves is dropped once
    stable can serve."""
    if s.status.candidate is None or s.candidate.mode == "First" or s.serves_alone:
        return None
    asked_for = s.candidate.mode == "Steps" and s.candidate.revision == s.desired.revision
    incompatibility = [s.desired.incompatibility] if s.desired.incompatibility and asked_for else []
    problems = [*s.desired.problems, *incompatibility]
    if not problems:
        return None
    if s.candidate.guarding:
        return _end_the_guard_of_an_invalid_spec(s, " ".join(problems))
    message = f"The spec became invalid during the rollout. {' '.join(problems)}"
    return s.drop().because(Reason.INVALID_SPEC, s.candidate.revision, message)


def _end_the_guard_of_an_invalid_spec(s: Situation, problems: str) -> Situation | None:
    """A promoted revision is not dropped because of it, unless it is shown to be worse."""
    if guarding.taking_back(s):
        return guarding.finish_taking_back(s)
    if not guarding.may_end(s):
        return None
    return guarding.end(s, f"the spec became invalid. {problems}")


def _let_retired_revisions_go(s: Situation) -> Situation | None:
    """Their pods stay until no route leads to them, and for the delay after that."""
    seen = [_noticed_idle(s, old) for old in s.status.retiring]
    kept = [
        old for old in seen if old.idle_since is None or s.now < old.idle_since + _stays_for(s, old)
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


ALWAYS: tuple[Rule, ...] = (
    _drop_the_candidate_of_an_invalid_spec,
    _let_retired_revisions_go,
    forget_the_monitoring_of_something_else,
)
WITH_A_VALID_SPEC: tuple[Rule, ...] = (
    take_up_what_serves,
    forget_a_rejection_once_the_spec_moves_on,
    obey_a_command,
    keep_a_first_revision_that_serves,
    end_the_guard_of_what_the_spec_no_longer_has,
    follow_the_spec,
)
WITH_AN_INVALID_SPEC: tuple[Rule, ...] = (refuse_a_command,)
WITH_A_CANDIDATE: tuple[Rule, ...] = (
    forget_what_other_checks_found,
    start_again_once_images_are_alike,
    note_what_audited_checks_would_do,
    roll_back_when_a_check_fails,
    roll_back_when_its_containers_restart_too_often,
    notice_whether_pods_are_missing,
    give_each_missing_pod_its_deadline,
    give_up_at_the_progress_deadline,
    count_unready_time,
    roll_back_when_unready_for_too_long_in_sum,
    roll_back_when_its_pods_lose_readiness_too_often,
    withdraw_from_a_silent_candidate,
    withdraw_from_a_candidate_whose_metrics_cannot_be_judged,
    withdraw_from_what_cannot_be_judged,
    resume_once_the_policy_is_another,
    keep_to_the_steps_of_the_spec,
    notice_whether_anything_can_be_judged,
    measure_from_the_first_weight_that_the_route_gives,
    run_the_clock_while_the_weight_is_in_effect,
    promote_when_all_pods_are_ready,
    go_on_or_say_why_not,
)


WITH_A_GUARDED_CANDIDATE: tuple[Rule, ...] = (
    guarding.finish_taking_back,
    keep_to_the_guard_of_the_spec,
    forget_what_other_checks_found,
    start_again_once_images_are_alike,
    note_in_a_guard_that_images_differ,
    note_what_audited_checks_would_do,
    notice_whether_pods_are_missing,
    give_each_missing_pod_its_deadline,
    take_back_what_is_shown_worse,
    end_the_guard_when_its_time_is_over,
    notice_whether_anything_can_be_judged,
    measure_from_the_first_weight_that_the_route_gives,
    run_the_clock_while_the_weight_is_in_effect,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of one pass."""

    status: Status
    wanted: Wanted | None
    """Desired pods and split; None: change nothing."""
    new_decisions: tuple[Decision, ...]
    """Decisions of this pass, oldest first."""
    wake_in: float | None
    """Seconds until the next pass is due without an event."""

    @property
    def withholds(self) -> bool:
        """Whether the candidate gets less than the weight of the status, so that no route is
        awaited that has that weight: its pods are missing, for example."""
        candidate = self.status.candidate
        if candidate is None or self.wanted is None or self.status.stable is None:
            return False
        return self.wanted.split.weight != int(candidate.weight.wanted)


def decide(desired: Desired, status: Status, world: World, now: float) -> Plan:
    """(desired state, earlier decisions, observed state, now) -> what to do next."""
    s = _observed(_with_a_clock_set_back(Situation(desired, status, world, now)))
    for _ in range(4 * (len(desired.steps) + 4)):
        changed = _first_change(s)
        if changed is None:
            break
        s = changed
    else:
        raise RuntimeError("the rules do not converge")
    s = isolated(Part.REPORT, partial(report, _unread_noted(s)), lambda _: s)
    return Plan(s.status, _wanted(s), s.new_decisions, _wake_in(s))


def _unread_noted(s: Situation) -> Situation:
    if not s.world.unread:
        return s
    message = (
        f"Removed from the status, because this version cannot read it: {' '.join(s.world.unread)}"
    )
    stable = s.status.stable.revision if s.status.stable else ""
    return s.because(
        Reason.STATUS_UNREADABLE, stable, f"{message} Everything that depends on it starts again."
    )


def _first_change(s: Situation) -> Situation | None:
    for rule in (*ALWAYS, *(WITH_AN_INVALID_SPEC if s.desired.problems else WITH_A_VALID_SPEC)):
        if (changed := rule(s)) is not None:
            return changed
    if s.status.candidate is None or (s.desired.problems and s.candidate.mode != "First"):
        return None
    rules = WITH_A_GUARDED_CANDIDATE if s.candidate.guarding else WITH_A_CANDIDATE
    return next((c for rule in rules if (c := rule(s)) is not None), None)


def _with_a_clock_set_back(s: Situation) -> Situation:
    """No wait begins later than now: otherwise it would last longer by the time that the clock was
    set back. Counts keep the time of Prometheus."""
    retiring = [
        old.replace(
            since=min(old.since, s.now),
            idle_since=None if old.idle_since is None else min(old.idle_since, s.now),
        )
        for old in s.status.retiring
    ]
    if retiring != s.status.retiring:
        s = s.to(retiring=retiring)
    candidate = s.status.candidate
    if candidate is None:
        return s
    begun = {name: value for name, value in candidate if name.endswith("since") and value}
    changes: dict[str, Any] = {name: s.now for name, value in begun.items() if value > s.now}
    changes.pop("analysis_since", None)
    for name in ("hold", "unready", "weight"):
        part = getattr(candidate, name)
        if part is not None and part.since is not None and part.since > s.now:
            changes[name] = part.replace(since=s.now)
    if candidate.guarding is not None:
        changes["guarding"] = _begun_by(candidate.guarding, s.now)
    if (lost := candidate.lost_readiness) is not None and lost.counted_at > s.now:
        changes["lost_readiness"] = lost.replace(counted_at=s.now)
    return s.to_candidate(**changes) if changes else s


def _begun_by(begun: Guarding, now: float) -> Guarding:
    back = begun.taking_back and begun.taking_back.replace(since=min(begun.taking_back.since, now))
    hindered = begun.hindered_since and min(begun.hindered_since, now)
    return begun.replace(since=min(begun.since, now), hindered_since=hindered, taking_back=back)


def _observed(s: Situation) -> Situation:
    """Observations first: they are shown, and decide nothing by themselves."""
    s = s.to(selector=s.desired.selector)
    if (stable := s.status.stable) is not None:
        ready = s.world.ready(stable.revision)
        workload = s.world.workloads.get(s.promoted or stable.revision)
        s = s.to(
            stable=stable.replace(ready_replicas=ready),
            replicas=workload.replicas if workload else 0,
        )
    if (candidate := s.status.candidate) is not None:
        weight, actual = candidate.weight, round(s.world.weight, 1)
        if weight.actual != actual or weight.since is None:
            weight = weight.replace(actual=actual, since=s.now)
        s = s.to_candidate(
            weight=weight,
            ready_replicas=s.world.ready(candidate.revision),
            alone_since=_alone_since(s, candidate),
        )
    return with_lost_readiness_counted(with_restarts_counted(s))


def _alone_since(s: Situation, candidate: Candidate) -> float | None:
    stable = s.status.stable
    if stable is None or s.world.ready(stable.revision) >= guarding.stable_pods(s):
        return None
    begins = s.stable_is_down and s.world.weight and s.world.ready(candidate.revision)
    return s.now if candidate.alone_since is None and begins else candidate.alone_since


def _wanted(s: Situation) -> Wanted | None:
    stable, candidate = s.status.stable, s.status.candidate
    live = {
        old.revision: s.world.workloads[old.revision].replicas
        for old in s.status.retiring
        if old.revision in s.world.workloads
    }
    if router_for(s.desired.spec).shares_one_service:
        # a deleted Deployment leaves its pods to the garbage collector, and nothing shows
        # when they are gone
        leaving = [name for name, each in s.world.workloads.items() if not each.empty]
        live = dict.fromkeys(leaving, 0) | live
    if stable:
        live[stable.revision] = guarding.stable_pods(s)
    if candidate is None:
        return Wanted(live, Split(stable.revision, None, 0)) if stable else None
    live[candidate.revision] = pods_needed(s)
    if stable is None:
        return Wanted(live, Split(None, candidate.revision, 100))
    return Wanted(live, Split(stable.revision, candidate.revision, weight_given(s)))


def _wake_in(s: Situation) -> float | None:
    rollout = s.desired.spec.rollout
    moments = [
        old.since + ROUTE_PATIENCE
        if old.idle_since is None
        else old.idle_since + _stays_for(s, old)
        for old in s.status.retiring
    ]
    if s.status.candidate is None and s.world.route_awaited_since is not None:
        moments.append(s.world.route_awaited_since + ROUTE_PATIENCE)
    if s.status.candidate is not None and s.candidate.guarding:
        begun, guard = guarding.taking_back(s), s.candidate.guarding
        ends = guard.until, goes_on_until(s, guard)
        moments += [guarding.gives_up_waiting(s, begun)] if begun else ends
    elif s.status.candidate is not None:
        moments += [step_times_out(s), pause_ends(s) or float("inf")]
        moments.append(out_of_time(s.candidate, seconds(rollout.progress_deadline)))
        if pods_ready(s) < pods_needed(s):
            moments.append(s.candidate.progress_since + seconds(rollout.progress_deadline))
        if s.candidate.hold and s.candidate.hold.reason == Reason.AWAITING_ROUTE:
            moments.append(s.candidate.hold.since + ROUTE_PATIENCE)
    coming = [moment - s.now for moment in moments if s.now < moment < float("inf")]
    return min(coming, default=None)
