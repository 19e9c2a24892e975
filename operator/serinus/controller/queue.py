"""Which ModelDeployments need a reconcile, and when.

A key is processed at most once at a time; if it is added meanwhile, it is processed once more. The
clock of delayed adds is injected, so that tests need not wait; backoff uses real time. A key has at
most one pending retry: an event brings it forward, and never adds another.
"""

import asyncio
import contextlib
import heapq
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from serinus.cluster import ApiError

log = logging.getLogger(__name__)

BACKOFF_FIRST: Final = 0.1
BACKOFF_LONGEST: Final = 30.0
BROUGHT_FORWARD_TO: Final = 5.0
"""Seconds after a failure at which an event may bring the retry forward, so that many events do not
defeat the backoff."""
RETRY_AFTER_LONGEST: Final = 120.0
"""Seconds up to which the API server's Retry-After is honoured."""
RESERVED: Final = 2
"""Additional workers for urgent keys only: a rollback must not wait until eight slow requests have
timed out."""
LONGEST_SLEEP: Final = 30.0
"""Seconds until the clock is read again, because it may have been set."""
DRAIN: Final = 20.0
"""Seconds that running reconciles may take to finish."""
_SPARE: Final = 100
"""Replaced times that the heap may hold besides as many as there are keys: each pass of a rollout
that waits for days replaces one."""


class Key(NamedTuple):
    """A ModelDeployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Wake(StrEnum):
    """Why a pass is made: the first of all causes since the last one."""

    OBJECT = "object"
    """The ModelDeployment was changed."""
    MEASURED = "measured"
    """A measurement of a rollout was taken."""
    JUDGE = "judge"
    """A measurement waits, and the thread that can judge it is free."""
    CHILD = "child"
    """A child was created, changed or deleted."""
    GATEWAY = "gateway"
    """A Gateway was changed so that routes may lead to it, or no longer."""
    MONITORED = "monitored"
    """A measurement for monitoring was taken."""
    REGISTRY = "registry"
    """A registry says something else of the model that is followed."""
    NOTIFIED = "notified"
    """A notice was delivered, or given up."""
    LIST = "list"
    """Everything was listed."""
    LEADING = "leading"
    """This replica became the leader, or acts on another namespace now."""
    TIME = "time"
    """The last pass asked for it at this time."""
    FOLLOW_UP = "follow-up"
    """The last pass decided or wrote something, and asked for another at once."""
    RETRY = "retry"
    """The last pass failed."""

    @property
    def urgent(self) -> bool:
        """Whether it comes first, and awaits no backoff: an abort must not wait behind events of
        many pods, and a measurement may roll back."""
        return self in (Wake.OBJECT, Wake.MEASURED, Wake.JUDGE)


class TryAgainError(Exception):
    """What failed has its own backoff, and is due again after this many seconds."""

    def __init__(self, after: float, message: str) -> None:
        super().__init__(message)
        self.after = after


class FailedPassError(Exception):
    """Our own code raised, which has been logged and reported."""


@dataclass(frozen=True, slots=True)
class _Retry:
    timer: asyncio.TimerHandle
    earliest: float
    """Time of the event loop before which no event brings it forward."""


Reconcile = Callable[[Key, Wake], Awaitable[float | None]]
"""Processes a key; returns the seconds until the next pass, or None to wait for events."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    since: float
    """Monotonic time."""
    wake: Wake


class WorkQueue:
    """De-duplicated, serial per key, with delayed adds and exponential backoff."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._urgent: dict[Key, _Waiting] = {}
        """Waiting keys in order of arrival."""
        self._others: dict[Key, _Waiting] = {}
        # at least one item per waiting key: the worker that gets it takes the first key
        self._any_waits: asyncio.Queue[None] = asyncio.Queue()
        self._urgent_waits: asyncio.Queue[None] = asyncio.Queue()
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._active: dict[Key, float] = {}
        self._again: dict[Key, Wake] = {}
        """Added while running."""
        self._began = time.monotonic()
        self._failures: dict[Key, int] = {}
        self._retries: dict[Key, _Retry] = {}
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self.wake = asyncio.Event()
        """Set it after moving an injected clock."""

    def add(self, key: Key, wake: Wake) -> None:
        """Reconcile as soon as a worker is free, but not before a failure's backoff has passed.
        Urgent keys ignore the backoff and come first."""
        if key in self._active:
            if wake.urgent and not self._again.get(key, wake).urgent:
                del self._again[key]
            self._again.setdefault(key, wake)
        elif wake.urgent:
            self._put_urgent(key, wake)
        elif key in self._retries:
            self._bring_forward(key)
        else:
            self._put(key, wake)

    def add_after(self, key: Key, delay: float) -> None:
        """Reconcile after this many seconds at the latest; the earliest call wins."""
        if delay <= 0:
            self.add(key, Wake.FOLLOW_UP)
            return
        due = self._clock() + delay
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            if len(self._heap) > 2 * len(self._due) + _SPARE:
                self._heap = [(due, key) for key, due in self._due.items()]
                heapq.heapify(self._heap)
            self.wake.set()

    @property
    def depth(self) -> int:
        """Number of waiting keys."""
        return len(self._urgent) + len(self._others) + len(self._again)

    @property
    def retries(self) -> int:
        """Failed keys that are retried later."""
        return len(self._retries)

    def stuck(self, longest: float) -> str | None:
        """Message if something is stuck for this many seconds; otherwise None."""
        now = time.monotonic()
        for key, since in self._active.items():
            if now - since > longest:
                return f"the reconcile of {key} has been running for {now - since:.0f} s"
        for key, waiting in (*self._urgent.items(), *self._others.items()):
            if now - max(waiting.since, self._began) > longest:
                return f"{key} has been waiting for a worker for {now - waiting.since:.0f} s"
        if self._heap and (late := self._clock() - self._heap[0][0]) > longest:
            return f"the pass of {self._heap[0][1]} is overdue by {late:.0f} s"
        return None

    async def run(self, reconcile: Reconcile, workers: int) -> None:
        """Work until cancelled; running reconciles are cancelled too. See `drain`."""
        for key, retry in self._retries.items():
            retry.timer.cancel()
            self._put(key, Wake.RETRY)
        self._retries.clear()
        self._any_waits, self._urgent_waits = asyncio.Queue(), asyncio.Queue()
        for key in (*self._urgent, *self._others):
            self._any_waits.put_nowait(None)
            if key in self._urgent:
                self._urgent_waits.put_nowait(None)
        self._open.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            for _ in range(workers):
                group.create_task(self._work(reconcile, self._next))
            for _ in range(RESERVED):
                group.create_task(self._work(reconcile, self._next_urgent))

    async def drain(self) -> None:
        """Start nothing more, and wait until running reconciles have finished, at most DRAIN
        seconds."""
        self._open.clear()
        try:
            async with asyncio.timeout(DRAIN):
                while self._active:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("still running after %g s, cancelled: %s", DRAIN, list(self._active))

    def _put(self, key: Key, wake: Wake) -> None:
        if key not in self._urgent and key not in self._others:
            self._others[key] = _Waiting(time.monotonic(), wake)
            self._any_waits.put_nowait(None)

    def _put_urgent(self, key: Key, wake: Wake) -> None:
        if key not in self._urgent:
            before = self._others.pop(key, None)
            since = time.monotonic() if before is None else before.since
            self._urgent[key] = _Waiting(since, wake)
            self._any_waits.put_nowait(None)
            self._urgent_waits.put_nowait(None)

    async def _tick(self) -> None:
        latest = self._clock()
        while True:
            self.wake.clear()
            now = self._clock()
            if now < latest:
                # the clock was set back: a pass finds out how long to wait
                for key in self._due:
                    self.add(key, Wake.TIME)
                self._due.clear()
                self._heap.clear()
            latest = now
            while self._heap and self._heap[0][0] <= now:
                due, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key, Wake.TIME)
            delay = min(self._heap[0][0] - now, LONGEST_SLEEP) if self._heap else None
            # not wait_for: it may lose a cancellation that comes as the event is set
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self.wake.wait()

    async def _next(self) -> tuple[Key, Wake]:
        while True:
            await self._any_waits.get()
            await self._open.wait()
            for lane in (self._urgent, self._others):
                if lane:
                    return _first(lane)

    async def _next_urgent(self) -> tuple[Key, Wake]:
        while True:
            await self._urgent_waits.get()
            await self._open.wait()
            if self._urgent:
                return _first(self._urgent)

    async def _work(
        self, reconcile: Reconcile, following: Callable[[], Awaitable[tuple[Key, Wake]]]
    ) -> None:
        while True:
            key, wake = await following()
            self._active[key] = self._began = time.monotonic()
            if (pending := self._retries.pop(key, None)) is not None:
                # this pass is the retry
                pending.timer.cancel()
            try:
                delay = await reconcile(key, wake)
            except asyncio.CancelledError:
                # if the queue is run again, nothing else knows of it
                (self._put_urgent if wake.urgent else self._put)(key, wake)
                raise
            except Exception as error:
                self._retry(key, error)
            else:
                self._failures.pop(key, None)
                # the pass has found anew when something is due
                self._due.pop(key, None)
                if delay is not None:
                    self.add_after(key, delay)
            finally:
                del self._active[key]
                self._idle.set()
                if (again := self._again.pop(key, None)) is not None:
                    self.add(key, again)

    def _retry(self, key: Key, error: Exception) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(count - 1, 20))
        delay = longest * random.uniform(0.8, 1.2)
        asked = error.retry_after if isinstance(error, ApiError) else None
        not_before = min(asked or 0.0, RETRY_AFTER_LONGEST)
        # spread retries that were rejected together
        delay = max(delay, not_before * random.uniform(1.0, 1.2))
        if isinstance(error, TryAgainError):
            delay = error.after
        known = isinstance(error, ApiError | TryAgainError | FailedPassError)
        raced = isinstance(error, ApiError) and error.conflict
        if raced:
            # another writer changed it: the event may already have arrived
            delay = min(delay, BROUGHT_FORWARD_TO)
        log.log(
            logging.INFO if raced else logging.WARNING,
            "%s: next try in %.1f s: %s",
            key,
            delay,
            error,
            exc_info=None if known else error,
        )
        earliest = max(not_before, min(delay, BROUGHT_FORWARD_TO))
        self._schedule(key, delay, asyncio.get_running_loop().time() + earliest)

    def _bring_forward(self, key: Key) -> None:
        pending, now = self._retries[key], asyncio.get_running_loop().time()
        if pending.earliest < pending.timer.when():
            pending.timer.cancel()
            self._schedule(key, max(0.0, pending.earliest - now), pending.earliest)

    def _schedule(self, key: Key, delay: float, earliest: float) -> None:
        timer = asyncio.get_running_loop().call_later(delay, self._retry_now, key)
        self._retries[key] = _Retry(timer, earliest)

    def _retry_now(self, key: Key) -> None:
        del self._retries[key]
        self._put(key, Wake.RETRY)


def _first(lane: dict[Key, _Waiting]) -> tuple[Key, Wake]:
    key = next(iter(lane))
    return key, lane.pop(key).wake
