"""The operator: everything that runs beside each other, and how it starts and ends."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

from serinus.cluster import ApiError, Cluster, Store
from serinus.cluster.kinds import CHILDREN
from serinus.cluster.store import OWNER_LABEL
from serinus.controller.lease import Lease
from serinus.controller.metrics import Gauges, Metrics, endpoints
from serinus.controller.queue import Key, WorkQueue
from serinus.controller.reconcile import Reconciler
from serinus.controller.sampling import Reader, Sampler
from serinus.controller.watching import SELECTOR, WATCHED, Watching

log = logging.getLogger(__name__)

RESYNC = 60.0
"""Seconds between two lists of everything, give or take a tenth."""


class Prometheus(Reader, Protocol):
    """A reader that counts its queries."""

    queries_sent: int


class App:
    """One replica of the operator."""

    def __init__(
        self,
        cluster: Cluster,
        prometheus: Prometheus,
        *,
        namespaces: tuple[str, ...] = (),
        lease: Lease | None = None,
        workers: int = 8,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._namespaces = namespaces
        self._lease = lease
        self._workers = workers
        self._leading = False
        self._synced = False
        self.store = Store()
        self.queue = WorkQueue(clock)
        self.sampler = Sampler(prometheus, clock, self.queue.add)
        self._reconciler = Reconciler(cluster, self.store, self.sampler, clock)
        self._watching = None
        self.metrics = Metrics(
            Gauges(
                leading=lambda: self._leading,
                queue_depth=lambda: self.queue.depth,
                requests=lambda: cluster.requests,
                queries=lambda: prometheus.queries_sent,
                phases=self._phases,
            )
        )

    async def run(self, bind: tuple[str, int] | None = None) -> None:
        """Serve until cancelled; then finish what is in work and release the Lease."""
        watching = Watching(self._seen, self._namespaces)
        watching.start()
        try:
            async with contextlib.AsyncExitStack() as stack:
                if bind is not None:
                    await stack.enter_async_context(self._serving(*bind, watching))
                await self._lead_and_follow()
        finally:
            watching.halt()

    async def _lead_and_follow(self) -> None:
        while True:
            # a standby keeps its store warm, so that it can act at once
            await self._until_synced()
            if self._lease is None:
                await self._lead()
                continue
            await self._while_following(self._lease)
            leading = asyncio.create_task(self._lead())
            keeping = asyncio.create_task(self._lease.keep())
            try:
                await asyncio.wait([leading, keeping], return_when="FIRST_COMPLETED")
            finally:
                leading.cancel()
                await asyncio.wait([leading])
                keeping.cancel()
                await asyncio.wait([keeping])
                await self._lease.release()
            if not leading.cancelled() and (error := leading.exception()):
                raise error

    async def _while_following(self, lease: Lease) -> None:
        resyncing = asyncio.create_task(self._resync_forever())
        try:
            await lease.acquire()
        finally:
            resyncing.cancel()

    async def _lead(self) -> None:
        self._reconciler.forget_everything()
        await self._until_synced()
        self._leading = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._resync_forever())
                group.create_task(self.sampler.run())
                group.create_task(self.queue.run(self._reconcile, self._workers))
        finally:
            self._leading = False

    async def _reconcile(self, key: Key) -> float | None:
        started = time.perf_counter()
        result = "error"
        try:
            wait = await self._reconciler(key)
            result = "done"
            return wait
        except ApiError as error:
            if error.conflict:
                # somebody wrote the object meanwhile: look at it anew
                result = "conflict"
                await self._refresh(key)
                return 0.0
            raise
        finally:
            self.metrics.reconcile.labels(result).observe(time.perf_counter() - started)

    async def _refresh(self, key: Key) -> None:
        live = await self._cluster.find("ModelDeployment", *key)
        if live is not None:
            self.store.put(live)

    # what is seen

    def _seen(self, type_: str | None, live: dict[str, Any]) -> None:
        if type_ == "DELETED":
            self.store.remove(live)
        elif not self.store.put(live):
            return
        if (key := _owner(live)) is not None:
            self.queue.add(key)

    async def _until_synced(self) -> None:
        while True:
            try:
                await self._resync()
            except ApiError as error:
                log.warning("waiting for the API server: %s", error)
                await asyncio.sleep(1)
            else:
                return

    async def _resync_forever(self) -> None:
        while True:
            await asyncio.sleep(RESYNC * random.uniform(0.9, 1.1))
            try:
                await self._resync()
            except ApiError as error:
                log.warning("the list of everything failed, the next one is due soon: %s", error)

    async def _resync(self) -> None:
        known = set(self.store.names("ModelDeployment"))
        for kind in WATCHED:
            for namespace in self._namespaces or (None,):
                await self._relist(kind, namespace)
        self._synced = True
        for name in known | set(self.store.names("ModelDeployment")):
            self.queue.add(Key(*name))

    async def _relist(self, kind: str, namespace: str | None) -> None:
        selector = SELECTOR if kind in CHILDREN else ""
        try:
            found, version = await self._cluster.snapshot(kind, namespace, selector)
        except ApiError as error:
            if kind == "HTTPRoute" and error.absent:
                return  # no Gateway API in this cluster
            raise
        self.store.replace(kind, found, version, namespace)

    # what is told

    def _phases(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for name in self.store.names("ModelDeployment"):
            live = self.store.get("ModelDeployment", *name) or {}
            found[(live.get("status") or {}).get("phase", "Progressing")] += 1
        return found

    @contextlib.asynccontextmanager
    async def _serving(self, host: str, port: int, watching: Watching) -> Any:
        def healthy() -> str | None:
            return None if watching.is_alive() else "watching has ended"

        def ready() -> str | None:
            return None if self._synced else "objects are not listed yet"

        runner = web.AppRunner(endpoints(self.metrics, healthy, ready), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield
        finally:
            await runner.cleanup()


def _owner(live: dict[str, Any]) -> Key | None:
    metadata = live["metadata"]
    if live["kind"] == "ModelDeployment":
        return Key(metadata["namespace"], metadata["name"])
    name = (metadata.get("labels") or {}).get(OWNER_LABEL)
    return Key(metadata["namespace"], name) if name else None
