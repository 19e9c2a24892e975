"""One reconcile: observe -> judge -> decide -> persist -> actuate -> announce.

Every step can be repeated. The status write is the commit: it comes before any child is written,
and fails if the object has changed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import inf
from typing import Any

from serinus.api.initializer import Initializer
from serinus.api.isolation import Faults, Part, isolated
from serinus.api.reasons import About, Reason
from serinus.api.stages import AWAITS_PROMOTION, Stage
from serinus.api.status import Candidate, Decision, Status
from serinus.api.task_kinds import TaskKind
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.actuation import WriteOutcome, actuate, put_labels_back
from serinus.controller.allowed_tasks import (
    SeenAllowed,
    look_at_allowed,
    looks_again,
    remove,
)
from serinus.controller.approval_policy import approval_policy
from serinus.controller.capabilities import unable
from serinus.controller.events import announce
from serinus.controller.evicting import evict_all
from serinus.controller.following import AnyRegistries, follow, refused, resolved
from serinus.controller.internal_errors import standing
from serinus.controller.judging import Judging
from serinus.controller.last_resort import withdraw
from serinus.controller.measuring import judge_measured, measure, measure_nothing
from serinus.controller.object_state import ObjectState
from serinus.controller.observed import Observed, read_spec
from serinus.controller.persisting import persist
from serinus.controller.pod_looks import look_at_pods
from serinus.controller.queue import Key, TryAgainError
from serinus.controller.sampling import Sampler
from serinus.controller.scope import Scope
from serinus.controller.task_policy import task_policy
from serinus.controller.tasks import look_at_tasks
from serinus.controller.unwritten import lasting, withdraw_without_status
from serinus.manifests.children import children, lacking
from serinus.manifests.owner import Manifest
from serinus.manifests.revision import Revision
from serinus.manifests.routers import router_for
from serinus.notifications import Notifier
from serinus.plan.decide import Plan, decide
from serinus.plan.history import revisions_kept
from serinus.plan.observe import read_desired, read_history, read_world
from serinus.plan.problems import Problem, Severity
from serinus.plan.situation import World
from serinus.plan.steps import gate_at
from serinus.plan.unable import needs_ahead
from serinus.plan.withdrawal import Mark, withdrawn

EVENTS_WITHIN = 1.0
"""Seconds after which there is a pass over pods that were changed, if no event of what their
controllers do has caused one by then."""
SETTLES_WITHIN = 10.0
"""Seconds after which missing pods and routes are checked without an event."""
BLOCKED_LOOK_AGAIN = 15.0
AMISS_LOOK_AGAIN = 60.0
"""Seconds after which there is a pass while anything is amiss, an approval is awaited, the router
cannot make a step, or a notice is not delivered: that may end, or be another, without an event of
the object or its children, such as by the route of another object, or because time has gone by."""


class Wrote(StrEnum):
    """What a pass wrote."""

    STATUS = "status"
    """The status, and perhaps children."""
    CHILDREN = "children"
    """Children alone."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of a pass."""

    wait: float | None = None
    """Seconds until the next one is due without an event."""
    wrote: Wrote = Wrote.NOTHING


class Reconciler:
    """Processes one ModelDeployment; the queue calls it with a key at a time."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        sampler: Sampler,
        clock: Callable[[], float],
        scope: Scope,
        notifier: Notifier,
        judging: Judging,
        initializer: Initializer | None,
        registries: AnyRegistries,
        task_kinds: tuple[TaskKind, ...],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._sampler = sampler
        self._clock = clock
        self._scope = scope
        self._notifier = notifier
        self._states: dict[Key, ObjectState] = {}
        self._judging = judging
        self._initializer = initializer
        self._read = partial(Observed.read, store, initializer)
        self._registries = registries
        self._task_kinds = task_kinds

    async def __call__(self, key: Key, faults: Faults) -> Passed:
        """One pass. `faults` has what our own code raises in parts of it."""
        live = self._store.get("ModelDeployment", *key)
        gone = live is None or live["metadata"].get("deletionTimestamp")
        if live is None or gone or not self._scope.includes(live):
            self._forget(key)
            return Passed()
        now, state = self._clock(), self._state(key, live)
        status = self._recalled(live, state)
        followed = follow(self._registries, self._store, key, live, status, now)
        status = status.replace(model=followed and followed.known)
        stands = resolved(live, followed)
        read = None if stands is None else read_spec(stands, state)
        if stands is None or read is None or read.spec is None:
            tell = partial(refused, status, live, followed, read.problems if read else (), now)
            return await self._refuse(key, live, state, status, tell, now)

        desired = read_desired(stands, read.spec, followed, read.problems, read.ignored)
        observed = self._read(key, stands, desired, state, status, now)
        seen = await look_at_allowed(self._cluster, observed.owner, status, self._task_kinds, now)
        world = await self._observe(observed, status, seen)

        mark = Mark.read(observed.owner, observed.objects, now)
        world = replace(world, marked=mark is not None and mark.names(status.candidate))
        status = await judge_measured(self._sampler, self._judging, observed, status, world, faults)
        errors = standing(state.internal_errors, faults, now)
        world = replace(world, internal_errors=tuple(errors.values()))
        if why := withdrawn(read.spec, status, mark, now):
            lost = Problem(Reason.WEIGHT_LOWERED, Severity.WAIT, About.WITHDRAWAL, why)
            world = world.with_problems(lost, split_in_effect=False)

        world, plan = await self._plan(observed, status, world)
        if plan.new_decisions or plan.withholds:
            # the wait starts when the split that the status has is written
            state.route_awaited_since = None
        made = plan.new_decisions
        try:
            unsaved, wrote = await self._commit(
                key, live, state, status, plan.status, made, observed.revisions, now
            )
        except ApiError as error:
            measure(self._sampler, observed, status)
            if not (error.conflict or error.absent):
                at = self._clock()
                await withdraw_without_status(self._cluster, observed, status, world, plan, at)
            raise

        state.export(plan.status, status.candidate, made)
        outcome, news = await self._actuate(observed, plan, mark if why else None)
        news |= await evict_all(self._cluster, key.namespace, plan.evict, state.evictions, now)
        news |= await remove(self._cluster, observed.owner, plan.status, seen, now)
        await announce(self._cluster, live, made, outcome.repaired)
        measure(self._sampler, observed, plan.status)

        # a decision is reported with the state at the next pass, which writes its other children
        wait: float | None = 0.0
        if not (made or outcome.rerouted or news):
            spent = max(self._clock() - now, 0.0)
            wait = _next_pass(plan, outcome, spent, unsaved, *self._looks(observed, world, plan))
        return _passed(wait, wrote, outcome)

    async def _refuse(
        self,
        key: Key,
        live: Manifest,
        state: ObjectState,
        before: Status,
        tell: Callable[[bool], Status],
        now: float,
    ) -> Passed:
        """Say why there is no spec to act on; what nobody judges meanwhile gets no traffic.

        `tell`: the status, by whether it has lost that.
        """
        measure_nothing(self._sampler, key, state)
        withdrawn, failed = False, None
        why = "the operator cannot act on the spec, and so judges no candidate"
        try:
            withdrawn = await withdraw(self._cluster, self._store, key, live, before, why, now)
        except ApiError as error:
            failed = error
        told = tell(withdrawn)
        unsaved, wrote = await self._commit(key, live, state, before, told, (), {}, now)
        state.export(told, None, ())
        if failed is not None:
            raise failed
        return Passed(unsaved, wrote)

    def _looks(self, observed: Observed, world: World, plan: Plan) -> Iterator[float | None]:
        """Seconds from the start of the pass until something must be looked at of which neither a
        rule nor an event tells."""
        looks = observed.state.pod_looks
        yield looks.due - observed.now if looks else None
        yield observed.state.evictions.due(plan.evict, observed.now)
        yield self._sampler.late_in(observed.key)
        yield looks_again(plan.status)
        amiss = world.problems or world.internal_errors or plan.status.notices
        if amiss or world.unable or world.approval_policy is not None:
            yield AMISS_LOOK_AGAIN

    async def _plan(self, observed: Observed, status: Status, world: World) -> tuple[World, Plan]:
        """What to do; whether approvals count is looked up only if one is awaited."""
        plan = decide(observed.desired, status, world, observed.now)
        rollout, digest = observed.desired.spec.rollout, observed.desired.digest
        if gate_at(rollout, plan.status.candidate, digest) is None:
            return world, plan
        live, state = observed.live, observed.state
        policy = await approval_policy(self._cluster, live, state, observed.now)
        world = replace(world, approval_policy=policy)
        return world, decide(observed.desired, status, world, observed.now)

    def forget_everything(self) -> None:
        """Another replica leads now; its writes count."""
        for key in list(self._states):
            self._forget(key)
        self._notifier.forget_everything()

    def unwritten(self) -> str | None:
        """Message about a status that could not be written for a while; None if there is none."""
        now = time.monotonic()
        for key, state in self._states.items():
            since = state.unwritten
            if since is not None and lasting(since, now):
                seconds = f"{now - since.at:.0f} s"
                return f"the status of {key} could not be written for {seconds}: {since.why}"
        return None

    def states(self) -> Mapping[Key, ObjectState]:
        """What is known of each ModelDeployment that this operator acts on."""
        return self._states

    async def _commit(
        self,
        key: Key,
        live: Manifest,
        state: ObjectState,
        before: Status,
        after: Status,
        decisions: tuple[Decision, ...],
        revisions: Mapping[str, Revision],
        now: float,
    ) -> tuple[float | None, Wrote]:
        """Write the status together with what is to be told of the pass; the endpoints are told
        only what has been written. Returns the seconds until the rest must be written, and what
        was written."""
        noted, dropped = isolated(
            Part.NOTIFICATIONS,
            lambda: self._notifier.noted(live, before, after, decisions, revisions, now),
            lambda _: (after, Counter[str]()),
        )
        written, unsaved = await persist(self._cluster, self._store, key, live, state, noted, now)
        isolated(
            Part.NOTIFICATIONS,
            lambda: self._notifier.committed(written, dropped),
            lambda _: None,
        )
        return unsaved, Wrote.NOTHING if written is live else Wrote.STATUS

    # what is known of an object

    def _recalled(self, live: Manifest, state: ObjectState) -> Status:
        """The status with the evidence since, and without notices that have been sent."""
        status = state.recall(live)
        return isolated(
            Part.NOTIFICATIONS,
            lambda: self._notifier.settled(state.uid, status),
            lambda _: status,
        )

    def _state(self, key: Key, live: Manifest) -> ObjectState:
        """The state of this object; the state of another with its name is dropped."""
        state = self._states.get(key)
        if state is None or state.uid != live["metadata"]["uid"]:
            self._forget(key)
            state = self._states[key] = ObjectState.begin(live)
        return state

    def _forget(self, key: Key) -> None:
        if (state := self._states.pop(key, None)) is not None:
            self._notifier.forget(state.uid)
        self._registries.forget(*key)
        self._sampler.forget(key)

    # observe

    async def _observe(self, observed: Observed, status: Status, seen: SeenAllowed) -> World:
        owner, desired, objects = observed.owner, observed.desired, observed.objects
        state, now = observed.state, observed.now
        facts: dict[str, Any] = {"unread": state.unread}
        task = status.candidate.task if status.candidate else None
        awaited = task.name if task and not (task.succeeded or task.unfinished) else ""
        retraining = status.retraining.running if status.retraining else None
        trains = retraining.job if retraining and not retraining.kind else ""
        names = filter(None, (awaited, trains))
        tasks = await look_at_tasks(self._cluster, owner, objects, names)
        facts |= seen.facts({"ended_tasks": tasks.ended, "idle_tasks": tasks.idle})
        facts["task_kinds"] = self._task_kinds
        facts["task_policy"] = await task_policy(
            self._cluster, observed.live, desired.spec, self._task_kinds, state, now
        )
        state.pod_looks, facts["pods_seen"] = await look_at_pods(
            self._cluster, owner, status, objects, state.pod_looks, now
        )
        if state.pod_looks is not None:
            facts["nodes"] = state.pod_looks.nodes
            facts["mixed"] = state.pod_looks.mixed
            facts["listed"] = state.pod_looks.pods
        replaced = status.candidate.replaced if status.candidate else ()
        state.evictions.set_back(now)
        facts["evicted"] = state.evictions.gone(replaced, state.pod_looks)
        facts["refused_eviction"] = state.evictions.refusal
        looks = state.pod_looks
        if looks is not None and not looks.short:
            facts["endpoints"] = self._endpoints(observed, status)
        facts["unable"] = await unable(
            self._cluster, self._store, owner, desired.spec, needs_ahead(desired, status)
        )
        unserved, outranked = observed.unserved, observed.outranked
        world = read_world(
            owner, desired, status, objects, observed.revisions, unserved, outranked, **facts
        )
        if looks is not None and looks.short and looks.problem:
            waits, about = Reason.AWAITING_PODS, About.CANDIDATE
            world = world.with_problems(Problem(waits, Severity.WAIT, about, looks.problem))
        for name, about in ((awaited, About.TASK), (trains, About.RETRAINING)):
            if why := tasks.trouble(name):
                awaits = Problem(Reason.AWAITING_JOB, Severity.WAIT, about, why)
                world = world.with_problems(awaits)
        world = world.with_problems(*seen.problems())
        world = state.outcome.applied_to(world)
        since = now if state.route_awaited_since is None else min(state.route_awaited_since, now)
        state.route_awaited_since = None if world.split_in_effect else since
        return replace(world, route_awaited_since=state.route_awaited_since)

    def _endpoints(self, observed: Observed, status: Status) -> int | None:
        """The pods of the candidate's own Service, before traffic is sent to it."""
        owner, candidate = observed.owner, status.candidate
        if candidate is None or candidate.stage is Stage.FIRST:
            return None
        shares = router_for(observed.desired.spec).shares_one_service
        if shares or not _is_settling(candidate):
            return None
        service = owner.child(candidate.revision)
        return self._store.ready_endpoints(owner.namespace, owner.name, service)

    # actuate

    async def _actuate(
        self, observed: Observed, plan: Plan, mark: Mark | None
    ) -> tuple[WriteOutcome, bool]:
        """Make the children match; a mark stays until the candidate may get its traffic back.
        Returns also whether a status would report something else now.

        A pass that decides writes only the split, so that it is soon done: others wait that may
        take traffic from a candidate. Its pods follow in the next pass, which is not urgent.
        """
        if plan.wanted is None:
            return WriteOutcome(), False
        owner, spec, state = observed.owner, observed.desired.spec, observed.state
        found = observed.anew(plan.status)
        history, running = read_history(found.objects, plan.status), plan.wanted.replicas
        limit = spec.revision_history_limit
        keep = revisions_kept(found.revisions, history, running, plan.status, limit)
        desired = children(owner, spec, keep, plan.wanted, found.objects, self._initializer)
        if mark is not None and plan.status.candidate is not None:
            routes, splits = mark.on(desired.routes), mark.on(desired.splits)
            desired = replace(desired, routes=routes, splits=splits)
        lacks = partial(lacking, owner, spec, plan.wanted.traffic, desired.lost)
        before = state.outcome
        split_alone = bool(plan.new_decisions) and before.complete
        after = await actuate(
            self._cluster,
            observed.family,
            owner,
            desired,
            lacks,
            state.pace,
            split_alone=split_alone,
        )
        if not split_alone:
            await put_labels_back(self._cluster, owner, keep.values())
        # an exception refers to all that the pass had unpacked
        state.outcome = replace(after, error=None)
        other = (
            set(after.refusals) != set(before.refusals)
            or bool(after.taken) != bool(before.taken)
            or after.overridden != before.overridden
        )
        return after, other


def _passed(wait: float | None, wrote: Wrote, outcome: WriteOutcome) -> Passed:
    """Raises TryAgainError if not all children could be written."""
    if outcome.error is not None:
        raise TryAgainError(wait or 0.0, str(outcome.error)) from outcome.error
    children = wrote is Wrote.NOTHING and outcome.changed
    return Passed(wait, Wrote.CHILDREN if children else wrote)


def _next_pass(
    plan: Plan, outcome: WriteOutcome, spent: float, *waits: float | None
) -> float | None:
    """Seconds until the next pass is due. The plan's wait and these are from the start of this
    pass, which took `spent` seconds; all others are from its end."""
    due = [max(wait - spent, 0.0) for wait in (plan.wake_in, *waits) if wait is not None]
    if outcome.retry_in is not None:
        due.append(outcome.retry_in)
    if outcome.changed:
        due.append(EVENTS_WITHIN)
    if outcome.refusals:
        due.append(BLOCKED_LOOK_AGAIN)
    candidate = plan.status.candidate
    if candidate is not None and _is_settling(candidate):
        due.append(SETTLES_WITHIN)
    soonest = min(due, default=inf)
    return None if soonest == inf else soonest


def _is_settling(candidate: Candidate) -> bool:
    """Whether pods or a weight are waited for."""
    return candidate.effective_since is None or candidate.stage in AWAITS_PROMOTION
