"""Clients on this machine, whose clock is also that of whoever watches the route: they keep their
connections and say of each request when it was sent, and who answered."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

PATIENCE = 10.0
"""Seconds that a client waits for an answer."""


@dataclass(frozen=True)
class Answer:
    """What became of a request; without a status, nobody answered."""

    sent: float
    seconds: float
    status: int | None
    version: str | None


@dataclass(frozen=True)
class Target:
    """Where requests go."""

    address: str
    port: int
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> bytes:
        """The bytes of a request."""
        lines = [f"GET / HTTP/1.1\r\nhost: {self.host}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in self.headers.items()]
        return "".join((*lines, "\r\n")).encode()


def ask(target: Target, requests: int, connections: int = 16) -> Sequence[Answer]:
    """The answers to so many requests, as fast as they come."""

    async def all_of_them() -> list[Answer]:
        each = -(-requests // connections)
        clients = [_Client(target) for _ in range(connections)]
        found = await asyncio.gather(*(client.ask(each) for client in clients))
        return [answer for answers in found for answer in answers]

    return asyncio.run(all_of_them())


def by_status(answers: Sequence[Answer]) -> Counter[str]:
    """How many answers had which status."""
    return Counter(str(answer.status or "no answer") for answer in answers)


def failed(answers: Sequence[Answer]) -> list[Answer]:
    """Those that are no 200."""
    return [answer for answer in answers if answer.status != 200]


def share(answers: Sequence[Answer], version: str) -> float:
    """The share that a version answered."""
    return sum(answer.version == version for answer in answers) / len(answers)


class Stream:
    """Requests at a steady rate until the context ends, some connections beside each other; a
    request is sent although earlier ones have no answer yet."""

    def __init__(self, target: Target, rate: float = 400) -> None:
        self._target, self._every = target, 1 / rate
        self.answers: list[Answer] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def since(self, moment: float) -> Sequence[Answer]:
        """Answers to requests that were sent from this moment on."""
        return [answer for answer in list(self.answers) if answer.sent >= moment]

    async def _send(self) -> None:
        idle: list[_Client] = []
        running: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not self._ended.is_set():
            due += self._every
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._one(idle))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _one(self, idle: "list[_Client]") -> None:
        client = idle.pop() if idle else _Client(self._target)
        self.answers += await client.ask(1)
        idle.append(client)


class _Client:
    """One connection, opened again after a failure."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, requests: int) -> list[Answer]:
        return [await self._ask() for _ in range(requests)]

    async def _ask(self) -> Answer:
        sent = time.time()
        try:
            async with asyncio.timeout(PATIENCE):
                status, version = await self._exchange()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self._close()
            status, version = None, None
            await asyncio.sleep(0.01)
        return Answer(sent, time.time() - sent, status, version)

    async def _exchange(self) -> tuple[int, str | None]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._target.address, self._target.port)
        reader, writer = self._streams
        writer.write(self._target.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        if fields.get("transfer-encoding") == "chunked":
            while (size := int(await reader.readline(), 16)) > 0:
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            self._close()
        return int(head[0].split(" ")[1]), fields.get("x-version")

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
