"""An HTTP receiver of notifications, as a test lets it behave."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import web

from tests.support.ports import free_port

KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET: Final = "T0P-S3CR3T"
"""A part of the address that must be in no log."""


@dataclass(frozen=True)
class Attempt:
    """A request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def told(self) -> tuple[str, str]:
        """The name of the object, and what happened to it."""
        return self.event["data"]["name"], self.event["data"]["kind"]


Behave = Callable[[Attempt], Awaitable[web.Response]]


async def accept(_: Attempt) -> web.Response:
    return web.Response(status=204)


async def hang(_: Attempt) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Receiver:
    """`async with Receiver(folder) as receiver`: up; `folder` gets the files of its Secret."""

    folder: Path
    name: str = "ops"
    behave: Behave = accept
    attempts: list[Attempt] = field(default_factory=list)
    """All that arrived."""
    taken: list[Attempt] = field(default_factory=list)
    """Those that were answered with success."""
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "url").write_text(f"http://127.0.0.1:{self.port}/{SECRET}?key={SECRET}")
        (self.folder / "signing-key").write_text(KEY)
        self._runner: web.AppRunner | None = None

    def option(self, **more: object) -> str:
        """The operator's option for it."""
        endpoint = {"name": self.name, "form": "CloudEvents", "folder": str(self.folder)}
        return f"--notify={json.dumps({**endpoint, 'allowHttp': True, **more})}"

    async def up(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def down(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    async def until(self, holds: Callable[[Self], bool], within: float = 120.0) -> None:
        """Wait until this holds."""
        deadline = time.monotonic() + within
        while not holds(self):
            assert time.monotonic() < deadline, [each.event for each in self.attempts]
            await asyncio.sleep(0.05)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What it has taken, in order."""
        return [each.told for each in self.taken]

    async def _answer(self, request: web.Request) -> web.Response:
        attempt = Attempt(request.path_qs, dict(request.headers), await request.read())
        self.attempts.append(attempt)
        answer = await self.behave(attempt)
        if answer.status < 300:
            self.taken.append(attempt)
        return answer

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()
