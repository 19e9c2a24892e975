"""What follows registries, with a clock that tests move."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf

from serinus.api.isolation import Fault
from serinus.api.registry import Answer, Reference, Registry
from serinus.registries import Registries

START = 1795593940.0


class Following:
    """Registries that are asked, and what comes of it."""

    def __init__(self, *registries: Registry) -> None:
        self.now = START
        self.woken: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.registries = Registries(registries, lambda: self.now)
        self.registries.heard(lambda *who: self.woken.append(who), self.faults.append)

    def follow(self, reference: Reference, name: str = "fraud") -> Answer | None:
        return self.registries.follow("shop", name, reference)

    async def answer(self, reference: Reference) -> Answer:
        """The first answer."""
        await until(lambda: self.follow(reference) is not None)
        found = self.follow(reference)
        assert found is not None
        return found

    async def later(self, reference: Reference, seconds: float) -> Answer:
        """The answer to the next request, when so much time has gone by."""
        before = self.follow(reference)
        self.now += seconds
        self.registries.wake()
        await until(lambda: self.follow(reference) is not before)
        found = self.follow(reference)
        assert found is not None
        return found

    async def idle(self) -> None:
        """Nothing is due, and no request is under way."""
        pollers = self.registries._pollers.values()
        known = [each._followed for each in pollers]
        await until(lambda: all(self.now < each.due < inf for of in known for each in of.values()))


@asynccontextmanager
async def following(*registries: Registry) -> AsyncIterator[Following]:
    found = Following(*registries)
    task = asyncio.create_task(found.registries.run())
    yield found
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def until(holds: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
