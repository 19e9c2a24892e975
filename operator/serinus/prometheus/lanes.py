"""Slots for queries on threads: a number of concurrent queries, and only some of them for one
tenant."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


class Lane:
    """A set of slots; queries never wait for those of another lane."""

    def __init__(self, name: str, turns: int) -> None:
        self._turns = asyncio.Semaphore(turns)
        self._of_each = max(turns // 2, 1)
        self._threads = ThreadPoolExecutor(turns, thread_name_prefix=f"prometheus-{name}")
        self._tenants: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, tenant: str | None = None) -> AsyncIterator[None]:
        """Waits for a slot; one tenant gets at most half of them."""
        if tenant is None:
            async with self._turns:
                yield
            return
        own = self._tenants.setdefault(tenant, asyncio.Semaphore(self._of_each))
        self._waiting[tenant] += 1
        try:
            async with own, self._turns:
                yield
        finally:
            self._waiting[tenant] -= 1
            if not self._waiting[tenant]:
                del self._waiting[tenant], self._tenants[tenant]

    async def run(self, work: Callable[[], T]) -> T:
        """Run on a thread of the lane."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Start nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
