"""One pass: the rules in order, until none changes anything."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from serinus.api.isolation import Part, isolated
from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Decision, Guarding, Status
from serinus.manifests.children import Wanted
from serinus.manifests.routers import router_for
from serinus.plan import guarding
from serinus.plan.after_promotion import goes_on_until
from serinus.plan.pod_budget import out_of_time, with_restarts_counted
from serinus.plan.progress import (
    ROUTE_PATIENCE,
    pods_needed,
    pods_ready,
    step_times_out,
    weight_given,
)
from serinus.plan.readiness import with_lost_readiness_counted
from serinus.plan.retiring import stays_for
from serinus.plan.situation import Desired, Situation, World
from serinus.plan.stages import RULES
from serinus.plan.stepping import step_ends
from serinus.plan.summary import report
from serinus.plan.traffic import asked


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of one pass."""

    status: Status
    wanted: Wanted | None
    """Desired pods and traffic; None: change nothing."""
    new_decisions: tuple[Decision, ...]
    """Decisions of this pass, oldest first."""
    wake_in: float | None
    """Seconds until the next pass is due without an event."""

    @property
    def withholds(self) -> bool:
        """Whether the candidate gets less than the weight of the status, so that no route is
        awaited that has that weight: its pods are missing, for example."""
        return self.wanted is not None and self.wanted.traffic != asked(self.status)


def decide(desired: Desired, status: Status, world: World, now: float) -> Plan:
    """(desired state, earlier decisions, observed state, now) -> what to do next."""
    s = _observed(_with_a_clock_set_back(Situation(desired, status, world, now)))
    for _ in range(4 * (len(desired.steps) + 4)):
        changed = first_change(s)
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


def first_change(s: Situation) -> Situation | None:
    """The result of the first rule of its stage that changes anything."""
    rules = RULES[s.status.candidate.stage if s.status.candidate else None]
    chosen = rules.with_an_invalid_spec if s.desired.problems else rules.usual
    return next((changed for rule in chosen if (changed := rule(s)) is not None), None)


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
    stable, candidate, traffic = s.status.stable, s.status.candidate, asked(s.status)
    if traffic is None:
        return None
    live = {
        old.revision: s.world.workloads[old.revision].replicas
        for old in s.status.retiring
        if old.revision in s.world.workloads
    }
    if router_for(s.desired.spec).shares_one_service:
        # a deleted workload leaves its pods to the garbage collector, and nothing shows
        # when they are gone
        leaving = [name for name, each in s.world.workloads.items() if not each.empty]
        live = dict.fromkeys(leaving, 0) | live
    if stable:
        live[stable.revision] = guarding.stable_pods(s)
    if candidate:
        live[candidate.revision] = pods_needed(s)
    if stable and candidate:
        traffic = traffic.at(weight_given(s))
    return Wanted(live, traffic)


def _wake_in(s: Situation) -> float | None:
    rollout = s.desired.spec.rollout
    moments = [
        old.since + ROUTE_PATIENCE if old.idle_since is None else old.idle_since + stays_for(s, old)
        for old in s.status.retiring
    ]
    if s.status.candidate is None and s.world.route_awaited_since is not None:
        moments.append(s.world.route_awaited_since + ROUTE_PATIENCE)
    if s.status.candidate is not None and s.candidate.guarding:
        begun, guard = guarding.taking_back(s), s.candidate.guarding
        ends = guard.until, goes_on_until(s, guard)
        moments += [guarding.gives_up_waiting(s, begun)] if begun else ends
    elif s.status.candidate is not None:
        moments += [step_times_out(s), step_ends(s.desired.steps, s.candidate)]
        moments.append(out_of_time(s.candidate, seconds(rollout.progress_deadline)))
        if pods_ready(s) < pods_needed(s):
            moments.append(s.candidate.progress_since + seconds(rollout.progress_deadline))
        if s.candidate.hold and s.candidate.hold.reason == Reason.AWAITING_ROUTE:
            moments.append(s.candidate.hold.since + ROUTE_PATIENCE)
    coming = [moment - s.now for moment in moments if s.now < moment < float("inf")]
    return min(coming, default=None)
