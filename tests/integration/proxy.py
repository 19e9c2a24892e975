"""An HTTP proxy before the real API server, at which a test can watch, break or end things."""

import asyncio
import base64
import contextlib
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = {"transfer-encoding", "content-length", "connection", "host", "accept-encoding"}


@dataclass(frozen=True)
class Request:
    """A request on its way to the API server."""

    method: str
    path: str
    """Path and query."""
    body: bytes

    @property
    def watches(self) -> bool:
        """Whether it opens a watch."""
        return "watch=true" in self.path


Fault = Callable[[Request], Awaitable[web.Response | None]]
"""Sees each request; an answer of its own goes to the client, None lets the request pass."""


@dataclass
class Proxy:
    """`async with Proxy(kubeconfig) as proxy`: a kubeconfig at `proxy.kubeconfig` leads through."""

    target: Path
    before: Fault | None = None
    after: Fault | None = None
    """Called once the API server has answered, before the client learns of it."""
    seen: Callable[[Request, web.Response], None] | None = None
    """Sees each answer of the API server that is no stream."""
    stream: Callable[[Request, bytes], Awaitable[bytes]] | None = None
    """What of a piece of a watch's stream the client gets; a ConnectionError cuts the stream."""
    requests: list[Request] = field(default_factory=list)
    _watches: set[asyncio.BaseTransport] = field(default_factory=set)

    @property
    def watching(self) -> int:
        """The number of open watches."""
        return sum(not connection.is_closing() for connection in self._watches)

    def cut(self) -> None:
        """Reset the connections of all open watches."""
        for connection in self._watches:
            assert isinstance(connection, asyncio.WriteTransport)
            connection.abort()

    async def __aenter__(self) -> Self:
        config = yaml.safe_load(self.target.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        connector = aiohttp.TCPConnector(ssl=_tls(config), limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._folder = tempfile.TemporaryDirectory()
        self.kubeconfig = Path(self._folder.name) / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(_plain(f"http://{host}:{port}")))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()
        self._folder.cleanup()

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        request = Request(incoming.method, incoming.raw_path, await incoming.read())
        self.requests.append(request)
        if self.before and (own := await self.before(request)) is not None:
            return own
        headers = {k: v for k, v in incoming.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method,
            URL(self._server + request.path, encoded=True),
            data=request.body or None,
            headers={**headers, "Accept-Encoding": "identity"},
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            if request.watches:
                connection = incoming.transport
                assert connection
                self._watches.add(connection)
                try:
                    return await self._stream(incoming, request, answer, kept)
                finally:
                    self._watches.discard(connection)
            body = await answer.read()
        response = web.Response(status=answer.status, body=body, headers=kept)
        if self.seen:
            self.seen(request, response)
        if self.after and (own := await self.after(request)) is not None:
            return own
        return response

    async def _stream(
        self,
        incoming: web.Request,
        request: Request,
        answer: aiohttp.ClientResponse,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(incoming)
        # either side may go away in the middle of a watch
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            async for chunk in answer.content.iter_any():
                await response.write(await self.stream(request, chunk) if self.stream else chunk)
        return response


def _tls(config: dict[str, Any]) -> ssl.SSLContext:
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
    user = config["users"][0]["user"]
    context = ssl.create_default_context(cadata=authority.decode())
    with tempfile.NamedTemporaryFile() as certificate, tempfile.NamedTemporaryFile() as key:
        certificate.write(base64.b64decode(user["client-certificate-data"]))
        key.write(base64.b64decode(user["client-key-data"]))
        certificate.flush()
        key.flush()
        context.load_cert_chain(certificate.name, key.name)
    return context


def _plain(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
        "current-context": "proxy",
    }


def refused(status: int, reason: str = "Injected") -> web.Response:
    """An answer as the API server gives it when it fails."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    return web.json_response({**body, "reason": reason, "message": "injected"}, status=status)


async def forever() -> None:
    """A request that is never answered."""
    await asyncio.Event().wait()
