"""The API server, as the page reads it: it has no code that writes an object.

The page follows ModelDeployments with the token of its own service account, and asks with a
viewer's token what the viewer may see.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from serinus.api.crd import GROUP, PLURAL, VERSION
from serinus.page.known import Known
from serinus.page.viewers import UnavailableError, UnknownViewerError

log = logging.getLogger(__name__)

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PAGE: Final = 200
"""Objects that are listed at a time."""
_WATCH_FOR: Final = 300
"""Seconds after which a watch begins again with a list."""
_RETRY: Final = 2.0
_LONGEST_EVENT: Final = 16 * 1024 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class ApiServer:
    """The API server at an address."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token_file: Path) -> None:
        self._session, self._url, self._token_file = session, url, token_file

    async def review(self, token: str, verb: str, namespace: str, name: str) -> bool:
        """Whether a token may do this with ModelDeployments; see `viewers.Review`."""
        asked = {"group": GROUP, "resource": PLURAL, "verb": verb, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**asked, "name": name}},
        }
        headers = {"Authorization": f"Bearer {token}"}
        post = self._session.post(
            self._url + _REVIEWS, json=body, headers=headers, timeout=_TIMEOUT
        )
        try:
            async with post as answer:
                if answer.status == 401:
                    raise UnknownViewerError
                answer.raise_for_status()
                return bool((await answer.json())["status"].get("allowed"))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError from error

    async def follow(self, known: Known, namespace: str) -> None:
        """Keep `known` up to date until cancelled; an empty namespace is all of them."""
        path = f"/apis/{GROUP}/{VERSION}/"
        path += f"namespaces/{namespace}/{PLURAL}" if namespace else PLURAL
        while True:
            try:
                version = await self._list(path, known)
                await self._watch(path, version, known)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.warning("watching ModelDeployments: %s", error or type(error).__name__)
                await asyncio.sleep(_RETRY)

    async def _list(self, path: str, known: Known) -> str:
        found: list[dict[str, Any]] = []
        query, more = {"limit": str(_PAGE)}, True
        while more:
            get = self._session.get(
                self._url + path, params=query, headers=self._own(), timeout=_TIMEOUT
            )
            async with get as answer:
                answer.raise_for_status()
                page = await answer.json()
            found += page["items"]
            query["continue"] = page["metadata"].get("continue", "")
            more = bool(query["continue"])
        known.replace(found)
        return str(page["metadata"]["resourceVersion"])

    async def _watch(self, path: str, version: str, known: Known) -> None:
        """Until the API server ends the watch, or says that the version is too old."""
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_FOR)}
        timeout = aiohttp.ClientTimeout(total=None, connect=15, sock_read=_WATCH_FOR + 30)
        get = self._session.get(
            self._url + path, params=query, headers=self._own(), timeout=timeout
        )
        async with get as answer:
            answer.raise_for_status()
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                put = known.remove if event["type"] == "DELETED" else known.put
                put(event["object"])

    def _own(self) -> dict[str, str]:
        """The kubelet renews the token, so it is read each time."""
        token = self._token_file.read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def connected(
    url: str, ca_file: Path | None = None, token_file: Path | None = None
) -> AsyncIterator[ApiServer]:
    """The API server at an address, by the pod's service account unless files are given."""
    context = ssl.create_default_context(cafile=str(ca_file or _ACCOUNT / "ca.crt"))
    connector = aiohttp.TCPConnector(ssl=context, limit=64)
    session = aiohttp.ClientSession(
        connector=connector, read_bufsize=_LONGEST_EVENT, cookie_jar=aiohttp.DummyCookieJar()
    )
    async with session:
        yield ApiServer(session, url, token_file or _ACCOUNT / "token")
