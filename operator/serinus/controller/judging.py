"""Where measurements are judged, so that much to judge of one object delays no other.

A look costs some 30 microseconds a series. One with few is judged at once; others are judged on
threads, while the Lease is renewed and other passes go on. Heavy ones are judged one at a
time, and never wait in a worker of the queue: the measurement is left where it is, a newer one
replaces it, and the object gets a pass once the thread is free. See design note 0048.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Final, TypeVar

from serinus.controller.queue import Key

T = TypeVar("T")

AT_ONCE: Final = 300
"""Series up to which a measurement is judged in the event loop: some 10 milliseconds."""
HEAVY: Final = 4000
"""Series beyond which it is heavy: some tenths of a second."""
SWITCH: Final = 0.001
"""Seconds after which a thread lets the event loop have its turn. With Python's 5 milliseconds, a
pass that waits ten times is delayed by 80 to 100 milliseconds because of a heavy look, with this by
some 20."""


FREED: Final = 4
"""Objects that get a pass once the thread is free, of all that wait. One of them takes it; a pass
over each of hundreds would take longer than what it judges."""
FREED_AGAIN: Final = 1.0
"""Seconds after which others get theirs, if none of these has taken it: it has nothing to judge any
more."""


class Judging:
    """The threads; `free` is called with the key of an object whose measurement had to wait."""

    def __init__(self, free: Callable[[Key], None]) -> None:
        self._free = free
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="judging")
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="judging-heavy")
        self._busy = False
        self._waiting: dict[Key, None] = {}

    def accepts(self, key: Key, series: int) -> bool:
        """Whether a measurement of so many series can be judged now; otherwise the object gets
        another pass."""
        if series <= HEAVY or not self._busy:
            return True
        self._waiting[key] = None
        return False

    async def run(self, series: int, work: Callable[[], T]) -> T:
        """The result of the work, which judges so many series."""
        if series <= AT_ONCE:
            return work()
        loop, context = asyncio.get_running_loop(), copy_context()
        if series <= HEAVY:
            return await loop.run_in_executor(self._threads, context.run, work)
        self._busy = True
        try:
            return await loop.run_in_executor(self._heavy, context.run, work)
        finally:
            self._busy = False
            self._free_some(loop)

    def _free_some(self, loop: asyncio.AbstractEventLoop) -> None:
        """Those that have waited longest get another pass, while nothing heavy is judged."""
        if self._busy or not self._waiting:
            return
        for key in list(islice(self._waiting, FREED)):
            del self._waiting[key]
            self._free(key)
        loop.call_later(FREED_AGAIN, self._free_some, loop)

    def close(self) -> None:
        """Judge nothing more."""
        for each in (self._threads, self._heavy):
            each.shutdown(wait=False, cancel_futures=True)
