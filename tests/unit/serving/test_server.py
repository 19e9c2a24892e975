"""A port that anybody may reach: what strangers cost."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from serinus.page.known import KnownObjects
from serinus.page.server import Page
from serinus.page.viewers import Reviewed
from serinus.serving import body_of, serving

PROBE: Final = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
LOCAL: Final = "127.0.0.1"


async def ready(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"more\n")
        await asyncio.sleep(0.05)


async def slow(request: web.Request) -> web.Response:
    return web.Response(body=await body_of(request))


async def large(_: web.Request) -> web.Response:
    return web.Response(body=bytes(16 << 20))


def app() -> web.Application:
    found = web.Application()
    found.router.add_get("/readyz", ready)
    found.router.add_get("/endless", endless)
    found.router.add_get("/large", large)
    found.router.add_post("/slow", slow)
    return found


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has ended a connection without an answer."""
    with contextlib.suppress(ConnectionError):
        return await reader.read() == b""
    return True


@asynccontextmanager
async def idle(port: int, count: int) -> AsyncIterator[None]:
    """Connections on which nobody says anything."""
    opened = [socket.create_connection((LOCAL, port)) for _ in range(count)]
    await asyncio.sleep(0.2)
    yield
    for each in opened:
        each.close()


async def probe(port: int) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(PROBE)
        answer = await reader.readline()
        writer.close()
    return answer


async def test_a_probe_is_answered_beside_hundreds_of_idle_connections_which_take_few_files() -> (
    None
):
    before = files()
    async with serving(app(), LOCAL, 0) as port:
        async with idle(port, 90), idle(port, 90), idle(port, 90):
            assert b" 200 " in await probe(port)
            assert files() - before - 270 <= 110, "one for each side"
        assert b" 200 " in await probe(port)


async def test_those_that_are_answered_are_the_last_to_end() -> None:
    async with serving(app(), LOCAL, 0, most=10) as port:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(PROBE.replace(b"readyz", b"endless"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"more\n")
        async with idle(port, 30):
            assert b" 200 " in await probe(port)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await reader.read()
        writer.close()


async def test_strangers_who_send_slowly_end_before_those_that_are_answered() -> None:
    async with serving(app(), LOCAL, 0, most=10) as port:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(PROBE.replace(b"readyz", b"endless"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"more\n")
        opened = [await asyncio.open_connection(LOCAL, port) for _ in range(30)]
        for _, slowly in opened:
            slowly.write(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
            await asyncio.sleep(0.01)
        assert b" 200 " in await probe(port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read()
        for _, each in [*opened, (reader, writer)]:
            each.close()


async def test_clients_that_never_read_their_answers_keep_nobody_out() -> None:
    before = files()
    async with serving(app(), LOCAL, 0, most=10) as port:
        opened = [await asyncio.open_connection(LOCAL, port) for _ in range(18)]
        for _, writer in opened:
            writer.write(PROBE.replace(b"readyz", b"large"))
        await asyncio.sleep(0.2)
        assert b" 200 " in await probe(port)
        assert files() - before - 18 <= 15
        for _, writer in opened:
            writer.close()


async def test_who_asks_again_before_the_answer_is_ended_and_after_it_is_answered() -> None:
    """Else thirty-two requests with a megabyte of headers would wait in memory on each connection:
    ten of them took more than an operator may."""
    async with serving(app(), LOCAL, 0) as port:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        async with asyncio.timeout(10):
            for _ in range(3):
                writer.write(PROBE)
                assert b"200" in await reader.readuntil(b"ok")
            writer.write(PROBE.replace(b"readyz", b"large"))
            await reader.readline()
            writer.write(PROBE)
            with contextlib.suppress(ConnectionError):
                assert len(await reader.read(-1)) < 16 << 20
        writer.close()


async def test_a_request_of_very_many_headers_is_refused() -> None:
    async with serving(app(), LOCAL, 0) as port:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        more = b"".join(b"x-%d: a\r\n" % number for number in range(70))
        writer.write(PROBE.replace(b"Host: a\r\n", b"Host: a\r\n" + more))
        async with asyncio.timeout(10):
            assert b" 400 " in await reader.readline()
        writer.close()


async def test_a_connection_without_a_request_is_ended_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.serving.server.READ_WITHIN", 0.3)
    async with serving(app(), LOCAL, 0) as port:
        reader, writer = await asyncio.open_connection(LOCAL, port)
        async with asyncio.timeout(10):
            assert await ends(reader)
        writer.close()


@asynccontextmanager
async def login(asked: list[str]) -> AsyncIterator[str]:
    """The page's form; who sends which tokens is noted."""

    async def review(token: str, _verb: str, _namespace: str, _name: str) -> bool:
        asked.append(token)
        return True

    page = Page(KnownObjects(), Reviewed(review), login=True)
    async with serving(page.application(), LOCAL, 0) as port:
        yield f"http://{LOCAL}:{port}/login"


SAME_SITE: Final = {
    "Sec-Fetch-Site": "same-origin",
    "Content-Type": "application/x-www-form-urlencoded",
}


async def test_who_logs_in_is_known_by_the_token_of_the_form() -> None:
    asked: list[str] = []
    async with login(asked) as url, aiohttp.ClientSession() as http:
        sent = http.post(url, data={"token": " a+b= "}, headers=SAME_SITE, allow_redirects=False)
        async with sent as answer:
            assert answer.status == 303 and "a+b=" in answer.cookies["serinus-token"].value
    assert asked == ["a+b="]


async def test_a_login_is_not_unpacked_before_its_sender_is_known() -> None:
    """A few kilobytes could take all memory."""
    asked: list[str] = []
    packed = gzip.compress(b"token=" + b"x" * 1000)
    headers = {**SAME_SITE, "Content-Encoding": "gzip"}
    async with login(asked) as url, aiohttp.ClientSession() as http:
        async with http.post(url, data=packed, headers=headers) as answer:
            assert answer.status == 401
        multipart = aiohttp.FormData(default_to_multipart=True)
        multipart.add_field("token", "x", filename="x")
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with http.post(url, data=multipart, headers=headers) as answer:
            assert answer.status == 401
    assert not asked


async def test_a_login_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serinus.serving.server.READ_WITHIN", 0.3)
    async with login([]) as url:
        port = int(url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(
            b"POST /login HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\n"
            b"Content-Length: 100\r\n\r\ntoken="
        )
        async with asyncio.timeout(10):
            assert b" 408 " in await reader.readline()
        writer.close()
