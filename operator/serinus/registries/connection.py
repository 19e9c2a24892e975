"""HTTP to one registry, with limits of time and size, without redirects, proxies or cookies."""

import os
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from serinus import __version__
from serinus.api.registry import Registry
from serinus.notifications.resolving import Resolver
from serinus.registries.credentials import authorization, certificates
from serinus.registries.kind import Response, UnreadableError

TIMEOUT: Final = 10.0
"""Seconds that a request may take, with its answer."""
MOST_BYTES: Final = 1 << 20
"""Of an answer."""


class HttpConnection:
    """`async with HttpConnection(registry) as connection`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._base = registry.url.rstrip("/")
        self._trusted: tuple[bytes | None, ssl.SSLContext] | None = None

    async def __aenter__(self) -> Self:
        self._resolver = Resolver(self._registry.name)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=self._resolver),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            # what is not asked for compressed cannot be larger than it looks
            headers={"User-Agent": f"serinus/{__version__}", "Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, str] | None = None,
    ) -> Response:
        """See `Connection`."""
        address = f"{self._base}/{path}"
        return await self._send(method, address, query or {}, headers or {}, document)

    async def ask_for_token(self, address: str, query: Mapping[str, str]) -> Response:
        """See `Connection`."""
        return await self._send("GET", address, query, {})

    async def _send(
        self,
        method: str,
        address: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        document: Mapping[str, str] | None = None,
    ) -> Response:
        """Whatever fails is described without the message of the HTTP client, which may contain
        more than people should read."""
        if query:
            address = f"{address}?{urlencode(query)}"
        own = authorization(self._registry)
        given = {**({"Authorization": own} if own else {}), **headers}
        try:
            async with self._session.request(
                method,
                URL(address, encoded=True),
                headers=given,
                json=document,
                allow_redirects=False,
                ssl=self._trust() if address.startswith("https:") else True,
            ) as answer:
                return Response(answer.status, answer.headers, await _body(answer))
        except TimeoutError:
            message = f"it did not answer within {TIMEOUT:g}s: check its state"
        except aiohttp.ClientSSLError as error:
            message = (
                "its certificate is not trusted: put the certificate of its CA into the file "
                f"ca.crt of its Secret, and check the host name ({_described(error)})"
            )
        except (aiohttp.ClientError, OSError) as error:
            message = f"it cannot be reached: check its url and its state ({_described(error)})"
        raise UnreadableError(message, "failed")

    def _trust(self) -> ssl.SSLContext:
        """Read again when the file has changed, since that takes longer than a request."""
        found = certificates(self._registry)
        if self._trusted is None or self._trusted[0] != found:
            try:
                context = ssl.create_default_context(cadata=found.decode() if found else None)
            except (ValueError, ssl.SSLError):
                raise _no_certificates(self._registry) from None
            self._trusted = found, context
        return self._trusted[1]


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise UnreadableError(
                f"its answer is larger than {MOST_BYTES} bytes: check its url, and whether "
                "something in front of it answers instead"
            )
    return bytes(body)


def _no_certificates(registry: Registry) -> UnreadableError:
    return UnreadableError(
        f"{registry.folder}/ca.crt has no valid certificates: they must be PEM", "failed"
    )


def _described(error: Exception) -> str:
    """The type of an error and the system's words for it."""
    number = getattr(error, "errno", None)
    words = f": {os.strerror(number)}" if isinstance(number, int) and number > 0 else ""
    return f"{type(error).__name__}{words}"
