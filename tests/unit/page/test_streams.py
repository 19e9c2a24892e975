"""Tabs are told of what has changed, soon and not at every change."""

import asyncio
import time

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from serinus.page.known import KnownObjects
from serinus.page.server import Page
from serinus.page.snapshot import EVERY
from serinus.page.viewers import Everyone
from tests.unit.page.test_snapshot import state


async def told(stream: ClientResponse, within: float) -> bool:
    """Whether the stream tells in time that something has changed."""
    try:
        async with asyncio.timeout(within):
            async for line in stream.content:
                if line == b"event: changed\n":
                    return True
    except TimeoutError:
        pass
    return False


@pytest.mark.parametrize("path", ["/events", "/rollouts/demo/loan/events"])
async def test_the_second_of_two_changes_is_told_as_soon_as_a_list_has_it(path: str) -> None:
    """A decision and its effect are two writes within a second."""
    known = KnownObjects()
    known.replace([state(0)])
    page = Page(known, Everyone(), login=False)
    async with TestClient(TestServer(page.application())) as client:
        stream = await client.get(path)
        known.put(state(0, phase="Paused"))
        assert await told(stream, EVERY + 2)
        known.put(state(0, phase="Degraded"))
        began = time.monotonic()
        assert await told(stream, EVERY + 2)
        assert not await told(stream, EVERY + 1), "it has not changed again"
        assert time.monotonic() - began < 3 * EVERY
        assert "Degraded" in await (await client.get("/")).text()
        stream.close()
