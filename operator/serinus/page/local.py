"""The page on a user's machine: what the user's own tools read, shown to that user."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from threading import Thread

from serinus.page.known import KnownObjects, LiveObject
from serinus.page.server import MOST_CONNECTIONS, Page, hosts_of
from serinus.page.viewers import Everyone
from serinus.serving import serving

WatchChange = Sequence[LiveObject] | tuple[str, LiveObject] | str
"""All objects, or the type of an event with its object. A text: they cannot be read, until all of
them follow; it says which right is missing, or is empty."""


async def serve(
    found: Sequence[LiveObject],
    changes: Iterable[WatchChange],
    address: str,
    port: int,
    nothing: str,
    tell: Callable[[str], None],
) -> None:
    """Until cancelled, or until the changes end, with what ended them. `found`: all objects at
    first. `nothing`: what an empty list says. `tell` gets the page's URL once it is there."""
    known = KnownObjects()
    known.replace(found)
    page = Page(known, Everyone(), login=False, nothing=nothing)
    app = page.application(hosts_of(address))
    async with serving(app, address, port, most=MOST_CONNECTIONS) as port:
        shown = "127.0.0.1" if address in ("0.0.0.0", "::") else address
        tell(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/")
        await _follow(known, changes)


async def _follow(known: KnownObjects, changes: Iterable[WatchChange]) -> None:
    """The changes come from another thread, since they are waited for."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def put(change: WatchChange) -> None:
        if isinstance(change, str):
            known.lose(time.time(), change)
        elif not isinstance(change, tuple):
            known.replace(change)
        elif change[0] == "DELETED":
            known.remove(change[1])
        else:
            known.put(change[1])

    def end(error: Exception | None) -> None:
        if not ended.done():
            ended.set_exception(error) if error else ended.set_result(None)

    def read() -> None:
        error = None
        try:
            for change in changes:
                loop.call_soon_threadsafe(put, change)
        except Exception as found:  # handed to whoever waits
            error = found
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, error)

    Thread(target=read, daemon=True).start()
    await ended
