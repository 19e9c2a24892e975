"""The dashboard in a process of its own, with many browser tabs, and a kubelet that probes it."""

import asyncio
import copy
import gc
import http.client
import itertools
import json
import multiprocessing
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, cast

import aiohttp
from aiohttp import web

from serinus.page.known import KnownObjects
from serinus.page.server import Page
from serinus.page.viewers import Reviewed
from tests.support.replayed import replayed

NAMESPACES: Final = 20
_PROBE_EVERY: Final = 0.1


@dataclass(frozen=True)
class Load:
    """What the dashboard has to bear."""

    rollouts: int = 500
    tabs: int = 100
    """Each of a person of their own; every second one may list half of the namespaces."""
    changes: int = 50
    """Objects that change in a second."""
    seconds: float = 10.0


@dataclass(frozen=True)
class Figures:
    """How it bore it."""

    probes: list[float]
    """Seconds that each probe took, shortest first."""
    seconds: float
    """From the first tab to the last probe."""
    answers: int
    """Lists that tabs got."""
    unchanged: int
    """Lists that tabs asked for, and had already."""
    megabytes: float
    """That these had on the wire."""
    cpu: float
    """CPU seconds of the dashboard."""
    longest: float
    """CPU seconds of the longest piece of its event loop."""
    strange: frozenset[str]
    """Namespaces that somebody saw who may not."""

    def quantile(self, share: float) -> float:
        """Of the probes."""
        return self.probes[min(int(share * len(self.probes)), len(self.probes) - 1)]

    def __str__(self) -> str:
        p50, p99, most = (1000 * self.quantile(share) for share in (0.5, 0.99, 1.0))
        return (
            f"{len(self.probes)} probes: p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {most:.0f} ms; "
            f"{self.answers} lists, {self.unchanged} unchanged, {self.megabytes:.1f} MB; "
            f"{self.cpu:.1f} s of CPU, at most {1000 * self.longest:.0f} ms in one piece"
        )


async def measured(load: Load) -> Figures:
    """Serve, look and probe."""
    with _process(_serve, load) as server:
        port = await _received(server)
        began = time.monotonic()
        tabs = [_Tab(port, number) for number in range(load.tabs)]
        looking = [asyncio.create_task(each.look()) for each in tabs]
        while not all(each.answers for each in tabs):
            await asyncio.sleep(0.05)
            assert not any(each.done() for each in looking)
        server.send("begin")
        with _process(_probe, load, port) as prober:
            probes = await _received(prober)
        seconds = time.monotonic() - began
        server.send("end")
        cpu, longest = await _received(server)
        for each in looking:
            each.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
    return Figures(
        sorted(probes),
        seconds,
        sum(each.answers for each in tabs),
        sum(each.unchanged for each in tabs),
        sum(each.size for each in tabs) / 1e6,
        cpu,
        longest,
        frozenset().union(*(each.strange for each in tabs)),
    )


def objects(count: int) -> Iterator[dict[str, Any]]:
    """States of a real rollout, in many namespaces."""
    states = list(replayed())[1:]
    for number in range(count):
        state = copy.deepcopy(states[number % len(states)])
        state["metadata"] = {"namespace": f"team-{number % NAMESPACES}", "name": f"model-{number}"}
        yield state


def may_list(token: str, namespace: str) -> bool:
    """The rights of the person with this token."""
    number = int(token.removeprefix("person-"))
    return number % 2 == 0 or (bool(namespace) and int(namespace.removeprefix("team-")) % 2 == 0)


class _Tab:
    def __init__(self, port: int, number: int) -> None:
        self._url, self._token = f"http://127.0.0.1:{port}", f"person-{number}"
        self._tag = ""
        self.answers = self.unchanged = self.size = 0
        self.strange: set[str] = set()

    async def look(self) -> None:
        """Ask again after each event, as the script of the page does."""
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as browser:
            await self._ask(browser)
            async with browser.get(f"{self._url}/events") as stream:
                async for line in stream.content:
                    if line.startswith(b"event: changed"):
                        await self._ask(browser)

    async def _ask(self, browser: aiohttp.ClientSession) -> None:
        headers = {"HX-Request": "true", "If-None-Match": self._tag}
        async with browser.get(f"{self._url}/", headers=headers) as answer:
            self._count(answer, await answer.text())
            self._tag = answer.headers.get("ETag", "")

    def _count(self, answer: aiohttp.ClientResponse, text: str) -> None:
        assert answer.status in (200, 304), text
        self.unchanged += answer.status == 304
        self.answers += answer.status == 200
        self.size += int(answer.headers.get("Content-Length", 0))
        for number in range(NAMESPACES):
            if f">team-{number}/<" in text and not may_list(self._token, f"team-{number}"):
                self.strange.add(f"team-{number}")


async def _received(connection: Connection) -> Any:
    while not connection.poll():
        await asyncio.sleep(0.02)
    return connection.recv()


@contextmanager
def _process(run: Any, *arguments: Any) -> Iterator[Connection]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=run, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()


def _probe(connection: Connection, load: Load, port: int) -> None:
    """As a kubelet does: a connection each time."""
    took: list[float] = []
    until = time.monotonic() + load.seconds
    while (began := time.monotonic()) < until:
        probe = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        probe.request("GET", "/healthz")
        assert probe.getresponse().status == 200
        probe.close()
        took.append(time.monotonic() - began)
        time.sleep(max(began + _PROBE_EVERY - time.monotonic(), 0.0))
    connection.send(took)


def _serve(connection: Connection, load: Load) -> None:
    gc.freeze()  # as its __main__ does
    asyncio.run(_served(connection, load))


async def _served(connection: Connection, load: Load) -> None:
    known = KnownObjects()
    known.replace(objects(load.rollouts))
    there = [json.dumps(each) for each in objects(load.rollouts)]

    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        await asyncio.sleep(0.005)
        return may_list(token, namespace)

    async with _listening(Page(known, Reviewed(review), login=True).application()) as port:
        connection.send(port)
        assert await _received(connection) == "begin"
        began, longest = time.process_time(), _timed()
        changing = asyncio.create_task(_change(known, there, load))
        assert await _received(connection) == "end"
        changing.cancel()
        connection.send((time.process_time() - began, max(longest)))
        await asyncio.sleep(60)


async def _change(known: KnownObjects, there: list[str], load: Load) -> None:
    began = time.monotonic()
    for number, text in enumerate(itertools.cycle(there)):
        each = json.loads(text)
        status = each["status"]
        decisions = [{**status["decisions"][0], "message": f"Look {number}."}]
        known.put({**each, "status": {**status, "decisions": decisions}})
        await asyncio.sleep(max(began + (number + 1) / load.changes - time.monotonic(), 0.0))


def _timed() -> list[float]:
    """From now on, the CPU seconds of each piece of work of the event loop that took longer than
    all before it."""
    longest, handle = [0.0], cast(Any, asyncio.Handle)
    run = handle._run

    def timed(self: asyncio.Handle) -> None:
        began = time.thread_time()
        run(self)
        took = time.thread_time() - began
        if took > longest[-1]:
            longest.append(took)

    handle._run = timed
    return longest


@asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
