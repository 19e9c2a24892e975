"""Which ModelDeployments want a reconcile, and when.

A key is in work at most once at a time, however often it is added; what is added while it is in
work makes it run once more. The clock of delayed adds is injected, so that tests need not wait;
failures back off in real time, since what they wait for is real.
"""

import asyncio
import contextlib
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from serinus.cluster import ApiError

log = logging.getLogger(__name__)

BACKOFF_FIRST: Final = 0.1
BACKOFF_LONGEST: Final = 30.0
DRAIN: Final = 20.0
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
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._dirty: dict[Key, None] = {}  # in the order in which they came
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self.wake = asyncio.Event()
        """Set it after moving an injected clock."""

    def add(self, key: Key) -> None:
        """Reconcile as soon as a worker is free."""
        if key not in self._dirty:
            self._dirty[key] = None
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
        """Work until cancelled; what is in work then is cancelled too. See `drain`."""
        self._ready = asyncio.Queue()
        for key in self._dirty:
            self._ready.put_nowait(key)
        self._open.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            for _ in range(workers):
                group.create_task(self._work(reconcile))

    async def drain(self) -> None:
        """Begin nothing more, and wait until what is in work has ended, at most DRAIN seconds."""
        self._open.clear()
        try:
            async with asyncio.timeout(DRAIN):
                while self._active:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("still in work after %g s, now cancelled: %s", DRAIN, self._active)

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
            # not wait_for: it may lose a cancellation that comes as the event is set
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self.wake.wait()

    async def _work(self, reconcile: Reconcile) -> None:
        while True:
            key = await self._ready.get()
            await self._open.wait()
            self._dirty.pop(key, None)
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
                self._idle.set()
                if key in self._dirty:
                    self._ready.put_nowait(key)

    def _retry(self, key: Key, error: Exception) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(count - 1, 20))
        delay = longest * random.uniform(0.8, 1.2)
        known = isinstance(error, ApiError)
        raced = isinstance(error, ApiError) and error.conflict
        log.log(
            logging.INFO if raced else logging.WARNING,
            "%s/%s: next try in %.1f s: %s",
            *key,
            delay,
            error,
            exc_info=None if known else error,
        )
        asyncio.get_running_loop().call_later(delay, self.add, key)
