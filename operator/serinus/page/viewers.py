"""What a viewer may see: what the API server lets the viewer's own token see."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from contextlib import asynccontextmanager
from math import inf
from typing import Final, Protocol
from weakref import WeakValueDictionary

ALLOWED_FOR: Final = 15.0
"""Seconds for which an answer counts."""
REMEMBERED_FOR: Final = 3600.0
"""Seconds for which it counts while the API server cannot be asked again."""
_GIVEN_UP_FOR: Final = 2.0
"""Seconds without a further request after one that was not answered: nobody waits for each of
many."""
MOST_ANSWERS: Final = 20_000
_AT_ONCE: Final = 16
"""Requests for viewers whose token the API server has accepted."""
_OF_A_VIEWER: Final = 8
_STRANGERS_AT_ONCE: Final = 4
"""Requests with tokens that it has not accepted yet, so that made-up ones take none of these."""
_OF_AN_ADDRESS: Final = 2
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")


class UnknownViewerError(Exception):
    """There is no token, or the API server does not accept it."""


class UnavailableError(Exception):
    """The API server does not answer."""


class TooManyError(UnavailableError):
    """It does not answer this viewer for now, who asks too much."""


class Rights(Protocol):
    """Who may see what."""

    async def namespaces(
        self, token: str, among: Collection[str], address: str = ""
    ) -> frozenset[str]:
        """Those whose ModelDeployments the viewer may list. `address`: the viewer's. Raises
        UnknownViewerError or UnavailableError, as all of these do."""
        ...

    async def sees(self, token: str, namespace: str, name: str, address: str = "") -> bool:
        """Whether the viewer may get, or list, a ModelDeployment."""
        ...


class Everyone:
    """Everyone who reaches the page sees what it sees, as its only user does."""

    async def namespaces(
        self, token: str, among: Collection[str], address: str = ""
    ) -> frozenset[str]:
        """All."""
        return frozenset(among)

    async def sees(self, token: str, namespace: str, name: str, address: str = "") -> bool:
        """Always."""
        return True


_Question = tuple[bytes, str, str, str]
"""Hash of a token, verb, namespace and name."""
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
        self._answers: dict[_Question, tuple[bool, float]] = {}
        """Each with its time."""
        self._accepted = _Turns(_AT_ONCE, _OF_A_VIEWER)
        self._strangers = _Turns(_STRANGERS_AT_ONCE, _OF_AN_ADDRESS)
        self._gives_up_until = -inf

    async def namespaces(
        self, token: str, among: Collection[str], address: str = ""
    ) -> frozenset[str]:
        """All if the viewer may list everywhere, else each that the viewer may list."""
        if await self._may(token, address, "list", "", ""):
            return frozenset(among)
        viewer = _hash(token)
        known = {each: self._counts((viewer, "list", each, "")) for each in among}
        asked = sorted(each for each, may in known.items() if may is None)
        answers = await asyncio.gather(
            *(self._may(token, address, "list", each, "") for each in asked)
        )
        known |= dict(zip(asked, answers, strict=True))
        return frozenset(each for each, may in known.items() if may)

    async def sees(self, token: str, namespace: str, name: str, address: str = "") -> bool:
        """By any of the rights that show an object."""
        return (
            await self._may(token, address, "list", "", "")
            or await self._may(token, address, "list", namespace, "")
            or await self._may(token, address, "get", namespace, name)
        )

    async def _may(self, token: str, address: str, verb: str, namespace: str, name: str) -> bool:
        viewer = _hash(token)
        key = (viewer, verb, namespace, name)
        if (answer := self._counts(key)) is not None:
            return answer
        # what is asked first about everybody
        accepted = (viewer, "list", "", "") in self._answers
        turn = self._accepted.one(viewer) if accepted else self._strangers.one(address)
        before, at = self._answers.get(key, (False, -inf))
        try:
            async with turn:
                if (answer := self._counts(key)) is not None:
                    return answer  # another tab of the viewer asked it meanwhile
                answer = await self._asked(token, verb, namespace, name)
        except UnavailableError:
            if self._clock() < at + REMEMBERED_FOR:
                return before
            raise
        except UnknownViewerError:
            self._answers.pop(key, None)
            raise
        if len(self._answers) >= MOST_ANSWERS:
            self._answers.clear()
        self._answers[key] = answer, self._clock()
        return answer

    def _counts(self, key: _Question) -> bool | None:
        """The last answer; None if it is too old or there is none."""
        answer, at = self._answers.get(key, (False, -inf))
        return answer if self._clock() < at + ALLOWED_FOR else None

    async def _asked(self, token: str, verb: str, namespace: str, name: str) -> bool:
        if self._clock() < self._gives_up_until:
            raise UnavailableError
        try:
            return await self._review(token, verb, namespace, name)
        except TooManyError:
            raise  # others are answered
        except UnavailableError:
            self._gives_up_until = self._clock() + _GIVEN_UP_FOR
            raise


class _Turns:
    """Turns for so many at once, of whom none has more than some."""

    def __init__(self, most: int, of_one: int) -> None:
        self._all, self._of_one = asyncio.Semaphore(most), of_one
        self._of: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """For as long as they wait."""

    @asynccontextmanager
    async def one(self, who: Hashable) -> AsyncIterator[None]:
        own = self._of.setdefault(who, asyncio.Semaphore(self._of_one))
        async with own, self._all:
            yield


def _hash(token: str) -> bytes:
    """Raises UnknownViewerError if it cannot be a token."""
    if not _TOKEN.fullmatch(token):
        raise UnknownViewerError
    return hashlib.sha256(token.encode()).digest()
