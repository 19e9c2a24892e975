"""One reconcile: observe -> judge -> decide -> persist -> actuate -> announce.

Every step may be repeated. The status write is the commit: it comes before any child is touched,
and holds only if nobody wrote the object meanwhile.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

from serinus.api.reasons import WARNINGS, Reason
from serinus.api.spec import Spec
from serinus.api.status import Candidate, Decision, Status
from serinus.api.validation import problems as spec_problems
from serinus.api.validation import read_status, readable
from serinus.cluster import ApiError, Cluster, Store
from serinus.cluster.pods import seen, trouble
from serinus.controller.actuation import Outcome, actuate, bring_about
from serinus.controller.pace import Pace
from serinus.controller.pod_looks import PodLooks, awaiting
from serinus.controller.queue import Key, TryAgainError
from serinus.controller.sampling import Sampler
from serinus.controller.scope import Scope
from serinus.judge.drift import Watch
from serinus.judge.questions import History, Measurement
from serinus.manifests.children import children, lacking, router_for
from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest, Objects, Owner, foreign
from serinus.manifests.revision import Revision
from serinus.plan.analysis import Request, judged, learned, requested, told
from serinus.plan.decide import Plan, decide
from serinus.plan.history import kept
from serinus.plan.monitoring import to_watch, watched
from serinus.plan.observe import (
    obstacle,
    read_history,
    read_revisions,
    read_wish,
    read_workloads,
    read_world,
)
from serinus.plan.situation import Obstruction, Wish, World
from serinus.plan.story import refuse
from serinus.plan.withdrawal import Mark, unjudged, withdrawal, withdrawn

log = logging.getLogger(__name__)

SHOW_WITHIN = 5.0
"""Seconds within which what decides nothing is shown: ready pods, the actual weight, what is
waited for. Mostly the decision that it leads to comes first, and one write tells both."""
SAVE_WITHIN = 30.0
"""Seconds within which evidence that changed no decision is written."""
EVIDENCE = (
    "checks",
    "counted",
    "measuredAt",
    "errorsInARow",
    "restarts",
    "silence",
    "unreportedSince",
)
"""Fields of a candidate."""
SETTLES_WITHIN = 10.0
"""Seconds after which pods and route that are awaited are looked at though no event came."""
BLOCKED_LOOK_AGAIN = 15.0
UNWRITTEN_PATIENCE = 30.0
"""Seconds for which the API server may fail to write a status before that is told as trouble."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process knows beyond the status that was written: evidence since then."""

    written: Mapping[str, Any]
    """The status as the API server has it."""
    current: Status
    unread: tuple[str, ...] = ()
    """What could not be read of it, each in a sentence."""
    due: float = inf
    """When the two may differ no longer, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A status that cannot be written."""

    at: float
    """Since when, by the monotonic clock."""
    why: str
    announced: bool = False


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
        self._watches: dict[Key, Watch] = {}
        self._memories: dict[Key, Memory] = {}
        self._outcomes: dict[Key, Outcome] = {}
        self._pod_looks: dict[Key, PodLooks] = {}
        self._paces: dict[Key, Pace] = defaultdict(Pace)
        self._unwritten: dict[Key, Unwritten] = {}
        self._looks: dict[Key, float] = {}

    async def __call__(self, key: Key) -> float | None:
        """One pass; returns the seconds until time alone makes another one due."""
        live = self._store.get("ModelDeployment", *key)
        gone = live is None or live["metadata"].get("deletionTimestamp")
        if live is None or gone or not self._scope.includes(live):
            self._forget(key)
            return None
        now, memory = self._clock(), self._recall(key, live)
        spec, problems, ignored = _read_spec(live)
        if spec is None:
            refused = refuse(memory.current, live["metadata"]["generation"], problems[0], now)
            self._measure_nothing(key)
            await self._persist(key, live, memory, refused, now)
            return None
        wish = read_wish(live, spec, problems, ignored)
        owner = Owner(key.namespace, key.name, live["metadata"]["uid"])
        objects = self._store.children(key.namespace, key.name, owner.uid)
        revisions = read_revisions(wish, live["spec"], memory.current, objects)
        wish = replace(wish, obstacle=obstacle(wish, memory.current, revisions))
        world = await self._observe(key, owner, wish, memory.current, objects, revisions)
        world = replace(world, unread=memory.unread)
        judged = self._watch(key, wish, await self._judge(key, wish, memory.current, world))
        # a measurement is taken once: what it showed must outlive a status that is not written
        memory = self._memories[key] = replace(memory, current=judged)
        mark = Mark.read(owner, objects)
        if why := withdrawn(wish.spec, judged, mark, now):
            world = replace(world, withdrawn=why, split_in_effect=False, route_message=why)
        plan = decide(wish, judged, world, now)
        try:
            unsaved = await self._persist(key, live, memory, plan.status, now)
        except ApiError as error:
            self._measure(key, owner, wish, judged, now)
            if not (error.conflict or error.absent):
                await self._do_without_status(key, owner, live, wish, judged, world, plan)
            raise
        outcome = await self._actuate(key, owner, live, wish, plan, mark if why else None)
        await self._announce(live, plan.news)
        self._measure(key, owner, wish, plan.status, now)
        blocked = world.obstruction is not None or bool(outcome.refusals)
        # what was just decided is told of as it stands at the next pass
        looks = self._pod_looks.get(key)
        wait: float | None = 0.0
        if not outcome.changed and not plan.news:
            due = _earliest(unsaved, outcome.retry_in)
            wait = _next_pass(plan, due, blocked, looks.due - now if looks else None)
        if outcome.error is not None:
            raise TryAgainError(wait or 0.0, str(outcome.error)) from outcome.error
        return wait

    def forget_everything(self) -> None:
        """Another replica leads now; what it writes is what counts."""
        for key in {*self._memories, *self._unwritten}:
            self._forget(key)

    def unwritten(self, patience: float) -> str | None:
        """Whose status cannot be written for longer than so many seconds; None if there is none."""
        now = time.monotonic()
        for key, since in self._unwritten.items():
            if now - since.at > patience:
                return (
                    f"the status of {key} cannot be written for {now - since.at:.0f} s: {since.why}"
                )
        return None

    def last_looks(self) -> Mapping[Key, float]:
        """When each rollout with a running analysis was last measured well, in Unix seconds."""
        return self._looks

    def _forget(self, key: Key) -> None:
        self._memories.pop(key, None)
        self._outcomes.pop(key, None)
        self._pod_looks.pop(key, None)
        self._paces.pop(key, None)
        self._unwritten.pop(key, None)
        self._measure_nothing(key)

    def _measure(self, key: Key, owner: Owner, wish: Wish, status: Status, now: float) -> None:
        """From now on measure what this status asks for."""
        reading = requested(owner, wish.spec, status)
        self._sampler.want(key, reading)
        self._watcher.want(key, to_watch(owner, wish.spec, status, self._watches.get(key), now))
        candidate = status.candidate
        if isinstance(reading, Request) and candidate is not None:
            self._looks[key] = candidate.measured_at or candidate.analysis_since or candidate.since
        else:
            self._looks.pop(key, None)

    def _measure_nothing(self, key: Key) -> None:
        self._sampler.want(key, None)
        self._watcher.want(key, None)
        self._watches.pop(key, None)
        self._looks.pop(key, None)

    def _outcome(self, key: Key) -> Outcome:
        """What the last pass came to."""
        return self._outcomes.get(key, Outcome())

    def _recall(self, key: Key, live: Manifest) -> Memory:
        written = live.get("status") or {}
        memory = self._memories.get(key)
        if memory is None or memory.written != written:
            status, lost = read_status(written)
            memory = Memory(written, status, tuple(f"{problem}." for problem in lost))
        return memory

    # 1 observe

    async def _observe(
        self,
        key: Key,
        owner: Owner,
        wish: Wish,
        status: Status,
        objects: Objects,
        revisions: Mapping[str, Revision],
    ) -> World:
        obstruction = await self._obstruction(key, owner, status, revisions)
        facts: dict[str, Any] = {"obstruction": obstruction}
        candidate = status.candidate
        if candidate is None:
            self._pod_looks.pop(key, None)
        else:
            facts |= await self._look_at_pods(key, owner, wish, status, candidate, objects)
        world = read_world(owner, wish, status, objects, revisions, **facts)
        return self._outcome(key).told_of(world)

    async def _look_at_pods(
        self,
        key: Key,
        owner: Owner,
        wish: Wish,
        status: Status,
        candidate: Candidate,
        objects: Objects,
    ) -> dict[str, Any]:
        """Who is behind the Service, how often containers restarted, and what ails pods that are
        not ready."""
        workloads, facts = read_workloads(objects), dict[str, Any]()
        stable, now = status.stable.revision if status.stable else None, self._clock()
        looks = awaiting(self._pod_looks.get(key), candidate, stable, workloads)
        deployment = objects.get(("Deployment", owner.child(candidate.revision)))
        if looks.due <= now and deployment is not None:
            try:
                pods = await self._cluster.list("Pod", owner.namespace, _selector(owner.pods()))
            except ApiError as error:
                # what is decided without them is decided all the same
                log.warning("%s/%s: pods are not listed: %s", *key, error)
                looks = looks.looked(f"Its pods cannot be listed: {error}", now)
            else:
                facts["pods_seen"] = tuple(map(seen, pods))
                own = [pod for pod in pods if seen(pod).revision == candidate.revision]
                looks = looks.looked(trouble(deployment, own) if looks.short else None, now)
        if deployment is None:
            # there is nothing to look at, and no look to wait for
            self._pod_looks.pop(key, None)
            return facts
        self._pod_looks[key] = looks
        if looks.short:
            return {**facts, "pods_problem": looks.problem}
        settling = candidate.effective_since is None or candidate.promoting
        if wish.spec.traffic.gateway is not None and settling and candidate.mode != "First":
            service = owner.child(candidate.revision)
            endpoints = self._store.ready_endpoints(owner.namespace, owner.name, service)
            facts["endpoints"] = endpoints
        return facts

    async def _obstruction(
        self, key: Key, owner: Owner, status: Status, revisions: Mapping[str, Revision]
    ) -> Obstruction | None:
        if (taken := self._outcome(key).taken) is not None:
            kind, name = taken
            found = await self._cluster.find(kind, owner.namespace, name)
            if found is not None and (sentence := foreign(kind, found, owner)):
                return Obstruction(Reason.NAME_TAKEN, sentence)
        stable = status.stable
        if stable is not None and stable.revision not in revisions:
            name = owner.child(stable.revision)
            told = f"ControllerRevision {name} and Deployment {name} are gone, and with them what "
            told += "stable's pods run; restore the ControllerRevision, or put its model and "
            told += "template back into the spec."
            return Obstruction(Reason.HISTORY_LOST, told)
        return None

    # 2 judge

    async def _judge(self, key: Key, wish: Wish, status: Status, world: World) -> Status:
        taken = self._sampler.take(key)
        if isinstance(taken, History):
            # an hour of samples takes some tenths of a second, and others wait for this loop
            found = await asyncio.to_thread(told, wish.spec, taken)
            return learned(wish.spec, status, found)
        return status if taken is None else judged(wish.spec, status, taken, world)

    def _watch(self, key: Key, wish: Wish, status: Status) -> Status:
        measurement = self._watcher.take(key)
        if not isinstance(measurement, Measurement):
            return status
        status, watch = watched(wish.spec, status, self._watches.get(key), measurement)
        if watch is not None:
            self._watches[key] = watch
        return status

    # 4 persist

    async def _persist(
        self, key: Key, live: Manifest, memory: Memory, status: Status, now: float
    ) -> float | None:
        """Write the status if that is due; else the seconds until it is, None if nothing is new."""
        wanted = status.to_json()
        due = min(memory.due, now + _write_within(memory.written, wanted))
        # after a failure nothing is done before it is known that the status can be written again
        if key not in self._unwritten and (wanted == memory.written or due > now):
            due = inf if wanted == memory.written else due
            self._memories[key] = replace(memory, current=status, due=due)
            return due - now if due < inf else None
        try:
            answer = await self._cluster.update_status(live, wanted)
        except ApiError as error:
            if not (error.conflict or error.absent):
                await self._note_unwritten(key, live, error)
            raise
        self._unwritten.pop(key, None)
        self._store.put(answer)
        self._memories[key] = Memory(answer["status"], status)
        return None

    async def _note_unwritten(self, key: Key, live: Manifest, error: ApiError) -> None:
        """Tell by an event what the status cannot: at once if it is refused, and after a while if
        the API server fails."""
        now = time.monotonic()
        known = self._unwritten.get(key, Unwritten(now, ""))
        due = error.refused or now - known.at > UNWRITTEN_PATIENCE
        if due and not known.announced:
            told = f"The status cannot be written, and nothing goes on until it can: {error}"
            log.warning("%s: %s", key, told)
            announced = await self._tell(live, Reason.STATUS_NOT_WRITTEN, told, warning=True)
            known = replace(known, announced=announced)
        self._unwritten[key] = replace(known, why=str(error))

    async def _do_without_status(
        self,
        key: Key,
        owner: Owner,
        live: Manifest,
        wish: Wish,
        status: Status,
        world: World,
        plan: Plan,
    ) -> None:
        """Take traffic from the candidate where that is decided, or nothing can be seen of it.

        See `serinus.plan.withdrawal` for why that needs no status.
        """
        split = withdrawal(status, plan, world)
        since = self._unwritten.get(key)
        if since is not None and time.monotonic() - since.at > UNWRITTEN_PATIENCE:
            split = split or unjudged(wish.spec, status, world)
        objects = self._store.children(key.namespace, key.name, owner.uid)
        revisions = read_revisions(wish, live["spec"], status, objects)
        if split is None or split.candidate is None or not set(split.weights) <= set(revisions):
            return
        ways = router_for(wish.spec).manifests(owner, split, revisions)
        if all(covers(objects.get((each["kind"], owner.name), {}), each) for each in ways):
            return
        mark = Mark(split.candidate, int(self._clock()))
        pace = self._paces[key]
        done = await bring_about(self._cluster, self._store, owner, mark.on(ways), pace)
        if done.retry_in is not None:
            # sooner than the status is tried again
            raise TryAgainError(done.retry_in, " ".join(done.failures.values()))
        if done.refusals or done.taken:
            return  # as logged; it is tried again with the status
        why = " ".join(decision.message for decision in plan.news)
        told = f"Traffic was taken from revision {split.candidate} without a status. {why}"
        log.warning("%s: %s", key, told)
        await self._tell(live, Reason.WEIGHT_LOWERED, told, warning=True)

    # 5 actuate

    async def _actuate(
        self, key: Key, owner: Owner, live: Manifest, wish: Wish, plan: Plan, mark: Mark | None
    ) -> Outcome:
        """Make the children match; a mark stays until the candidate may have its traffic back."""
        if plan.wanted is None:
            return Outcome()
        objects = self._store.children(key.namespace, key.name, owner.uid)
        revisions = read_revisions(wish, live["spec"], plan.status, objects)
        history, running = read_history(objects), plan.wanted.replicas
        limit = wish.spec.revision_history_limit
        keep = kept(revisions, history, running, plan.status, limit)
        desired = children(owner, wish.spec, keep, plan.wanted)
        if mark is not None and plan.status.candidate is not None:
            desired = replace(desired, ways=mark.on(desired.ways))
        lacks = partial(lacking, owner, wish.spec, plan.wanted.split)
        pace, before = self._paces[key], self._outcome(key)
        after = await actuate(self._cluster, self._store, owner, desired, lacks, pace)
        self._outcomes[key] = after
        other = set(after.refusals) != set(before.refusals) or after.overridden != before.overridden
        return replace(after, changed=after.changed or other)

    # 6 announce

    async def _announce(self, live: Manifest, news: tuple[Decision, ...]) -> None:
        for decision in news:
            log.info(
                "%s/%s %s: %s",
                live["metadata"]["namespace"],
                live["metadata"]["name"],
                decision.reason,
                decision.message,
            )
            warning = decision.reason in WARNINGS
            # should that fail: the decision itself stands in the status
            await self._tell(live, decision.reason, decision.message, warning=warning)

    async def _tell(self, live: Manifest, reason: str, note: str, *, warning: bool) -> bool:
        """Write an event; whether that succeeded."""
        try:
            await self._cluster.create_event(live, reason, note, warning=warning)
        except ApiError as error:
            log.warning("event %s not written: %s", reason, error)
            return False
        return True


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


def _write_within(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """Seconds within which a status is to be written: at once if something was decided."""
    if _decided(wanted) != _decided(written):
        return 0.0
    return SHOW_WITHIN if _shown(wanted) != _shown(written) else SAVE_WITHIN


def _decided(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without what is only seen."""
    decided = _without(status, "message", "conditions", "replicas")
    decided["retiring"] = [_without(each, "idleSince") for each in status.get("retiring", [])]
    if stable := status.get("stable"):
        decided["stable"] = _without(stable, "readyReplicas")
    if candidate := status.get("candidate"):
        seen = (*EVIDENCE, "readyReplicas", "podsAwaited", "progressSince", "hold", "baseline")
        decided["candidate"] = _without(candidate, *seen)
        decided["candidate"]["weight"] = candidate["weight"]["wanted"]
    return decided


def _shown(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without evidence, and without the words about it."""
    shown = _without(status, "message")
    shown["conditions"] = [_without(each, "message") for each in status.get("conditions", [])]
    if candidate := status.get("candidate"):
        shown["candidate"] = _without(candidate, *EVIDENCE)
        shown["candidate"]["hold"] = _without(candidate.get("hold") or {}, "message")
    return shown


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


def _earliest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _next_pass(
    plan: Plan, unsaved: float | None, blocked: bool, pods: float | None = None
) -> float | None:
    """Seconds until time alone makes a pass due; `pods` is when those are looked at next."""
    waits = [wait for wait in (plan.wake_in, unsaved, pods) if wait is not None]
    if blocked:
        waits.append(BLOCKED_LOOK_AGAIN)
    candidate = plan.status.candidate
    if candidate is not None and (candidate.effective_since is None or candidate.promoting):
        waits.append(SETTLES_WITHIN)
    return min(waits, default=None)
