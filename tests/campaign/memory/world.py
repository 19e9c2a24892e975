"""The operator among all that it meets, in memory and in moved time, with everything noted."""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar
from unittest.mock import patch

from serinus.api.notifications import Endpoint
from serinus.api.stages import Stage
from serinus.api.status import Candidate
from serinus.api.task_kinds import TaskKind
from serinus.api.validation import in_full
from serinus.cluster import ApiError, Cluster
from serinus.controller.app import App
from serinus.manifests.kinds import CHILDREN
from serinus.manifests.owner import NAME_LABEL, REVISION_LABEL
from serinus.manifests.routers.rules import FRONTS
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.plan.decide import first_change
from serinus.plan.situation import Situation
from tests.campaign.clock import MovedLoop
from tests.campaign.crashes import Crashes
from tests.campaign.history import Act, History, Snapshot, Told, Write
from tests.campaign.memory.api import MemoryApi, copied
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.memory.pods import BAD, SCRAPED_EVERY, Model, Pod, Pods
from tests.campaign.stage import followed_revision_of, revision_of
from tests.campaign.wire import Fault, Reply, Request, Wire
from tests.support.registry import CHAMPION, PaperRegistry, version
from tests.support.routes import copies, weights
from tests.support.task_kinds import TASK_KINDS

Manifest = dict[str, Any]
T = TypeVar("T")

NAMESPACE: Final = "shop"
NAME: Final = "fraud"
RATE: Final = 50.0
"""Requests a second of all clients."""
MOST_WRITES: Final = 800
"""Writes of the operator beyond which it is taken to be in a loop."""
LOOK: Final = 15.0
"""Seconds between two looks at what the operator exports."""


class MemoryGateway:
    """Takes up routes after a moment, unless told otherwise."""

    def __init__(self, api: MemoryApi, changed: Callable[[], None]) -> None:
        self._api = api
        self._changed = changed
        self.write_status: Callable[[Manifest, Manifest], None] = api.set_status
        self.lag = 0.05
        self.mode = "Accepts"
        """Accepts, Refuses or Silent."""
        self.served: dict[tuple[str, str], list[tuple[str, int]]] = {}
        """By kind and name of a route, Services and weights, as clients meet them. Of two the one
        that it accepted first is served, as if it had the same hosts and were the oldest."""
        self.copied: dict[tuple[str, str], dict[str, int]] = {}
        """By kind and name of a route, Services that get copies, of so many percent of the
        requests."""
        self.waiting = 0
        """Routes that it was told of and has not looked at yet."""

    def seen(self, event: str, live: Manifest) -> None:
        """Something was written."""
        if live["kind"] not in FRONTS:
            return
        key = live["kind"], live["metadata"]["name"]
        if event == "DELETED":
            self.served.pop(key, None)
            self.copied.pop(key, None)
            self._changed()
        else:
            self.waiting += 1
            asyncio.get_running_loop().call_later(self.lag, self._look, *key)

    def again(self) -> None:
        """Its controller is back."""
        for kind in FRONTS:
            for route in self._api.all(kind):
                self._take(kind, route["metadata"]["name"])

    def _look(self, kind: str, name: str) -> None:
        self.waiting -= 1
        self._take(kind, name)

    def _take(self, kind: str, name: str) -> None:
        route = next(iter(r for r in self._api.all(kind) if r["metadata"]["name"] == name), None)
        if route is None or self.mode == "Silent":
            return
        accepted = self.mode == "Accepts"
        if accepted:
            self.served[kind, name] = [*weights(route).items()]
            self.copied[kind, name] = copies(route)
            self._changed()
        told = {
            "status": "True" if accepted else "False",
            "reason": "Accepted" if accepted else "NotAllowedByListeners",
            "message": "" if accepted else "no listener allows this namespace",
            "observedGeneration": route["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        parents = [
            {
                "parentRef": parent,
                "controllerName": "test.serinus.dev/gateway",
                "conditions": [{"type": each, **told} for each in ("Accepted", "ResolvedRefs")],
            }
            for parent in route["spec"]["parentRefs"]
        ]
        if (route.get("status") or {}).get("parents") != parents:
            self.write_status(route, {"parents": parents})


class MemoryPrometheus:
    """Has scraped every pod, and answers what it counted."""

    def __init__(self, pods: Pods, now: Callable[[], float]) -> None:
        self._pods = pods
        self._now = now
        self.down = False
        self.takes = 0.0
        """Seconds until it answers."""
        self.exports: Mapping[str, Sequence[tuple[float, Mapping[str, str]]]] = {}
        """Further counters of every pod: by metric, how often a request, and with which labels."""
        self.queries_sent = 0
        self.settle: Callable[[], None] = lambda: None

    async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
        """Answer as the client of Prometheus does."""
        asked, now = list(batch), self._now()
        self.queries_sent += len(asked)
        if self.takes:
            await asyncio.sleep(self.takes)
        self.settle()
        return {one: self._answer(one, now) for one in asked}

    def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
        if self.down:
            return QueryError("Prometheus refused the connection")
        query = asked.query
        if not isinstance(query, CounterQuery):
            return ()
        counted = self.exports.get(query.metric, ())
        if not counted and query.metric != "model_requests_total":
            return ()
        every = asked.every or SCRAPED_EVERY
        found = []
        for pod in [*self._pods.pods.values(), *self._pods.gone]:
            if pod.namespace != asked.arm.namespace or pod.deployment != asked.arm.workload:
                continue
            samples = pod.samples(now - asked.window, now, every)
            if not samples:
                continue
            labels = {"namespace": pod.namespace, "pod": pod.name, "instance": pod.address}
            for share, more in counted:
                found.append(Series({**labels, **more}, [(t, n * share) for t, n, _ in samples]))
            if counted:
                continue
            failed = tuple((t, errors) for t, _, errors in samples)
            if not query.part:
                good = tuple((t, total - errors) for t, total, errors in samples)
                found.append(Series({**labels, "code": "200"}, good))
            if any(errors for _, errors in failed):
                found.append(Series({**labels, "code": "500"}, failed))
        return tuple(found)


class World:
    """One ModelDeployment, named fraud, and whoever has to do with it.

    It is entered inside of a `MovedLoop`; `run` does that.
    """

    def __init__(self, seed: int = 0, namespace: str = NAMESPACE) -> None:
        self._loop = asyncio.get_running_loop()
        self._seed = seed
        self.namespace = namespace
        self.cluster = MemoryCluster(namespace, self._changed)
        self.api, self.pods, self.jobs = self.cluster.api, self.cluster.pods, self.cluster.jobs
        self.tasks, self.watches = self.cluster.tasks, self.cluster.watches
        self.gateway = MemoryGateway(self.api, self._changed)
        self.prometheus = MemoryPrometheus(self.pods, lambda: self.now)
        self.prometheus.settle = self._settle
        self.api.watchers += [self.gateway.seen, self._seen]
        self.endpoints: Sequence[Endpoint] = ()
        """What the operator tells of rollouts, from its next start on."""
        self.task_kinds: tuple[TaskKind, ...] = TASK_KINDS
        """What the operator may run instead of Jobs, from its next start on."""
        self.registry = PaperRegistry(lambda: self.now)
        self.follows = False
        self.history = History()
        self.hindered: set[str] = set()
        self.faults: dict[str, Fault] = {}
        self.app: App | None = None
        self._running: asyncio.Task[None] | None = None
        self._wire: Wire | None = None
        self._leaving: list[asyncio.Task[None]] = []
        self._recording = False
        self._flows: dict[str, float] = {}
        self._split: dict[str, float] = {}
        self._crashes = Crashes(self.history)
        self.user = Cluster(Wire(self._send))  # type: ignore[arg-type]
        """Somebody else's access to the API server."""

    async def __aenter__(self) -> Self:
        random.seed(self._seed)
        logging.getLogger("serinus").addHandler(self._crashes)
        self._patches = contextlib.ExitStack()
        self._patches.enter_context(self.cluster.met())
        self._patches.enter_context(patch("serinus.plan.decide.first_change", self._first_change))
        self._record()
        self.launch()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.history.end = self.now
        self.end()
        for task in self._leaving:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._patches.close()
        logging.getLogger("serinus").removeHandler(self._crashes)

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.cluster.now

    def _first_change(self, s: Situation) -> Situation | None:
        """Note which stage follows which."""
        changed = first_change(s)
        before, after = s.status.candidate, (changed or s).status.candidate
        if _role(before) != _role(after):
            stages = (before.stage if before else None, after.stage if after else None)
            self.history.transitions.add(stages)
        return changed

    async def _send(self, request: Request) -> Reply:
        """What the API server answers, to whoever asks."""
        return await self.cluster.send(request)

    # the operator

    def launch(self) -> None:
        """A replica of the operator, that knows nothing but what the API server has."""
        self._wire = Wire(self._send, self._note)
        self._wire.faults = self.faults
        cluster = Cluster(self._wire)  # type: ignore[arg-type]
        self.app = App(
            cluster,
            self.prometheus,
            endpoints=self.endpoints,
            task_kinds=self.task_kinds,
            registries=self.registry,
            clock=lambda: self.now,
        )
        self._running = asyncio.create_task(self.app.run())
        self.hindered.discard("operator")
        self._changed()

    async def start(self) -> None:
        """Start a replica of the operator."""
        self.launch()

    async def kill(self) -> None:
        """As by SIGKILL."""
        self.act("the operator is killed")
        self.end()

    def end(self) -> None:
        """Not one request of the operator gets through any more."""
        if self._wire is None or self._running is None:
            return
        self._wire.cut()
        self._running.cancel()
        self._leaving.append(self._running)
        self._wire = self._running = None
        self.hindered.add("operator")
        self._changed()

    def _check_the_operator(self) -> None:
        running = self._running
        if running is not None and running.done():
            raise AssertionError(f"the operator ended: {running.exception()!r}")
        if len(self.history.writes) >= MOST_WRITES:
            raise AssertionError(f"the operator wrote {MOST_WRITES} times, and went on")

    # what people do

    def revision_of(self, wanted: Manifest) -> str:
        """The hash that a spec's model and template get here."""
        return (followed_revision_of if self.follows else revision_of)(wanted)

    async def apply(self, spec: Manifest, annotations: Mapping[str, str] | None = None) -> Manifest:
        """Apply a manifest, as `kubectl apply --server-side` does."""
        self.act("applies " + str((spec.get("model") or {}).get("version")))
        return await self._applied(spec, annotations, "kubectl")

    async def apply_as(self, manager: str, spec: Manifest) -> Manifest:
        """Apply a manifest by another field manager."""
        self.act(f"applies the same as {manager}")
        return await self._applied(spec, None, manager)

    async def _applied(
        self, spec: Manifest, annotations: Mapping[str, str] | None, manager: str
    ) -> Manifest:
        told = {"annotations": dict(annotations)} if annotations else {}
        named = (spec.get("model") or {}).get("version", "")
        if self.follows:
            spec = {**spec, "model": CHAMPION}
        manifest = {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": NAME, "namespace": self.namespace, **told},
            "spec": spec,
        }
        path = f"/apis/serinus.dev/v1alpha1/namespaces/{self.namespace}/modeldeployments/{NAME}"
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        content = "application/apply-patch+yaml; charset=utf-8"
        request = Request("PATCH", path, query, content, copied(manifest))
        applied = await self._told(request)
        if self.follows:
            self.registry.names(version(named))
        return applied

    async def edit(self, words: str, change: Callable[[Manifest], None]) -> Manifest:
        """Change the ModelDeployment as `kubectl edit` does."""
        self.act(words)
        while True:
            live = await self.user.get("ModelDeployment", self.namespace, NAME)
            change(live)
            try:
                return await self.user.update(live)
            except ApiError as error:
                if not error.conflict:
                    raise

    async def command(self, command: str) -> None:
        """Annotate a command."""
        annotation = {"serinus.dev/command": command}
        await self.edit(
            command, lambda live: live["metadata"].setdefault("annotations", {}).update(annotation)
        )

    async def delete(self) -> None:
        """Delete the ModelDeployment."""
        self.act("deletes it")
        await self.user.delete(await self.user.get("ModelDeployment", self.namespace, NAME))

    def act(self, words: str) -> None:
        """Note what somebody does."""
        self.history.acts.append(Act(self.now, words))

    # what befalls the cluster

    def model(self, version: str, **behaviour: Any) -> Model:
        """From now on the pods of a version behave so."""
        found = self.pods.model(version)
        for key, value in behaviour.items():
            setattr(found, key, value)
        for pod in list(self.pods.pods.values()):
            if pod.version == version and pod.ready:
                self.pods.misbehave(pod)
        self._changed()
        return found

    def fault(self, fault: Fault, hinders: str) -> None:
        """Requests of the operator are answered so from now on."""
        self.act(f"{fault.name} begins")
        self.faults[fault.name] = fault
        self.hindered.add(hinders)
        self._record()  # at once: on a real API server time goes by before the next turn

    async def mend(self) -> None:
        """Every fault ends."""
        if self.hindered:
            self.act("faults end")
        self.faults.clear()
        self.api.admit.clear()
        self.gateway.mode = "Accepts"
        self.gateway.again()
        self.prometheus.down, self.prometheus.takes = False, 0.0
        self.watches.withheld = False
        self.hindered -= self.hindered - {"operator"}
        if self._running is None:
            self.launch()
        self._changed()

    def webhook(self, admit: Callable[[Manifest], None]) -> None:
        """Everything that is written is changed so from now on."""
        self.act("a webhook changes what is written")
        self.api.admit.append(admit)

    async def gateway_is(self, mode: str) -> None:
        """Accepts, Refuses or Silent."""
        self.act(f"the gateway: {mode}")
        self.gateway.mode = mode
        (self.hindered.discard if mode == "Accepts" else self.hindered.add)("gateway")
        self.gateway.again()
        self._changed()

    def prometheus_is(self, *, down: bool = False, takes: float = 0.0) -> None:
        """How Prometheus answers from now on."""
        self.act(f"Prometheus {'is down' if down else f'takes {takes:g} s'}")
        self.prometheus.down, self.prometheus.takes = down, takes
        (self.hindered.add if down or takes else self.hindered.discard)("Prometheus")
        self._changed()

    def jobs_are(self, how: str) -> None:
        """How Jobs end, or do not begin, from now on."""
        self.act(f"a Job {how}")
        self.jobs.become(how)

    async def lose_nodes_of_jobs(self) -> None:
        """The pods of Jobs are gone with their nodes."""
        self.act("the pods of Jobs are lost")
        self.jobs.lose_nodes()

    async def lose_pods(self, revision: str) -> None:
        """All pods of a revision are gone with their nodes."""
        self.act(f"the pods of {revision} are lost")
        for pod in self.pods.of(revision):
            self.pods.lose(pod)

    async def kill_for_memory(self, revision: str) -> None:
        """A container of a revision is killed for its memory."""
        self.act(f"a pod of {revision} is killed for its memory")
        for pod in [pod for pod in self.pods.of(revision) if pod.running][:1]:
            self.pods.kill_for_memory(pod)

    async def spoil_a_pod(self, revision: str) -> None:
        """A ready pod of a revision fails its clients from now on."""
        self.act(f"a pod of {revision} fails its clients")
        for pod in [pod for pod in self.pods.of(revision) if pod.ready][:1]:
            self.pods.failing[pod.name] = 0.5
        self._changed()

    async def unready(self, revision: str, seconds: float) -> None:
        """A pod of a revision is not ready for a while."""
        self.act(f"a pod of {revision} is not ready")
        for pod in [pod for pod in self.pods.of(revision) if pod.ready][:1]:
            self.pods.unready(pod, seconds)

    # waiting

    async def wait(self, seconds: float) -> None:
        """Let time go by."""
        end = self.now + seconds
        while (left := end - self.now) > 0:
            await asyncio.sleep(min(left, LOOK))
            self.look_at_the_operator()
            self._check_the_operator()
        self._record()

    async def until(self, holds: Callable[[Snapshot], bool], within: float = 600.0) -> Snapshot:
        """How things stand once the condition holds."""
        deadline = self.now + within
        while True:
            await asyncio.sleep(0)
            self._check_the_operator()
            last = self.history.snapshots[-1]
            if not self._recording and holds(last):
                return last
            if self.now >= deadline:
                told = last.status.get("message", "no status")
                raise AssertionError(f"not within {within:g} s; it says: {told}")
            await asyncio.sleep(0.5)

    def look_at_the_operator(self) -> None:
        """Note what it says of itself while something is wrong."""
        if self.app is not None and self.hindered:
            self.history.exposed.append((self.now, self.app.metrics.exposition().decode()))

    # noting

    async def _told(self, request: Request) -> Manifest:
        answer = await self._send(request)
        found: Manifest = json.loads(answer.body)
        if answer.status >= 400:
            raise ApiError(answer.status, found["reason"], found["message"])
        return found

    def _note(self, request: Request, answer: Reply) -> None:
        kind, _, name, sub = request.place
        if not request.writes or kind == "Lease":
            return
        body = request.body or {}
        if kind == "Event":
            told = Told(self.now, body["reason"], body["type"], body["note"])
            if answer.status < 400:
                self.history.told.append(told)
        name = name or (body.get("metadata") or {}).get("name", "")
        write = Write(self.now, request.method, kind, name, sub, answer.status)
        self.history.writes.append(write)
        if len(self.history.writes) >= MOST_WRITES and self._wire is not None:
            self._wire.cut()

    def _seen(self, event: str, live: Manifest) -> None:
        if live["kind"] == "ModelDeployment" and "status" in live:
            full, _ = in_full(live["status"])
            self.history.statuses.append((live["metadata"]["uid"], full))
        if live["kind"] not in ("Event", "Lease"):
            self._changed()

    def _changed(self) -> None:
        if not self._recording:
            self._recording = True
            self._loop.call_soon(self._record)

    def _settle(self) -> None:
        for pod in self.pods.pods.values():
            pod.settle(self.now)

    def _record(self) -> None:
        self._recording = False
        self._serve()
        live = self.api.find("ModelDeployment", self.namespace, NAME)
        deployments = {
            each["metadata"]["labels"][REVISION_LABEL]: each["spec"].get("replicas", 1)
            for each in self.api.all("Deployment", self.namespace)
            if REVISION_LABEL in (each["metadata"].get("labels") or {})
        }
        ready: dict[str, int] = {}
        bad: dict[str, str] = {}
        for pod in self.pods.pods.values():
            ready[pod.revision] = ready.get(pod.revision, 0) + pod.ready
            how = self.pods.model(pod.version).bad
            if how is not None or self.pods.failing_share(pod) > BAD:
                bad[pod.revision] = how or "errors"
        snapshot = Snapshot(
            at=self.now,
            live=live,
            ready=ready,
            pods=deployments,
            asked=self._asked(),
            split=self._split,
            children=frozenset(
                (kind, each["metadata"]["name"])
                for kind in CHILDREN
                for each in self.api.all(kind, self.namespace)
                if (each["metadata"].get("labels") or {}).get(NAME_LABEL) == NAME
            ),
            hindered=frozenset(self.hindered),
            bad=bad,
        )
        snapshots = self.history.snapshots
        if snapshots and snapshots[-1].at == snapshot.at:
            snapshots[-1] = snapshot
        else:
            snapshots.append(snapshot)
        self.history.end = self.now

    def _asked(self) -> dict[str, int]:
        routes = (self.api.find(kind, self.namespace, NAME) for kind in FRONTS)
        return {
            name.removeprefix(f"{NAME}-"): weight
            for route in routes
            if route is not None
            for name, weight in weights(route).items()
        }

    def _serve(self) -> None:
        """Send the clients' requests where they go from now on."""
        ways = self._ways()
        total = sum(weight for _, weight in ways)
        rates: dict[str, float] = {}
        split: dict[str, float] = {}
        for service, weight in ways:
            share = weight / total if total else 0.0
            live = self.api.find("Service", self.namespace, service)
            pods = self.pods.behind(live) if live is not None else []
            if not pods:
                named = (live or {}).get("spec", {}).get("selector", {}).get(REVISION_LABEL)
                revision = named or service.removeprefix(f"{NAME}-")
                if revision != NAME:  # else the Service leads to any revision, and none is there
                    split[revision] = split.get(revision, 0.0) + 100 * share
            for pod in pods:
                rates[pod.name] = rates.get(pod.name, 0.0) + RATE * share / len(pods)
                split[pod.revision] = split.get(pod.revision, 0.0) + 100 * share / len(pods)
        copied = [each for (_, name), each in self.gateway.copied.items() if name == NAME]
        for service, percent in (copied[0] if copied else {}).items():
            live = self.api.find("Service", self.namespace, service)
            pods = self.pods.behind(live) if live is not None else []
            for pod in pods:
                rates[pod.name] = rates.get(pod.name, 0.0) + RATE * percent / 100 / len(pods)
        for pod in self.pods.pods.values():
            self._load(pod, rates.get(pod.name, 0.0))
        self._split = {revision: round(share, 3) for revision, share in split.items() if share}

    def _load(self, pod: Pod, rate: float) -> None:
        if pod.running:
            model = self.pods.model(pod.version)
            counted = 0.0 if model.hangs else rate
            pod.grow(self.now, counted, counted * self._failing(pod, model, counted))

    def _failing(self, pod: Pod, model: Model, rate: float) -> float:
        """Share of what it is asked that fails."""
        if not rate:
            return self.pods.failing_share(pod)
        if pod.asked_since is None:
            pod.asked_since = self.now
            if model.cold_for:
                self._loop.call_later(model.cold_for, self._changed)
        cold = self.now < pod.asked_since + model.cold_for
        return model.cold_errors if cold else self.pods.failing_share(pod)

    def _ways(self) -> list[tuple[str, int]]:
        live = self.api.find("ModelDeployment", self.namespace, NAME)
        gateway = live is not None and (live["spec"].get("traffic") or {}).get("gateway")
        served = [ways for (_, name), ways in self.gateway.served.items() if name == NAME]
        if gateway or served:
            return served[0] if served else []
        return [(NAME, 1)] if self.api.find("Service", self.namespace, NAME) is not None else []


def _role(candidate: Candidate | None) -> tuple[str, Stage] | None:
    return (candidate.revision, candidate.stage) if candidate else None


def run(course: Callable[[World], Awaitable[T]], seed: int = 0) -> T:
    """Run a course in a world of its own."""

    async def within() -> T:
        async with World(seed) as world:
            return await course(world)

    return in_moved_time(within())


def in_moved_time(course: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop of its own, in which time passes by itself."""
    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        return runner.run(course)
