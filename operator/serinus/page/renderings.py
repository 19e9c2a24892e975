"""What was rendered, for all viewers who see the same.

Whoever asks has decided what the viewer may see: the key says all of it.
"""

import asyncio
import gzip
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final

FRESH_FOR: Final = 2.0
"""Seconds after which it is rendered again, since it says how long ago something was."""
_AT_ONCE: Final = 1000
"""Pieces of a template that are rendered before others have their turn: a millisecond."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A part of the page."""

    state: str
    """Of what is shown."""
    at: float
    html: str
    packed: bytes
    """The same for browsers that unpack gzip, which are all of them: a twentieth."""


class Renderings:
    """The latest ones, which are few: what one after the other can be made in these seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: dict[Hashable, Rendering] = {}
        self._rendering = asyncio.Lock()
        """One at a time: of many, each would have a turn before a probe has one."""

    async def of(self, key: Hashable, state: str, pieces: Callable[[], Iterable[str]]) -> Rendering:
        """What is shown of a key in a state, rendered unless it was just now."""
        if found := self._fresh(key, state):
            return found
        async with self._rendering:
            if found := self._fresh(key, state):
                return found  # by who had the lock
            at = self._clock()
            html = await _joined(pieces())
            packed = await asyncio.to_thread(gzip.compress, html.encode(), 1)
            old = [each for each, one in self._latest.items() if not self._is_fresh(one)]
            for each in old:
                del self._latest[each]
            self._latest[key] = Rendering(state, at, html, packed)
            return self._latest[key]

    def _fresh(self, key: Hashable, state: str) -> Rendering | None:
        found = self._latest.get(key)
        return found if found and found.state == state and self._is_fresh(found) else None

    def _is_fresh(self, rendering: Rendering) -> bool:
        return self._clock() < rendering.at + FRESH_FOR


async def _joined(pieces: Iterable[str]) -> str:
    joined: list[str] = []
    for each in pieces:
        joined.append(each)
        if len(joined) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return "".join(joined)
