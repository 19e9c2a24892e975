"""What a viewer may see: what the API server lets the viewer's own token see."""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Collection
from math import inf
from typing import Final, Protocol

ALLOWED_FOR: Final = 15.0
"""Seconds for which an answer counts."""
REMEMBERED_FOR: Final = 3600.0
"""Seconds for which it counts while the API server cannot be asked again."""
_GIVEN_UP_FOR: Final = 2.0
"""Seconds without a further request after one that was not answered: nobody waits for each of
many."""
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

    While it does not answer they count for longer: who watches a rollout still sees what is known.

    Tokens are not kept: an answer is known by a hash of the token.
    """

    def __init__(self, review: Review, clock: Callable[[], float] = time.monotonic) -> None:
        self._review, self._clock = review, clock
        self._answers: dict[tuple[bytes, str, str, str], tuple[bool, float]] = {}
        """Each with its time."""
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._gives_up_until = -inf

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
        answer, at = self._answers.get(key, (False, -inf))
        if self._clock() < at + ALLOWED_FOR:
            return answer
        try:
            answer = await self._asked(token, verb, namespace, name)
        except UnavailableError:
            if self._clock() < at + REMEMBERED_FOR:
                return answer
            raise
        except UnknownViewerError:
            self._answers.pop(key, None)
            raise
        if len(self._answers) >= MOST_ANSWERS:
            self._answers.clear()
        self._answers[key] = answer, self._clock()
        return answer

    async def _asked(self, token: str, verb: str, namespace: str, name: str) -> bool:
        async with self._turns:
            if self._clock() < self._gives_up_until:
                raise UnavailableError
            try:
                return await self._review(token, verb, namespace, name)
            except UnavailableError:
                self._gives_up_until = self._clock() + _GIVEN_UP_FOR
                raise


def _hash(token: str) -> bytes:
    """Raises UnknownViewerError if it cannot be a token."""
    if not _TOKEN.fullmatch(token):
        raise UnknownViewerError
    return hashlib.sha256(token.encode()).digest()
