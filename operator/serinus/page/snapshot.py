"""What lists show: the rows of one moment for all viewers, newer ones every few seconds at most.

So many changes cost as much as one, and viewers with the same rights see the same list.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from math import inf
from secrets import token_hex
from typing import Final

from serinus.page.known import KnownObjects, Row

EVERY: Final = 2.0
"""Seconds that lists stay as they are, though something has changed."""


class Snapshot:
    """All rows at one moment."""

    def __init__(self, known: KnownObjects, began: str) -> None:
        self._began = began
        self.changes = known.changes.copy()
        self._rows = known.rows()
        self.namespaces = frozenset(row.namespace for row in self._rows)
        """Those that have objects."""
        self._states: dict[frozenset[str], str] = {}

    def rows(self, namespaces: frozenset[str]) -> list[Row]:
        """Those of these namespaces, in the order in which they are shown."""
        return [row for row in self._rows if row.namespace in namespaces]

    def state(self, namespaces: frozenset[str]) -> str:
        """A fingerprint of these rows."""
        if namespaces not in self._states:
            changes = sorted((each, self.changes[each]) for each in namespaces)
            state = sha256(repr((self._began, changes)).encode()).hexdigest()[:12]
            self._states[namespaces] = state
        return self._states[namespaces]


class Snapshots:
    """The newest snapshot, which is taken when somebody asks."""

    def __init__(self, known: KnownObjects, clock: Callable[[], float] = time.monotonic) -> None:
        self._known, self._clock = known, clock
        self.began = token_hex(8)
        """Differs from that of any other process, whose counts may be the same by chance."""
        self._newest, self._taken = Snapshot(known, self.began), -inf

    @property
    def behind(self) -> bool:
        """Whether something has changed since it was taken."""
        return self._newest.changes != self._known.changes

    @property
    def newest(self) -> Snapshot:
        """At most some seconds old."""
        due = self._clock() >= self._taken + EVERY
        if due and self.behind:
            self._newest, self._taken = Snapshot(self._known, self.began), self._clock()
        return self._newest
