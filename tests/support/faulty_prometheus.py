"""A server on loopback that answers as a broken Prometheus, or a proxy before one, may."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request, dict[str, str]], Awaitable[web.StreamResponse]]


@dataclass
class Faulty:
    """What the server does, where it is, and what it was asked."""

    handler: Handler
    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)

    @property
    def queries(self) -> list[str]:
        """The text of each query, in the order in which they came."""
        return [form["query"] for form in self.forms]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self.requests.append(request)
        self.connections.add(id(request.transport))
        return await self.handler(request, form)


@asynccontextmanager
async def serving(handler: Handler, **site: Any) -> AsyncIterator[Faulty]:
    """Serves on a free port until the block ends; `site` as for aiohttp's TCPSite."""
    faulty = Faulty(handler)
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", faulty.answer)
    runner = web.AppRunner(app, shutdown_timeout=0, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
        scheme = "https" if "ssl_context" in site else "http"
        faulty.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield faulty
    finally:
        await runner.cleanup()


def success(kind: str, result: Any, **more: Any) -> dict[str, Any]:
    """A document as Prometheus sends it."""
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def matrix(*series: tuple[dict[str, str], list[list[Any]]], **more: Any) -> dict[str, Any]:
    """Raw samples: labels and [seconds, text] pairs of each series."""
    return success("matrix", [{"metric": m, "values": v} for m, v in series], **more)


def saying(document: Any, status: int = 200) -> Handler:
    """Always the same JSON."""

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        return web.json_response(document, status=status)

    return handle


def text(body: str, status: int, **headers: str) -> Handler:
    """Always the same text."""

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        return web.Response(
            text=body, status=status, headers={"Content-Type": "text/html", **headers}
        )

    return handle


async def hang(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    """Takes the query and says nothing."""
    await asyncio.sleep(30)
    raise web.HTTPInternalServerError


async def drip(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    """A byte now and then, each in time for a limit that counts from the last."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(300):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


async def cut_short(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    """Promises more than it sends."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"status":"success","data":{"resultType":"vector","result":[]}}')
    assert request.transport is not None
    request.transport.close()
    return response


def endless(status: int, **headers: str) -> Handler:
    """A body without an end."""

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        for _ in range(1024):
            await response.write(b" " * (1 << 16))
        return response

    return handle


async def bomb(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    """8 MiB in 8 KiB."""
    body = gzip.compress(b" " * (1 << 23) + json.dumps(success("vector", [])).encode())
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})
