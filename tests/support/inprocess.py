"""The operator in this process: injected time, simulated traffic, an API server real or in memory.

Hours pass in milliseconds, since every timer of the operator reads the clock that the test moves.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, Final, Self

from serinus.api.initializer import Initializer
from serinus.api.task_kinds import TaskKind
from serinus.api.validation import in_full
from serinus.cluster import ApiError, Cluster
from serinus.controller.app import App
from serinus.manifests.kinds import KINDS
from serinus.manifests.owner import REVISION_LABEL
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.samples import Samples
from tests.support.registry import PaperRegistry
from tests.support.routes import copies, previewed, weights

Manifest = dict[str, Any]

_LOOK: Final = 0.05
"""Seconds between two looks of a test at an object."""
_LOOK_AGAIN: Final = 0.2
"""Seconds between two looks of the gateway where nothing changes."""
_MERGE: Final = "application/merge-patch+json"


@dataclass
class Traffic:
    """What Prometheus would have recorded, had there been pods that serve requests."""

    clock: Callable[[], float]
    started: float
    rate: float = 1000.0
    """Requests a second by each route, or of each arm without one."""
    people: int = 0
    """Percentage of so many requests that people ask in a preview, besides."""
    pods: int = 8
    """Of each arm that report, at least as many as are ready."""
    errors: dict[str, float] = field(default_factory=dict)
    """By workload, the share of its requests that fail; the workload's name may be a prefix."""
    down: bool = False
    silent: bool = False
    hanging: str | None = None
    """A workload none of whose requests ends."""
    uncountable: str | None = None
    """A workload whose counters have values that no counter reaches."""
    splits: dict[str, list[tuple[float, Mapping[str, int]]]] = field(default_factory=dict)
    """By route, from when on, Unix seconds, which percentage of its requests each workload gets."""
    queries_sent: int = 0
    reads: int = 0
    _served: dict[str, list[float]] = field(default_factory=dict, init=False, repr=False)
    """By workload, for each second since the start, what `_served_for` finds: it stays so."""

    def split(self, route: str, weights: Mapping[str, int]) -> None:
        """From now on a gateway splits the requests so."""
        splits = self.splits.setdefault(route, [])
        if not splits:  # the first one holds from the start
            self._served.clear()
        splits.append((self.clock() if splits else self.started, weights))

    def tried(self, workload: str) -> None:
        """From now on people ask it by its own route, which has its name."""
        self.splits.setdefault(workload, [(self.started, {})])
        self.split(workload, {workload: self.people})

    def nobody_tries_but(self, routes: Container[str]) -> None:
        """Workloads whose own routes are gone are asked by nobody there."""
        for name, splits in self.splits.items():
            if name in splits[-1][1] and name not in routes:
                self.split(name, {})

    async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
        """Answer as the client of Prometheus does."""
        self.reads += 1
        return {asked: self._answer(asked) for asked in batch}

    def _answer(self, asked: ArmQuery) -> QueryResult:
        if self.down:
            return QueryError("Prometheus refused the connection")
        if self.silent or not isinstance(asked.query, CounterQuery):
            return ()
        if asked.arm.workload == self.hanging or asked.query.metric.startswith("model_feature"):
            return ()
        # scraped once a second: a sample that was read once is there at every later look
        age, step = self.clock() - self.started, int(asked.every or 1)
        first = max(0, math.ceil((age - asked.window) / step) * step)
        seconds = range(first, int(age) + 1, step)
        share = self._share(asked.arm.workload) if asked.query.part else 1.0
        code = "500" if asked.query.part else "200"
        if not all(each.matches({"code": code}) for each in asked.query.matchers):
            return ()
        rate = self.rate * share / self.pods
        served = self._by_second(asked.arm.workload, int(age))
        absurd = asked.arm.workload == self.uncountable
        grown = Samples((self.started + n, 1e300 if absurd else served[n] * rate) for n in seconds)
        return tuple(
            Series(
                {
                    "pod": f"{asked.arm.workload}-x-yyyy{pod}",
                    "instance": f"10.0.0.{pod}:80",
                    "code": code,
                },
                grown,
            )
            for pod in range(self.pods)
        )

    def _by_second(self, workload: str, last: int) -> list[float]:
        known = self._served.setdefault(workload, [])
        more = range(len(known), last + 1)
        known += [self._served_for(workload, self.started + second) for second in more]
        return known

    def _served_for(self, workload: str, until: float) -> float:
        """In how many seconds the route has as many requests as the workload had by then."""
        of_clients, of_people = workload.rpartition("-")[0], workload
        if of_clients not in self.splits:
            return until - self.started
        never: tuple[float, Mapping[str, int]] = (math.inf, {})
        return math.fsum(
            weights.get(workload, 0) / 100 * max(min(until, end) - start, 0)
            for route in (of_clients, of_people)
            for (start, weights), (end, _) in pairwise([*self.splits.get(route, ()), never])
        )

    def _share(self, workload: str) -> float:
        return next((v for k, v in self.errors.items() if workload.startswith(k)), 0.0)


async def edit(
    cluster: Cluster, kind: str, namespace: str, name: str, change: Callable[[Manifest], None]
) -> Manifest:
    """Change an object as it is; again if it was written meanwhile."""
    while True:
        live = await cluster.get(kind, namespace, name)
        change(live)
        try:
            return await cluster.update(live)
        except ApiError as error:
            if not error.conflict:
                raise


class Operator:
    """One replica, its clock, and a gateway that takes up its routes."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._ahead = 0.0
        self.traffic = Traffic(lambda: self.now, self.now - 120)
        self.registry = PaperRegistry(lambda: self.now)
        self.gateway_answers = True
        self.fronts: Iterable[str] = ("HTTPRoute",)
        """The kinds of routes that the gateway takes up: it lists each of them all the time."""
        self.initializer: Initializer | None = None
        """With which the next replica starts."""
        self.task_kinds: tuple[TaskKind, ...] = ()
        """What the next replica may run instead of Jobs."""
        self.app: App | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._last_read: tuple[tuple[str, str], Manifest] = ("", ""), {}

    async def __aenter__(self) -> Self:
        self._tasks.append(asyncio.create_task(self.accept_routes()))
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start a replica, as after a restart: it knows nothing but what the API server has."""
        self.app = App(
            self.cluster,
            self.traffic,
            namespaces=(self.namespace,),
            initializer=self.initializer,
            registries=self.registry,
            task_kinds=self.task_kinds,
            clock=lambda: self.now,
        )
        self._tasks.append(asyncio.create_task(self.app.run()))

    async def stop(self) -> None:
        """End everything, as SIGTERM does."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    @property
    def now(self) -> float:
        """Unix seconds by its clock."""
        return time.time() + self._ahead

    def move(self, seconds: float) -> None:
        """Let time go by faster."""
        assert self.app
        self._ahead += seconds
        self.app.queue.wake.set()
        self.app.sampler.wake.set()

    async def apply(self, name: str, **spec: Any) -> Manifest:
        """Apply a ModelDeployment as a user would."""
        manifest = {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        if await self.cluster.find("ModelDeployment", self.namespace, name) is None:
            return await self.cluster.create(manifest)
        return await self.edit(name, lambda live: live.update(spec=spec))

    async def command(self, name: str, command: str) -> None:
        """Annotate a command."""
        annotation = {"serinus.dev/command": command}
        await self.edit(
            name, lambda live: live["metadata"].setdefault("annotations", {}).update(annotation)
        )

    async def edit(self, name: str, change: Callable[[Manifest], None]) -> Manifest:
        """Change the ModelDeployment as it is; again if it was written meanwhile."""
        return await edit(self.cluster, "ModelDeployment", self.namespace, name, change)

    async def patch(
        self, kind: str, name: str, change: Manifest | list[Manifest], sub: str = ""
    ) -> Manifest:
        """Change an object of any kind, as `kubectl patch` does: by a JSON patch if it is a list,
        and else by a merge patch. `sub` may be /status."""
        path = KINDS[kind].path(self.namespace, name, sub)
        form = "application/json-patch+json" if isinstance(change, list) else _MERGE
        body: Any = change
        return await self.cluster._call("patch", kind, "PATCH", path, body, (), form)

    async def delete(self, kind: str, name: str) -> None:
        """Delete an object of any kind, and wait until it is gone or has a successor."""
        live = await self.cluster.get(kind, self.namespace, name)
        await self.cluster.delete(live)
        deadline = time.monotonic() + 30
        while True:
            now = await self.cluster.find(kind, self.namespace, name)
            if now is None or now["metadata"]["uid"] != live["metadata"]["uid"]:
                return
            assert time.monotonic() < deadline, f"{kind} {name} is still there"
            await asyncio.sleep(_LOOK)

    async def until_there(self, kind: str, name: str, there: bool = True) -> None:
        """Wait until an object is there, or until it is not."""
        deadline = time.monotonic() + 30
        while (await self.cluster.find(kind, self.namespace, name) is not None) != there:
            assert time.monotonic() < deadline, f"{kind} {name}"
            await asyncio.sleep(_LOOK)

    async def get(self, name: str) -> Manifest:
        """The ModelDeployment as it is, with its status in full."""
        live = await self.cluster.get("ModelDeployment", self.namespace, name)
        return {**live, "status": in_full(live["status"])[0]} if "status" in live else live

    async def _status(self, name: str) -> Manifest:
        """In full; read once for each version, since who waits looks many times at the same one."""
        live = await self.cluster.get("ModelDeployment", self.namespace, name)
        version = live["metadata"]["uid"], live["metadata"]["resourceVersion"]
        if self._last_read[0] != version:
            self._last_read = version, in_full(live.get("status") or {})[0]
        return self._last_read[1]

    async def until(
        self,
        name: str,
        holds: Callable[[Manifest], bool],
        *,
        moving: float = 0.0,
        within: float = 30.0,
    ) -> Manifest:
        """The status once the condition holds; meanwhile time moves by so much at each look."""
        deadline = time.monotonic() + within
        status: Manifest = {}
        while time.monotonic() < deadline:
            status = await self._status(name)
            with contextlib.suppress(KeyError):
                if holds(status):
                    return status
            if moving:
                self.move(moving)
            await asyncio.sleep(_LOOK)
        raise AssertionError(f"not within {within:g} s; status: {status}")

    async def rest(self, within: float = 30.0) -> None:
        """Let everything happen that is due by time, until nothing is: from then on only an event
        causes a pass."""
        assert self.app
        queue, deadline, quiet = self.app.queue, time.monotonic() + within, 0
        while quiet < 10:
            assert time.monotonic() < deadline, f"it does not come to rest: {queue._due}"
            if queue._due:
                self.move(max(min(queue._due.values()) - self.now, 0.0) + 0.01)
            busy = queue._due or queue._active or queue.depth or queue.retries
            quiet = 0 if busy else quiet + 1
            await asyncio.sleep(0.05)

    async def split(self, name: str) -> dict[str, int]:
        """Weights of the route by backend."""
        return weights(await self.cluster.get("HTTPRoute", self.namespace, name))

    async def until_split(self, name: str, asked: dict[str, int], within: float = 10.0) -> None:
        """Wait for these weights: the status is written first, and then the route."""
        deadline = time.monotonic() + within
        while (found := await self.split(name)) != asked:
            assert time.monotonic() < deadline, f"{found} instead of {asked}"
            await asyncio.sleep(_LOOK)

    async def until_announced(self, reason: str, within: float = 10.0) -> Manifest:
        """The event with this reason; it comes last, after the status and the children."""
        deadline = time.monotonic() + within
        while True:
            for event in await self.cluster.list("Event", self.namespace):
                if event["reason"] == reason:
                    return event
            assert time.monotonic() < deadline, f"no event tells {reason}"
            await asyncio.sleep(_LOOK)

    async def accept_routes(self) -> None:
        """Be the gateway, until cancelled."""
        pause, known = _LOOK, list[str]()
        while True:
            with contextlib.suppress(ApiError):
                lists = [await self.cluster.list(kind, self.namespace) for kind in self.fronts]
                routes = [*chain.from_iterable(lists)]
                self.traffic.nobody_tries_but({each["metadata"]["name"] for each in routes})
                for route in routes:
                    await self._accept(route)
                versions = [each["metadata"]["resourceVersion"] for each in routes]
                pause = _LOOK_AGAIN if versions == known else _LOOK
                known = versions
            await asyncio.sleep(pause)

    async def _accept(self, route: Manifest) -> None:
        generation = route["metadata"]["generation"]
        parents = (route.get("status") or {}).get("parents") or []
        current = parents and parents[0]["conditions"][0]["observedGeneration"] == generation
        if current or not self.gateway_answers:
            return
        accepted = [
            {
                "type": name,
                "status": "True",
                "reason": name,
                "message": "",
                "observedGeneration": generation,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for name in ("Accepted", "ResolvedRefs")
        ]
        answer = {
            "parentRef": route["spec"]["parentRefs"][0],
            "controllerName": "test.serinus.dev/gateway",
            "conditions": accepted,
        }
        tried = {name: self.traffic.people for _, names in previewed(route) for name in names}
        if REVISION_LABEL in (route["metadata"].get("labels") or {}):
            self.traffic.tried(route["metadata"]["name"])
        else:
            split = {**weights(route), **copies(route), **tried}
            self.traffic.split(route["metadata"]["name"], split)
        await self.cluster.update_status(route, {"parents": [answer]})
