"""One pass: the rules in order, until none changes anything."""

from dataclasses import dataclass
from functools import partial
from math import inf

from serinus.api.base import begun_by
from serinus.api.isolation import Part, isolated
from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Decision, Status
from serinus.manifests.children import Wanted
from serinus.manifests.routers import router_for
from serinus.plan import guarding
from serinus.plan.history import named_in
from serinus.plan.pod_budget import with_restarts_counted
from serinus.plan.progress import pods_needed, pods_ready, weight_given
from serinus.plan.readiness import with_lost_readiness_counted
from serinus.plan.replacing import pods_added, pods_to_evict
from serinus.plan.retraining import retraining_tasks
from serinus.plan.situation import Desired, SeenPod, Situation, World
from serinus.plan.stages import RULES
from serinus.plan.stepping import tasks_of
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
    evict: tuple[str, ...]
    """Names of pods to evict, if they are still there."""
    wake_in: float | None
    """Seconds until the next pass is due without an event."""

    @property
    def withholds(self) -> bool:
        """Whether the candidate gets less than the weight of the status, so that no route is
        awaited that has that weight: its pods are missing, for example."""
        return self.wanted is not None and self.wanted.traffic != asked(self.status)


def decide(desired: Desired, status: Status, world: World, now: float) -> Plan:
    """(desired state, earlier decisions, observed state, now) -> what to do next."""
    # counts keep the time of Prometheus
    s = _observed(Situation(desired, begun_by(now, status), world, now))
    seen = frozenset(s.awaited)
    for _ in range(4 * (len(desired.spec.rollout.steps) + 4)):
        changed = first_change(s)
        if changed is None:
            break
        s = changed
        s.awaited.intersection_update(seen)  # all rules are asked again
    else:
        raise RuntimeError("the rules do not converge")
    s = _with_contents_remembered(s)
    s = isolated(Part.REPORT, partial(report, _unread_noted(s)), lambda _: s)
    evict, wanted = pods_to_evict(s), _wanted(s)
    soonest = min(s.awaited, default=inf)
    wake_in = None if soonest == inf else soonest - now
    return Plan(s.status, wanted, s.new_decisions, evict, wake_in)


def _with_contents_remembered(s: Situation) -> Situation:
    """A name leads to what it named, as long as the status has the name: a former revision of which
    nothing is stored any more is forgotten rather than named by its hash alone."""
    if s.world.contents is None:
        return s
    known = {**s.world.contents, **s.status.contents}
    s = s.to(former=[name for name in s.status.former if name in known])
    if s.desired.content:
        known.setdefault(s.desired.revision, s.desired.content)
    return s.to(contents={name: known[name] for name in sorted(named_in(s.status) & known.keys())})


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
    if not s.stable_is_down and _serves_steadily(s, stable.revision):
        return None
    begins = s.stable_is_down and s.world.weight and s.world.ready(candidate.revision)
    return s.now if candidate.alone_since is None and begins else candidate.alone_since


def _serves_steadily(s: Situation, revision: str) -> bool:
    """Whether a pod of it has been ready for the progress deadline, and so is in no crash loop: all
    of them may never be ready again, as where an autoscaler or a node takes one now and then."""
    long = seconds(s.desired.spec.rollout.progress_deadline)
    ready = [pod.turned for pod in s.world.listed.values() if _is_ready(pod, revision)]
    since = min((turned for turned in ready if turned is not None), default=inf)
    return since < inf and s.reached(since + long)


def _is_ready(pod: SeenPod, revision: str) -> bool:
    return pod.revision == revision and pod.ready and not pod.leaving


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
        live[stable.revision] = guarding.stable_pods(s) + pods_added(s, of_stable=True)
    if candidate:
        live[candidate.revision] = pods_needed(s) + pods_added(s, of_stable=False)
    if stable and candidate:
        traffic = traffic.at(weight_given(s))
        # nobody is to try what is not ready
        traffic = traffic if pods_ready(s) else traffic.without_preview()
    tasks = tasks_of(s.steps, candidate) if candidate else ()
    return Wanted(live, traffic, (*tasks, *retraining_tasks(s)))
