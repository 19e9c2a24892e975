"""One reconcile: observe -> judge -> decide -> persist -> actuate -> announce.

Every step may be repeated. The status write is the commit: it comes before any child is touched,
and holds only if nobody wrote the object meanwhile.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.api.validation import problems as spec_problems
from serinus.api.validation import readable
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.actuation import Outcome, actuate
from serinus.controller.events import announce
from serinus.controller.object_state import Memory, ObjectState
from serinus.controller.observed import Observed
from serinus.controller.pod_looks import look_at_pods
from serinus.controller.queue import Key, TryAgainError
from serinus.controller.sampling import Sampler
from serinus.controller.scope import Scope
from serinus.controller.status_writes import write_within
from serinus.controller.unwritten import lasting, note_unwritten, withdraw_without_status
from serinus.manifests.children import children, lacking
from serinus.manifests.owner import Manifest
from serinus.metrics.queries import History, Measurement
from serinus.metrics.requests import Request
from serinus.plan.analysis import judged, learned, requested, told
from serinus.plan.decide import Plan, decide
from serinus.plan.history import kept
from serinus.plan.monitoring import to_watch, watched
from serinus.plan.observe import read_history, read_wish, read_world
from serinus.plan.situation import World
from serinus.plan.story import refuse
from serinus.plan.withdrawal import Mark, withdrawn

SETTLES_WITHIN = 10.0
"""Seconds after which pods and route that are awaited are looked at though no event came."""
BLOCKED_LOOK_AGAIN = 15.0


class Reconciler:
    """Brings one ModelDeployment a step further; the queue calls it with a key at a time."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        sampler: Sampler,
        watcher: Sampler,
        clock: Callable[[], float],
        scope: Scope,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._sampler = sampler
        self._watcher = watcher
        self._clock = clock
        self._scope = scope
        self._states: dict[Key, ObjectState] = {}

    async def __call__(self, key: Key) -> float | None:
        """One pass; returns the seconds until time alone makes another one due."""
        live = self._store.get("ModelDeployment", *key)
        gone = live is None or live["metadata"].get("deletionTimestamp")
        if live is None or gone or not self._scope.includes(live):
            self._forget(key)
            return None
        now, state = self._clock(), self._state(key, live)
        status = state.recall(live)
        spec, problems, ignored = _read_spec(live)
        if spec is None:
            refused = refuse(status, live["metadata"]["generation"], problems[0], now)
            self._measure_nothing(key, state)
            await self._persist(key, live, state, refused, now)
            return None

        wish = read_wish(live, spec, problems, ignored)
        observed = Observed.read(self._store, key, live, wish, state, now)
        world = await self._observe(observed, status)

        status = await self._judge(observed, status, world)
        mark = Mark.read(observed.owner, observed.objects)
        if why := withdrawn(spec, status, mark, now):
            world = replace(world, withdrawn=why, split_in_effect=False, route_message=why)

        plan = decide(observed.wish, status, world, now)
        if plan.news:
            # another split may be asked for now, and is awaited from when it is written
            state.route_awaited_since = None
        try:
            unsaved = await self._persist(key, live, state, plan.status, now)
        except ApiError as error:
            self._measure(observed, status)
            if not (error.conflict or error.absent):
                await withdraw_without_status(
                    self._cluster, self._store, observed, world, plan, self._clock()
                )
            raise

        outcome = await self._actuate(observed, plan, mark if why else None)
        await announce(self._cluster, live, plan.news)
        self._measure(observed, plan.status)

        # what was just decided is told of as it stands at the next pass
        wait: float | None = 0.0
        if not outcome.changed and not plan.news:
            pods = state.pod_looks.due - now if state.pod_looks else None
            blocked = bool(outcome.refusals)
            wait = _next_pass(plan, unsaved, outcome.retry_in, pods, blocked=blocked)
        if outcome.error is not None:
            raise TryAgainError(wait or 0.0, str(outcome.error)) from outcome.error
        return wait

    def forget_everything(self) -> None:
        """Another replica leads now; what it writes is what counts."""
        for key in list(self._states):
            self._forget(key)

    def unwritten(self) -> str | None:
        """Whose status cannot be written for a while; None if there is none."""
        now = time.monotonic()
        for key, state in self._states.items():
            since = state.unwritten
            if since is not None and lasting(since, now):
                return (
                    f"the status of {key} cannot be written for {now - since.at:.0f} s: {since.why}"
                )
        return None

    def last_looks(self) -> Mapping[Key, float]:
        """When each rollout with a running analysis was last measured well, in Unix seconds."""
        looks = {key: state.last_look for key, state in self._states.items()}
        return {key: at for key, at in looks.items() if at is not None}

    # what is known of an object

    def _state(self, key: Key, live: Manifest) -> ObjectState:
        """What is known of this very object; nothing of a namesake before it counts."""
        state = self._states.get(key)
        if state is None or state.uid != live["metadata"]["uid"]:
            self._forget(key)
            state = self._states[key] = ObjectState.begin(live)
        return state

    def _forget(self, key: Key) -> None:
        self._states.pop(key, None)
        self._sampler.want(key, None)
        self._watcher.want(key, None)

    def _measure(self, observed: Observed, status: Status) -> None:
        """From now on measure what this status asks for."""
        key, owner, state = observed.key, observed.owner, observed.state
        spec, candidate = observed.wish.spec, status.candidate
        reading = requested(owner, spec, status)
        self._sampler.want(key, reading)
        self._watcher.want(key, to_watch(owner, spec, status, state.drift, observed.now))
        state.last_look = None
        if isinstance(reading, Request) and candidate is not None:
            began = candidate.analysis_since or candidate.since
            state.last_look = candidate.measured_at or began

    def _measure_nothing(self, key: Key, state: ObjectState) -> None:
        self._sampler.want(key, None)
        self._watcher.want(key, None)
        state.drift = state.last_look = None

    # 1 observe

    async def _observe(self, observed: Observed, status: Status) -> World:
        owner, wish, objects = observed.owner, observed.wish, observed.objects
        state, now = observed.state, observed.now
        facts: dict[str, Any] = {"unread": state.memory.unread}
        state.pod_looks, facts["pods_seen"] = await look_at_pods(
            self._cluster, owner, status, objects, state.pod_looks, now
        )
        if state.pod_looks is not None and state.pod_looks.short:
            facts["pods_problem"] = state.pod_looks.problem
        elif state.pod_looks is not None:
            facts["endpoints"] = self._endpoints(observed, status)
        world = read_world(
            owner, wish, status, objects, observed.revisions, observed.unserved, **facts
        )
        world = state.outcome.told_of(world)
        since = now if state.route_awaited_since is None else min(state.route_awaited_since, now)
        state.route_awaited_since = None if world.split_in_effect else since
        return replace(world, route_awaited_since=state.route_awaited_since)

    def _endpoints(self, observed: Observed, status: Status) -> int | None:
        """Who is behind the candidate's Service, where a Gateway is about to send traffic to it."""
        owner, candidate = observed.owner, status.candidate
        if candidate is None or candidate.mode == "First":
            return None
        settling = candidate.effective_since is None or candidate.promoting
        if observed.wish.spec.traffic.gateway is None or not settling:
            return None
        service = owner.child(candidate.revision)
        return self._store.ready_endpoints(owner.namespace, owner.name, service)

    # 2 judge

    async def _judge(self, observed: Observed, status: Status, world: World) -> Status:
        """The status with what was measured since; that is taken once, and must outlive a status
        that is not written."""
        key, spec, state = observed.key, observed.wish.spec, observed.state
        taken = self._sampler.take(key)
        if isinstance(taken, History):
            # an hour of samples takes some tenths of a second, and others wait for this loop
            status = learned(spec, status, await asyncio.to_thread(told, spec, taken))
        elif taken is not None:
            status = judged(spec, status, taken, world)
        of_stable = self._watcher.take(key)
        if isinstance(of_stable, Measurement):
            status, watch = watched(spec, status, state.drift, of_stable)
            state.drift = watch or state.drift
        state.memory = replace(state.memory, current=status)
        return status

    # 4 persist

    async def _persist(
        self, key: Key, live: Manifest, state: ObjectState, status: Status, now: float
    ) -> float | None:
        """Write the status if that is due; else the seconds until it is, None if nothing is new."""
        memory, wanted, written = state.memory, status.to_json(), state.memory.written
        news = wanted != written
        due = min(memory.due, now + write_within(written, wanted)) if news else inf
        # after a failure nothing is done before it is known that the status can be written again
        if state.unwritten is None and due > now:
            state.memory = replace(memory, current=status, due=due)
            return due - now if due < inf else None
        try:
            answer = await self._cluster.update_status(live, wanted)
        except ApiError as error:
            if not (error.conflict or error.absent):
                await note_unwritten(self._cluster, key, live, state, error)
            raise
        state.unwritten = None
        self._store.put(answer)
        state.memory = Memory.of(answer, status)
        return None

    # 5 actuate

    async def _actuate(self, observed: Observed, plan: Plan, mark: Mark | None) -> Outcome:
        """Make the children match; a mark stays until the candidate may have its traffic back."""
        if plan.wanted is None:
            return Outcome()
        owner, spec, state = observed.owner, observed.wish.spec, observed.state
        found = observed.anew(self._store, plan.status)
        history, running = read_history(found.objects), plan.wanted.replicas
        limit = spec.revision_history_limit
        keep = kept(found.revisions, history, running, plan.status, limit)
        desired = children(owner, spec, keep, plan.wanted)
        if mark is not None and plan.status.candidate is not None:
            desired = replace(desired, ways=mark.on(desired.ways))
        lacks = partial(lacking, owner, spec, plan.wanted.split, desired.lost)
        before = state.outcome
        after = await actuate(self._cluster, self._store, owner, desired, lacks, state.pace)
        state.outcome = after
        other = (
            set(after.refusals) != set(before.refusals)
            or bool(after.taken) != bool(before.taken)
            or after.overridden != before.overridden
        )
        return replace(after, changed=after.changed or other)


def _read_spec(live: Manifest) -> tuple[Spec | None, tuple[str, ...], tuple[str, ...]]:
    """The typed spec, what is wrong with it, and which fields are not known, as where a newer
    version's definition fills in defaults; None where it cannot even be read."""
    metadata = live["metadata"]
    known, unknown = readable(Spec, live["spec"], "spec", unknown_only=True)
    ignored = tuple(f"{problem.field} is not known to this version." for problem in unknown)
    found = spec_problems(metadata["namespace"], metadata["name"], known)
    sentences = tuple(str(problem) for problem in found)
    try:
        return Spec.model_validate(known), sentences, ignored
    except ValueError:
        # pydantic's error; the sentences tell the same, field by field
        return None, sentences, ignored


def _next_pass(plan: Plan, *waits: float | None, blocked: bool) -> float | None:
    """Seconds until time alone makes a pass due, of the plan or of these."""
    due = [wait for wait in (plan.wake_in, *waits) if wait is not None]
    if blocked:
        due.append(BLOCKED_LOOK_AGAIN)
    candidate = plan.status.candidate
    if candidate is not None and (candidate.effective_since is None or candidate.promoting):
        due.append(SETTLES_WITHIN)
    return min(due, default=None)
