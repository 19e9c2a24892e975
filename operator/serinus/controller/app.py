"""The operator: all its tasks, and how it starts and stops."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, Final, Protocol

from serinus.api.initializer import Initializer
from serinus.api.isolation import Fault, Part
from serinus.api.notifications import Endpoint
from serinus.api.task_kinds import TaskKind
from serinus.api.validation import followed
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.definition import warn_of_an_older_definition
from serinus.controller.following import AnyRegistries
from serinus.controller.informer import Informer
from serinus.controller.internal_errors import InternalErrors
from serinus.controller.judging import Judging
from serinus.controller.lease import Lease
from serinus.controller.metrics import Gauges, Metrics, endpoints
from serinus.controller.object_metrics import ObjectMetrics
from serinus.controller.object_state import ObjectState
from serinus.controller.passes import Passes
from serinus.controller.queue import Key, Wake, WorkQueue
from serinus.controller.reconcile import Reconciler
from serinus.controller.sampling import Purpose, Reader, Sampler
from serinus.controller.scope import Scope
from serinus.manifests.allowed_task import as_kind
from serinus.notifications import Notifier
from serinus.registries import Registries
from serinus.serving import serving

RESTART_AFTER: Final = 1.0
"""Seconds after which a part of the operator that raised is run again."""
STUCK_AFTER: Final = 600.0
"""Seconds after which a task that has not finished counts as stuck. Every request has a timeout of
some seconds, and a pass of thirty requests that all time out ends earlier."""


class CountingReader(Reader, Protocol):
    """A reader that counts its queries."""

    queries_sent: int


class App:
    """One replica of the operator."""

    def __init__(
        self,
        cluster: Cluster,
        prometheus: CountingReader,
        *,
        namespaces: tuple[str, ...] = (),
        lease: Lease | None = None,
        scope: Scope | None = None,
        workers: int = 8,
        endpoints: Sequence[Endpoint] = (),
        dashboard: str = "",
        initializer: Initializer | None = None,
        registries: AnyRegistries | None = None,
        task_kinds: tuple[TaskKind, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        cluster.allow(as_kind(each) for each in task_kinds)
        self._lease = lease
        self._scope = scope or Scope()
        self._everywhere = not namespaces
        self._workers = workers
        self._clock = clock
        self._leading = False
        self._leads_since = 0.0
        self._errors: Counter[Key] = Counter()
        self._made: Counter[tuple[str, str]] = Counter()
        """Passes by what caused them and what came of them."""
        self.store = Store()
        self.queue = WorkQueue(clock)
        self.sampler = Sampler(prometheus, clock, self._measured)
        self._informer = Informer(cluster, self.store, self.queue.add, namespaces)
        internal_errors = self._internal_errors = InternalErrors()
        self._judging = Judging(lambda key: self.queue.add(key, Wake.JUDGE))
        self._registries = registries or Registries((), clock)
        self._registries.heard(
            lambda *name: self.queue.add(Key(*name), Wake.REGISTRY),
            lambda fault: internal_errors.note("registries", [fault]),
        )
        self._notifier = Notifier(
            endpoints,
            dashboard,
            self._notified,
            lambda fault: internal_errors.note("notifications", [fault]),
            self._registries.writers(self._notified),
        )
        self._reconciler = Reconciler(
            cluster,
            self.store,
            self.sampler,
            clock,
            self._scope,
            self._notifier,
            self._judging,
            initializer,
            self._registries,
            task_kinds,
        )
        self._passes = Passes(cluster, self.store, self._reconciler, internal_errors, clock)
        self.metrics = Metrics(self._gauges(prometheus), ObjectMetrics(self._states, clock))

    def _gauges(self, prometheus: CountingReader) -> Gauges:
        return Gauges(
            leading=lambda: self._leading,
            queue_depth=lambda: self.queue.depth,
            requests=lambda: self._cluster.requests,
            queries=lambda: prometheus.queries_sent,
            phases=self._phases,
            drifts=self._drifts,
            passes=lambda: self._made,
            errors=self._errors_of_what_exists,
            looks=self._ages_of_looks,
            # from 0, so that the first one is an increase
            refused_writes=lambda: {"ModelDeployment": 0, **self._cluster.refused_writes},
            internal_errors=lambda: dict(self._internal_errors.counts),
            notifications=self._notifier.outcomes,
            registry_requests=self._registries.outcomes,
            registry_webhooks=self._registries.told,
            registry_ages=self._registries.ages,
        )

    async def run(self, bind: tuple[str, int] | None = None) -> None:
        """Run until cancelled; then finish current work and release the Lease."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._judging.close)
            if bind is not None:
                await stack.enter_async_context(self._serving(*bind))
            async with asyncio.TaskGroup() as group:
                # a standby keeps its store up to date, so that it can take over at once
                group.create_task(self._informer.run())
                group.create_task(self._lead_when_elected())
                group.create_task(self._compare_definition())

    async def _compare_definition(self) -> None:
        await self._informer.synced.wait()  # the API server answers
        await warn_of_an_older_definition(self._cluster)

    async def _lead_when_elected(self) -> None:
        await self._informer.synced.wait()
        if self._lease is None:
            await self._lead_while(asyncio.Event().wait())
            return
        while True:
            await self._lease.acquire()
            try:
                await self._lead_while(self._lease.keep())
            finally:
                await self._lease.release()

    async def _lead_while(self, elected: Coroutine[Any, Any, object]) -> None:
        """Lead until `elected` ends, then stop at once, because another replica may lead; if
        cancelled, stop in order and stay elected in the meantime."""
        leading = asyncio.create_task(self._lead())
        keeping = asyncio.create_task(elected)
        try:
            ended, _ = await asyncio.wait([leading, keeping], return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            draining = asyncio.create_task(self.queue.drain())
            await asyncio.wait([draining, keeping], return_when="FIRST_COMPLETED")
            draining.cancel()
            raise
        finally:
            for task in (leading, keeping):
                task.cancel()
                await asyncio.wait([task])
        for task in ended:
            task.result()  # raises what ended it

    async def _lead(self) -> None:
        self._reconciler.forget_everything()
        self._registries.forget_everything()
        if self._everywhere:
            await self._scope.find_others(self._cluster)
        self._follow_all()
        for name in self.store.names("ModelDeployment"):
            self.queue.add(Key(*name), Wake.LEADING)
        self._leading, self._leads_since = True, time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._kept("the sampler", self.sampler.run))
                group.create_task(self._kept("the notifier", self._notifier.run))
                group.create_task(self._kept("the registries", self._registries.run))
                group.create_task(self._kept("the queue", self._work))
                if self._everywhere:
                    finding = partial(self._scope.keep_finding, self._cluster, self._look_at)
                    group.create_task(self._kept("the scope", finding))
        finally:
            self._leading = False

    def _follow_all(self) -> None:
        """Before the first pass: an alias that is followed must never be set, and a registry may be
        told of one object before another has had its pass."""
        for live in self._served():
            if reference := followed(live["spec"]):
                name = live["metadata"]["namespace"], live["metadata"]["name"]
                self._registries.follow(*name, reference)

    async def _work(self) -> None:
        await self.queue.run(self._reconcile, self._workers)

    async def _kept(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run until cancelled; what our own code raises in it ends it for a moment only."""
        while True:
            try:
                return await run()
            except ApiError:
                raise
            except Exception as error:
                self._internal_errors.note(name, [Fault(Part.LOOP, name, error)])
                await asyncio.sleep(RESTART_AFTER)

    def _look_at(self, namespaces: frozenset[str]) -> None:
        for name in self.store.names("ModelDeployment"):
            if name[0] in namespaces:
                self.queue.add(Key(*name), Wake.LEADING)

    def _served(self) -> Iterator[dict[str, Any]]:
        """The ModelDeployments that this operator acts on."""
        for name in self.store.names("ModelDeployment"):
            live = self.store.get("ModelDeployment", *name)
            if live is not None and self._scope.includes(live):
                yield live

    async def _reconcile(self, key: Key, wake: Wake) -> float | None:
        started = time.perf_counter()
        result = came_of_it = "error"
        try:
            passed = await self._passes(key)
            result, came_of_it = "done", passed.wrote.value
            return passed.wait
        except ApiError as error:
            if error.conflict or error.absent:
                # it was written or deleted in the meantime: the next try reads it again
                result = came_of_it = "conflict"
                await self._refresh(key)
            else:
                self._errors[key] += 1
            raise
        except Exception:
            self._errors[key] += 1
            raise
        finally:
            self.metrics.reconcile.labels(result).observe(time.perf_counter() - started)
            self._made[wake.value, came_of_it] += 1

    async def _refresh(self, key: Key) -> None:
        known = self.store.get("ModelDeployment", *key)
        live = await self._cluster.find("ModelDeployment", *key)
        if live is not None:
            self.store.put(live)
        elif known is not None:
            self.store.remove(known)

    # what is reported

    @property
    def leading(self) -> bool:
        """Whether this replica leads."""
        return self._leading

    def stuck(self) -> str | None:
        """Parts of the operator that are stuck, so that only a restart helps; None if there are
        none. A standby, an idle leader and a leader whose API server is down are not stuck: they
        try, time out, and try again."""
        if (reason := self._informer.stuck(STUCK_AFTER)) is not None:
            return reason
        if not self._leading or time.monotonic() - self._leads_since < STUCK_AFTER:
            return None
        return self.queue.stuck(STUCK_AFTER) or self.sampler.stuck(STUCK_AFTER)

    def _measured(self, key: Key, purpose: Purpose) -> None:
        """A measurement of a rollout may roll it back, so it is urgent; monitoring decides
        nothing."""
        self.queue.add(key, Wake.MEASURED if purpose is Purpose.ROLLOUT else Wake.MONITORED)

    def _notified(self, namespace: str, name: str) -> None:
        self.queue.add(Key(namespace, name), Wake.NOTIFIED)

    def _errors_of_what_exists(self) -> Mapping[tuple[str, str], int]:
        existing = set(self.store.names("ModelDeployment"))
        self._errors = Counter({k: n for k, n in self._errors.items() if k in existing})
        return {(key.namespace, key.name): count for key, count in self._errors.items()}

    def _ages_of_looks(self) -> Mapping[tuple[str, str], float]:
        now = self._clock()
        looks = {key: state.last_look for key, state in self._states().items()}
        return {key: max(0.0, now - at) for key, at in looks.items() if at is not None}

    def _states(self) -> Mapping[Key, ObjectState]:
        """Of the objects; none on a standby, whose knowledge of former times is outdated."""
        return self._reconciler.states() if self._leading else {}

    def _phases(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for live in self._served():
            found[(live.get("status") or {}).get("phase", "Progressing")] += 1
        return found

    def _drifts(self) -> dict[tuple[str, str, str], bool]:
        found = {}
        for live in self._served():
            name = live["metadata"]["namespace"], live["metadata"]["name"]
            watched = (live.get("status") or {}).get("monitoring", {})
            for feature in watched.get("features", ()):
                found[*name, feature["feature"]] = feature["drifted"]
        return found

    @contextlib.asynccontextmanager
    async def _serving(self, host: str, port: int) -> AsyncIterator[None]:
        informer = self._informer

        def healthy() -> str | None:
            return self.stuck() if informer.alive else "the watches have ended"

        def ready() -> str | None:
            if not informer.synced.is_set():
                return informer.not_ready_reason
            rival = self._lease.rival if self._lease else None
            return rival or self._reconciler.unwritten()

        async with serving(endpoints(self.metrics, healthy, ready), host, port):
            yield
