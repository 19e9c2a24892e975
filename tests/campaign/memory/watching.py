"""What watches tell, and when."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

from serinus.manifests.kinds import WATCHED
from tests.campaign.memory.api import Manifest, MemoryApi, copied, selected

LAG = 0.01
"""Seconds until a watch tells what was written."""


class Watches:
    """The watches that are open."""

    def __init__(self, api: MemoryApi) -> None:
        self.api = api
        self.lag = LAG
        self.withheld = False
        """Whether they tell nothing."""

    def open(
        self,
        hand_over: Callable[[str | None, Manifest], None],
        on_gap: Callable[[], None],
        namespaces: tuple[str, ...],
    ) -> "MemoryWatching":
        """As the operator's own `Watching`, in whose place it stands."""
        return MemoryWatching(self, hand_over, on_gap, namespaces)


class MemoryWatching:
    """In kopf's place: what is written is told a little later, in order."""

    def __init__(
        self,
        watches: Watches,
        hand_over: Callable[[str | None, Manifest], None],
        on_gap: Callable[[], None],
        namespaces: tuple[str, ...],
    ) -> None:
        self._watches = watches
        self._hand_over = hand_over
        self._on_gap = on_gap
        self._namespaces = namespaces
        self._kinds: frozenset[str] = frozenset()
        self._next = 0.0
        self.alive = False
        self.forbidden: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        self._watches.api.watchers.append(self._seen)
        self.alive = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.alive = False
        with contextlib.suppress(ValueError):
            self._watches.api.watchers.remove(self._seen)

    def watch(self, kinds: frozenset[str]) -> None:
        """Watch these kinds from now on."""
        if kinds == self._kinds:
            return
        self._kinds = kinds
        for kind in sorted(kinds):
            for live in self._watches.api.all(kind):
                if self._concerns(live):
                    self._tell(None, live)
        asyncio.get_running_loop().call_later(2.0, self._on_gap)

    def _concerns(self, live: Manifest) -> bool:
        here = not self._namespaces or live["metadata"]["namespace"] in self._namespaces
        return here and selected(live, WATCHED[live["kind"]])

    def _seen(self, event: str, live: Manifest) -> None:
        if live["kind"] in self._kinds and self._concerns(live) and not self._watches.withheld:
            self._tell(event, live)

    def _tell(self, event: str | None, live: Manifest) -> None:
        loop = asyncio.get_running_loop()
        self._next = max(self._next, loop.time() + self._watches.lag)
        loop.call_at(self._next, self._deliver, event, live)

    def _deliver(self, event: str | None, live: Manifest) -> None:
        if self.alive:
            self._hand_over(event, copied(live))
