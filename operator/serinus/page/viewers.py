"""What a viewer may see: what the API server lets the viewer's own token see."""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

ALLOWED_FOR: Final = 15.0
"""Seconds for which an answer counts."""
MOST_ANSWERS: Final = 20_000
_AT_ONCE: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")


class UnknownViewerError(Exception):
    """There is no token, or the API server does not accept it."""


class UnavailableError(Exception):
    """The API server does not answer."""


class Rights(Protocol):
    """Who may see what."""

    async def namespaces(self, token: str, among: Collection[str]) -> frozenset[str]:
        """Those whose ModelDeployments the viewer may list. Raises UnknownViewerError or
        UnavailableError, as all of these do."""
        ...

    async def sees(self, token: str, namespace: str, name: str) -> bool:
        """Whether the viewer may get, or list, a ModelDeployment."""
        ...


class Everyone:
    """Everyone who reaches the page sees what it sees, as its only user does."""

    async def namespaces(self, token: str, among: Collection[str]) -> frozenset[str]:
        """All."""
        return frozenset(among)

    async def sees(self, token: str, namespace: str, name: str) -> bool:
        """Always."""
        return True


Review = Callable[[str, str, str, str], Awaitable[bool]]
"""Token, verb, namespace (empty: all) and name (empty: all) -> whether the API server lets the
token do this with ModelDeployments. Raises UnknownViewerError or UnavailableError."""


class Reviewed:
    """Asks the API server, with the viewer's token; answers count for some seconds.

    Tokens are not kept: an answer is known by a hash of the token.
    """

    def __init__(self, review: Review, clock: Callable[[], float] = time.monotonic) -> None:
        self._review, self._clock = review, clock
        self._answers: dict[tuple[bytes, str, str, str], tuple[bool, float]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def namespaces(self, token: str, among: Collection[str]) -> frozenset[str]:
        """All if the viewer may list everywhere, else each that the viewer may list."""
        if await self._may(token, "list", "", ""):
            return frozenset(among)
        asked = sorted(among)
        answers = await asyncio.gather(*(self._may(token, "list", each, "") for each in asked))
        return frozenset(each for each, may in zip(asked, answers, strict=True) if may)

    async def sees(self, token: str, namespace: str, name: str) -> bool:
        """By any of the rights that show an object."""
        return (
            await self._may(token, "list", "", "")
            or await self._may(token, "list", namespace, "")
            or await self._may(token, "get", namespace, name)
        )

    async def _may(self, token: str, verb: str, namespace: str, name: str) -> bool:
        key = (_hash(token), verb, namespace, name)
        known = self._answers.get(key)
        if known and known[1] > self._clock():
            return known[0]
        async with self._turns:
            found = await self._review(token, verb, namespace, name)
        if len(self._answers) >= MOST_ANSWERS:
            self._answers.clear()
        self._answers[key] = found, self._clock() + ALLOWED_FOR
        return found


def _hash(token: str) -> bytes:
    """Raises UnknownViewerError if it cannot be a token."""
    if not _TOKEN.fullmatch(token):
        raise UnknownViewerError
    return hashlib.sha256(token.encode()).digest()
