"""Server-sent events: a viewer learns that something which the viewer sees has changed, and since
when there is no connection to the API server.

An event has nothing of an object. The browser asks for the page again, with the viewer's rights of
then.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from aiohttp import web

from serinus.page.known import KnownObjects
from serinus.page.viewers import UnavailableError, UnknownViewerError

MOST_STREAMS: Final = 200
MOST_OF_A_VIEWER: Final = 20
"""So that nobody can take the streams of all others."""
HEARTBEAT: Final = 15.0
"""Seconds after which a stream without events says that it lives, and rights are asked again."""
_TICK: Final = 0.5
"""Seconds between two looks for changes; more changes make one event."""

Fingerprint = Callable[[], Awaitable[str | None]]
"""What the viewer sees at present, as a text that differs when it changes; None: nothing any
more."""


class Streams:
    """The open streams."""

    def __init__(self, most: int = MOST_STREAMS, heartbeat: float = HEARTBEAT) -> None:
        self._most, self._heartbeat = most, heartbeat
        self._open: dict[asyncio.Task[None], Hashable] = {}

    async def answer(
        self,
        request: web.Request,
        viewer: Hashable,
        state: Fingerprint,
        known: KnownObjects,
        behind: Callable[[], bool] = lambda: False,
    ) -> web.StreamResponse:
        """Send events until the viewer leaves, or no longer sees anything. `behind`: whether the
        last fingerprint lacks changes, which another one soon has."""
        of_viewer = sum(each == viewer for each in self._open.values())
        if len(self._open) >= self._most or of_viewer >= MOST_OF_A_VIEWER:
            raise web.HTTPServiceUnavailable(
                text="Too many streams are open.", headers={"Retry-After": "10"}
            )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        sending = asyncio.create_task(self._send(request, response, state, known, behind))
        self._open[sending] = viewer
        try:
            await sending
        except (asyncio.CancelledError, ConnectionError):
            sending.cancel()
        finally:
            del self._open[sending]
        return response

    async def close(self, _: web.Application) -> None:
        """End all of them."""
        for each in self._open:
            each.cancel()

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        state: Fingerprint,
        known: KnownObjects,
        behind: Callable[[], bool],
    ) -> None:
        revision: int | None = known.revision
        before = await state()
        shown = request.query.get("shown", before)
        if before is not None and shown != before:
            revision, before = None, shown  # it has changed since the page was made
        if behind():
            revision = None
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        # browsers that connect at once, as after a restart, do not ask for the page at once as well
        await asyncio.sleep(_TICK * random.random())
        spoke, warned = time.monotonic(), None
        while before is not None:
            if known.warning != warned:
                warned = known.warning
                await response.write(f"event: warning\ndata: {warned}\n\n".encode())
            await asyncio.sleep(_TICK)
            due = time.monotonic() - spoke >= self._heartbeat
            if known.revision == revision and not due:
                continue
            revision = known.revision
            now = await _asked(state, before)
            if behind():
                revision = None
            if now != before:
                await response.write(b"event: changed\ndata:\n\n")
            elif due:
                await response.write(b": \n\n")
            else:
                continue
            before, spoke = now, time.monotonic()


async def _asked(state: Fingerprint, before: str) -> str | None:
    """As before while nobody can say what the viewer may see: then nothing is sent."""
    try:
        return await state()
    except UnavailableError:
        return before
    except UnknownViewerError:
        return None
