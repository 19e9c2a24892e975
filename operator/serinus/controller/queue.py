"""Which ModelDeployments want a reconcile, and when.

A key is in work at most once at a time, however often it is added; what is added while it is in
work makes it run once more. Time is injected, so that tests need not wait.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from serinus.cluster import ApiError

log = logging.getLogger(__name__)

BACKOFF_FIRST = 0.1
BACKOFF_LONGEST = 30.0
DRAIN = 20.0
"""Seconds that reconciles in work may take to end."""


class Key(NamedTuple):
    """A ModelDeployment."""

    namespace: str
    name: str


Reconcile = Callable[[Key], Awaitable[float | None]]
"""Bring a key a step further; the answer is the seconds until the next visit, None: on event."""


class WorkQueue:
    """De-duplicated, serial per key, with delayed adds and a growing delay after failures."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: asyncio.Queue[Key | None] = asyncio.Queue()
        self._closing = False
        self._dirty: set[Key] = set()
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self.wake = asyncio.Event()
        """Set it after moving an injected clock."""

    def add(self, key: Key) -> None:
        """Reconcile as soon as a worker is free."""
        if key not in self._dirty:
            self._dirty.add(key)
            if key not in self._active:
                self._ready.put_nowait(key)

    def add_after(self, key: Key, delay: float) -> None:
        """Reconcile after so many seconds, at the latest; the earliest of several wins."""
        if delay <= 0:
            self.add(key)
            return
        due = self._clock() + delay
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self.wake.set()

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._dirty)

    async def run(self, reconcile: Reconcile, workers: int) -> None:
        """Work until cancelled; what is in work then is finished first."""
        self._closing = False
        self._ready = asyncio.Queue()
        for key in self._dirty:
            self._ready.put_nowait(key)
        ticking = asyncio.create_task(self._tick())
        working = [asyncio.create_task(self._work(reconcile)) for _ in range(workers)]
        try:
            ended, _ = await asyncio.wait([ticking, *working], return_when="FIRST_COMPLETED")
            raise RuntimeError("a worker ended by itself") from next(iter(ended)).exception()
        finally:
            self._closing = True
            ticking.cancel()
            for _ in working:
                self._ready.put_nowait(None)
            _, late = await asyncio.wait(working, timeout=DRAIN)
            for task in late:
                task.cancel()

    async def _tick(self) -> None:
        while True:
            self.wake.clear()
            now = self._clock()
            while self._heap and self._heap[0][0] <= now:
                due, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            delay = self._heap[0][0] - now if self._heap else None
            try:
                await asyncio.wait_for(self.wake.wait(), delay)
            except TimeoutError:
                continue

    async def _work(self, reconcile: Reconcile) -> None:
        while (key := await self._ready.get()) is not None and not self._closing:
            self._dirty.discard(key)
            self._active.add(key)
            try:
                delay = await reconcile(key)
            except Exception as error:
                self._retry(key, error)
            else:
                self._failures.pop(key, None)
                if delay is not None:
                    self.add_after(key, delay)
            finally:
                self._active.discard(key)
                if key in self._dirty:
                    self._ready.put_nowait(key)

    def _retry(self, key: Key, error: Exception) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(count - 1, 20))
        known = isinstance(error, ApiError)
        log.warning("%s/%s failed: %s", *key, error, exc_info=None if known else error)
        self.add_after(key, longest * random.uniform(0.8, 1.2))
