"""The API server, as the page reads it: it has no code that writes an object.

The page follows ModelDeployments with the token of its own service account, and asks with a
viewer's token what the viewer may see.
"""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from serinus.api.crd import GROUP, PLURAL, VERSION
from serinus.page.known import KnownObjects
from serinus.page.viewers import TooManyError, UnavailableError, UnknownViewerError

log = logging.getLogger(__name__)

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PAGE: Final = 50
"""Objects that are listed at a time; they are parsed at once."""
_WATCH_FOR: Final = 60
"""Seconds after which a watch is begun again where it ended. The API server says before that how
far it has come, so that a connection which is dead is noticed."""
_PAUSE: Final = 1.0
"""Seconds between two watches."""
_LONGEST_EVENT: Final = 16 * 1024 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_REVIEW_WITHIN: Final = aiohttp.ClientTimeout(total=5)
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_REMEDIES: Final = {
    401: "Its service account may have been deleted: restart the dashboard.",
    403: f"Allow its service account to get, list and watch {PLURAL}.{GROUP}, as the chart's role "
    "for the dashboard does.",
    404: f"Install the CustomResourceDefinition {PLURAL}.{GROUP}.",
}
"""By status: what a person must do so that the API server lets the page read again."""


class RefusedError(Exception):
    """The API server refuses what the page asks for; the message has the remedy."""


class ApiServer:
    """The API server at an address."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token_file: Path) -> None:
        self._session, self._url, self._token_file = session, url, token_file
        self._heard = 0.0
        """When the API server was last heard of, Unix seconds."""

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
            self._url + _REVIEWS, json=body, headers=headers, timeout=_REVIEW_WITHIN
        )
        try:
            async with post as answer:
                if answer.status == 401:
                    raise UnknownViewerError
                if answer.status == 429:
                    raise TooManyError
                answer.raise_for_status()
                return bool((await answer.json())["status"].get("allowed"))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError from error

    async def follow(self, known: KnownObjects, namespace: str) -> None:
        """Keep `known` up to date until cancelled; an empty namespace is all of them."""
        path = f"/apis/{GROUP}/{VERSION}/"
        path += f"namespaces/{namespace}/{PLURAL}" if namespace else PLURAL
        version, self._heard = "", time.time()
        while True:
            try:
                version = await self._watch(path, version or await self._list(path, known), known)
            except (
                aiohttp.ClientError,
                OSError,
                ValueError,
                RecursionError,
                RefusedError,
            ) as error:
                log.warning("watching ModelDeployments: %s", error or type(error).__name__)
                version = ""
                known.lose(self._heard, str(error) if isinstance(error, RefusedError) else "")
            await asyncio.sleep(_PAUSE)

    async def _list(self, path: str, known: KnownObjects) -> str:
        found: list[dict[str, Any]] = []
        query, more = {"limit": str(_PAGE)}, True
        while more:
            get = self._session.get(
                self._url + path, params=query, headers=self._own(), timeout=_TIMEOUT
            )
            async with get as answer:
                await _raise_for_status(answer)
                page = await answer.json()
            for each in page["items"]:
                known.put(each)
                await asyncio.sleep(0)  # a probe does not wait for all of them
            found += page["items"]
            query["continue"] = page["metadata"].get("continue", "")
            more = bool(query["continue"])
        known.replace(found)
        self._heard = time.time()
        return str(page["metadata"]["resourceVersion"])

    async def _watch(self, path: str, version: str, known: KnownObjects) -> str:
        """Until the API server ends the watch. The version from which the next one goes on; empty
        if it is too old, so that all objects must be listed."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_FOR),
            "allowWatchBookmarks": "true",
        }
        timeout = aiohttp.ClientTimeout(total=None, connect=15, sock_read=_WATCH_FOR + 15)
        get = self._session.get(
            self._url + path, params=query, headers=self._own(), timeout=timeout
        )
        async with get as answer:
            await _raise_for_status(answer)
            async for line in answer.content:
                self._heard = time.time()
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return ""
                version = str(event["object"]["metadata"]["resourceVersion"])
                if event["type"] == "DELETED":
                    known.remove(event["object"])
                elif event["type"] != "BOOKMARK":
                    known.put(event["object"])
                await asyncio.sleep(0)  # a probe does not wait until no event is left
        self._heard = time.time()
        return version

    def _own(self) -> dict[str, str]:
        """The kubelet renews the token, so it is read each time."""
        token = self._token_file.read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}"}


async def _raise_for_status(answer: aiohttp.ClientResponse) -> None:
    if remedy := _REMEDIES.get(answer.status):
        try:
            said = str((await answer.json())["message"])
        except (aiohttp.ClientError, LookupError, TypeError, ValueError):
            said = answer.reason or str(answer.status)
        raise RefusedError(f"The API server refuses the dashboard: {said.rstrip('.')}. {remedy}")
    answer.raise_for_status()


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
