"""A port whose clients take a limited number of files and no time of others.

Whoever reaches it may be anybody, and the files that a process may have open are for what rolls
out. If there are too many connections the oldest of them end, never the newest: so a probe, a
scrape and whoever comes next are answered.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

READ_WITHIN: Final = 10.0
"""Seconds in which the headers of a request must have arrived, and then its body; also for which a
connection without a request is kept."""
MOST_CONNECTIONS: Final = 100
"""Some more for a moment, if many come at once."""
_MOST_HEADERS: Final = 64
"""Header fields of a request, each of up to 8 KiB. Browsers and proxies send a third as many."""


class _Client(web.RequestHandler):
    """A connection, on which the next request may come once the one before is answered. Requests
    that are sent ahead would wait in memory, 32 of up to a megabyte, and no client of ours does."""

    __slots__ = ("asked", "is_handled")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        # unpacked by its client's word, a body of some kilobytes could take all memory
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=READ_WITHIN,
            auto_decompress=False,
            max_headers=_MOST_HEADERS,
        )
        self.asked: web.Request | None = None
        """What is not answered in full."""
        self.is_handled = False
        """Whether the answer is still made."""

    @property
    def has_asked(self) -> bool:
        """Whether all of a request is there, which is not answered in full. One that has not sent
        all of it may be slow for as long as it likes."""
        return self.asked is not None and self.asked.content.is_eof()

    def data_received(self, data: bytes) -> None:
        """What is sent ahead ends the connection; the parser calls it with nothing."""
        if data and self.has_asked and self.transport is not None:
            self.transport.abort()
        else:
            super().data_received(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send all of the answer."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.asked = None


@asynccontextmanager
async def serving(
    app: web.Application, host: str | None, port: int, *, most: int = MOST_CONNECTIONS
) -> AsyncIterator[int]:
    """Serve an application, with bodies as they were sent, packed or not. The port: another than
    the one that is asked for if that is 0."""

    @web.middleware
    async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = request.protocol
        assert isinstance(client, _Client)
        client.asked, client.is_handled = request, True
        try:
            return await handler(request)
        finally:
            client.is_handled = False

    app.middlewares.insert(0, noted)
    runner = web.AppRunner(app, shutdown_timeout=2)
    await runner.setup()
    server, loop = runner.server, asyncio.get_running_loop()
    assert server is not None

    def accept() -> asyncio.Protocol:
        clients = (each for each in server.connections if isinstance(each, _Client))
        transports = ((each.is_handled and each.has_asked, each.transport) for each in clients)
        found = [(answered, of) for answered, of in transports if of and not of.is_closing()]
        # those that are answered, as a stream is, after all that are not; of each the oldest first
        found.sort(key=lambda each: each[0])
        for _, transport in found[: max(0, len(found) + 1 - most)]:
            transport.abort()
        return _Client(server, loop)

    listener = await loop.create_server(accept, host, port)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await runner.cleanup()


async def body_of(request: web.Request) -> bytes:
    """As it was sent. Raises the answer to a client that takes too long or sends too much."""
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
