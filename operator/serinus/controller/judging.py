"""Where measurements are judged, so that much to judge of one object delays no other.

A look costs some 30 microseconds a series. One with few is judged at once; others are judged on
threads, beside which the Lease is renewed and other passes go on. Heavy ones are judged one at a
time, and never wait in a worker of the queue: the measurement is left where it is, a newer one
replaces it, and the object gets a pass once the thread is free. See design note 0048.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from serinus.controller.queue import Key

T = TypeVar("T")

AT_ONCE: Final = 300
"""Series up to which a measurement is judged in the event loop: some 10 milliseconds."""
HEAVY: Final = 4000
"""Series beyond which it is heavy: some tenths of a second."""
SWITCH: Final = 0.001
"""Seconds after which a thread lets the event loop have its turn. With Python's 5 milliseconds, a
pass that waits ten times is delayed by 80 to 100 milliseconds beside a heavy look, with this by
some 20."""


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
            waiting, self._waiting = self._waiting, {}
            for key in waiting:
                self._free(key)

    def close(self) -> None:
        """Judge nothing more."""
        for each in (self._threads, self._heavy):
            each.shutdown(wait=False, cancel_futures=True)
