"""The ModelDeployments that the page knows from its one watch, and what it has seen of each."""

import json
import logging
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.base import rfc3339
from serinus.page.look_history import LookHistory
from serinus.views.listed import ListedView, listed_view, not_shown
from serinus.views.looks import look_view
from serinus.views.reading import Live, read
from serinus.views.rollout import rollout_view

log = logging.getLogger(__name__)

MOST_HISTORIES: Final = 500
"""Rollouts whose curves are kept; beyond, the one that changed longest ago loses its."""

INTERNAL: Final = (
    "An internal error of the dashboard: its log has the details; please report it. Use serinus "
    "explain or kubectl meanwhile."
)
LiveObject = Mapping[str, Any]
ObjectName = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Row:
    """An object in the list of all."""

    namespace: str
    name: str
    view: ListedView


@dataclass(frozen=True, slots=True)
class Seen:
    """An object at one time."""

    version: str
    """Differs after each change."""
    row: Row
    packed: bytes
    """The object, which is large and rarely read."""

    def live(self) -> Live:
        """What can be read of it."""
        return read(json.loads(zlib.decompress(self.packed)))


class KnownObjects:
    """Objects by namespace and name; for one event loop."""

    def __init__(self) -> None:
        self.synced = False
        """Whether all objects were listed once."""
        self.lost_at: float | None = None
        """Since when the API server has not sent changes, Unix seconds; None: it does."""
        self._cause = ""
        self.revision = 0
        """Rises with each change."""
        self.changes: Counter[str] = Counter()
        """By namespace, how often its rows changed. Most looks change nothing that lists show."""
        self._seen: dict[ObjectName, Seen] = {}
        self._histories: OrderedDict[tuple[ObjectName, str, float], LookHistory] = OrderedDict()

    def replace(self, found: Iterable[LiveObject]) -> None:
        """These are all that there are."""
        there = {_key(each): each for each in found}
        for key in [key for key in self._seen if key not in there]:
            self._forget(key)
        for each in there.values():
            self.put(each)
        self.synced, self.lost_at = True, None

    def put(self, found: LiveObject) -> None:
        """An object as it is now."""
        key, version = _key(found), str(found["metadata"].get("resourceVersion", ""))
        known = self._seen.get(key)
        if known and version and known.version == version:
            return
        row = Row(*key, self._view(key, found))
        self._seen[key] = Seen(version, row, _packed(found))
        self.revision += 1
        if known is None or known.row != row:
            self.changes[key[0]] += 1

    def remove(self, found: LiveObject) -> None:
        """An object that was deleted."""
        self._forget(_key(found))

    def lose(self, at: float, cause: str = "") -> None:
        """What is known since then may be out of date. `cause`: what the API server refuses, and
        the remedy; empty if it does not answer."""
        if self.lost_at is None:
            self.lost_at = at
        self._cause = cause

    @property
    def warning(self) -> str:
        """That what is known may be out of date, and since when; empty if it is not."""
        if self.lost_at is None:
            return ""
        since = rfc3339(self.lost_at)[:19].replace("T", " ")
        if self._cause:
            return f"{self._cause} What is shown may have changed since {since} UTC."
        return (
            f"No connection to the API server since {since} UTC. What is shown may have changed "
            "since then."
        )

    def rows(self) -> list[Row]:
        """All of them, first those that people should see first, then by namespace and name."""
        return sorted(
            (each.row for each in self._seen.values()),
            key=lambda row: (row.view.urgency, row.namespace, row.name),
        )

    def seen(self, namespace: str, name: str) -> Seen | None:
        """An object, None if there is none."""
        return self._seen.get((namespace, name))

    def history(self, live: Live) -> LookHistory:
        """What was seen of its last rollout; empty if nothing was."""
        return self._histories.get(_rollout(live), LookHistory())

    def _view(self, key: ObjectName, found: LiveObject) -> ListedView:
        """A fault of our own code in the view of one object is that object's."""
        try:
            live = read(found)
            self._follow(key, live)
            return listed_view(rollout_view(live.spec, live.status, 0.0))
        except Exception:
            known = self._seen.get(key)
            if known is None or not known.row.view.problem:
                log.exception("the view of %s/%s cannot be made", *key)
            status = found.get("status")
            phase = status.get("phase") if isinstance(status, dict) else None
            return not_shown(phase if isinstance(phase, str) else "", INTERNAL)

    def _follow(self, key: ObjectName, live: Live) -> None:
        look = look_view(live.spec, live.status)
        if look is None or live.status.timeline is None:
            return
        rollout = _rollout(live)
        for other in [each for each in self._histories if each[0] == key and each != rollout]:
            del self._histories[other]
        self._histories.setdefault(rollout, LookHistory()).add(look)
        self._histories.move_to_end(rollout)
        while len(self._histories) > MOST_HISTORIES:
            self._histories.popitem(last=False)

    def _forget(self, key: ObjectName) -> None:
        if self._seen.pop(key, None) is not None:
            self.revision += 1
            self.changes[key[0]] += 1
        for rollout in [each for each in self._histories if each[0] == key]:
            del self._histories[rollout]


def _rollout(live: Live) -> tuple[ObjectName, str, float]:
    """What a history belongs to."""
    timeline = live.status.timeline
    begun = (timeline.revision, timeline.since) if timeline else ("", 0.0)
    return (live.namespace, live.name), *begun


def _key(found: LiveObject) -> ObjectName:
    metadata = found["metadata"]
    return metadata["namespace"], metadata["name"]


def _packed(found: LiveObject) -> bytes:
    """Without who wrote which field."""
    metadata = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    return zlib.compress(json.dumps({**found, "metadata": metadata}).encode(), 1)
