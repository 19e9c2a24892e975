"""Keeps the store up to date, by watch events and by a list of everything once a minute.

The next list corrects events that are lost, late or repeated. It causes a pass only over objects of
which it shows something new, except for every tenth.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from typing import Any, Final

from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.queue import Key, Wake
from serinus.controller.watching import Watching
from serinus.manifests.kinds import KINDS, WATCHED
from serinus.manifests.owner import NAME_LABEL
from serinus.manifests.routers import NEEDED_KINDS

log = logging.getLogger(__name__)

RESYNC: Final = 60.0
"""Seconds between two lists of everything, plus or minus a tenth."""
LOOK_AT_ALL: Final = 10
"""After so many lists there is a pass over every object, whatever they have shown."""
FIRST_RETRY: Final = 1.0
"""Seconds until the next try while nothing has been listed yet."""
RETRY: Final = 5.0
"""Seconds until the next try later, while watches still report most changes."""
LOOK_FOR_MISSING: Final = 10.0
"""Seconds between two tries of kinds that could not be listed: their CRD may be created, or the
right to list them given, at any time."""


class Informer:
    """Feeds a store, and calls `add` with the key of each ModelDeployment that may need a pass, and
    why. An object whose spec nobody has seen counts as changed, so that after a start it does not
    wait behind all others."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        add: Callable[[Key, Wake], None],
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._add = add
        self._namespaces = namespaces
        self._watched: frozenset[str] = frozenset()
        self._missing: frozenset[str] = frozenset()
        """Kinds that the last list of everything lacks."""
        self._forbidden: set[str] = set()
        """Kinds that the role, of an older version, does not allow to list, and without which
        rollouts are judged nevertheless."""
        self._warned = ""
        """What was said of kinds that may not be watched."""
        self._lists = 0
        """Lists of everything so far."""
        self._known: set[tuple[str, str]] = set()
        """ModelDeployments as of the last list of everything."""
        self._shown: set[tuple[str, str]] = set()
        """ModelDeployments of which lists have shown something new since the last pass for it."""
        self._resync_now = asyncio.Event()
        self._watching: Watching | None = None
        self._tried_at = time.monotonic()
        self.synced = asyncio.Event()
        """Set once everything has been listed."""
        self.not_ready_reason: str | None = "objects have not been listed yet"
        """Why the last list of everything failed; None if it succeeded."""

    @property
    def alive(self) -> bool:
        """Whether the watches are supervised."""
        return self._watching is not None and self._watching.alive

    def stuck(self, longest: float) -> str | None:
        """Message if no list was attempted for this many seconds; otherwise None."""
        waited = time.monotonic() - self._tried_at
        return f"no objects were listed for {waited:.0f} s" if waited > longest else None

    async def run(self) -> None:
        """List and watch until cancelled."""
        self._watching = Watching(self._seen, self._resync_now.set, self._namespaces)
        async with self._watching, asyncio.TaskGroup() as group:
            group.create_task(self._resync_forever(self._watching))
            group.create_task(self._look_for_missing())

    async def _resync_forever(self, watching: Watching) -> None:
        while True:
            self._resync_now.clear()
            self._tried_at = time.monotonic()
            await self._resync(watching)
            pause = RESYNC * random.uniform(0.9, 1.1)
            if len(self._missing) == len(WATCHED):
                pause = RETRY if self.synced.is_set() else FIRST_RETRY
            # not wait_for: it may lose a cancellation that comes as the event is set
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._resync_now.wait()

    async def _resync(self, watching: Watching) -> None:
        """List every kind, whether or not others can be listed."""
        missing = self._missing
        listed, watched, failures = set[str](), set[str](), list[ApiError]()
        for kind in WATCHED:
            try:
                if await self._relist(kind):
                    listed.add(kind)
            except ApiError as error:
                failures.append(error)
                # a watch that is forbidden would end all others
                if error.status != 403 and kind in self._watched:
                    watched.add(kind)
        self._watched = frozenset(listed | watched)
        self._missing = frozenset(WATCHED) - listed
        watching.watch(self._watched)
        known = set(self._store.names("ModelDeployment"))
        # what is gone is forgotten by a pass, even if another list has shown that
        existing, self._known = known | self._known, known
        if self._lists % LOOK_AT_ALL == 0 or self._missing != missing:
            self._shown |= existing
        self._lists += 1
        # what a list has shown changes nothing as an event
        for name in self._shown & existing:
            unseen = _has_an_unseen_spec(self._store.get("ModelDeployment", *name))
            self._add(Key(*name), Wake.OBJECT if unseen else Wake.LIST)
        self._shown.clear()
        if failures:
            self._tell(f"cannot list objects: {failures[0]}")
        elif "ModelDeployment" not in listed:
            self._tell("the API server does not know ModelDeployments: apply the CRD")
        else:
            self._tell(self._unwatched(watching.forbidden))
            self.synced.set()

    def _unwatched(self, forbidden: frozenset[str]) -> str | None:
        """What is listed and may not be watched, as a message, if rollouts need it."""
        if not forbidden:
            return None
        message = (
            f"{' and '.join(sorted(forbidden))} may be listed, but not watched, so changes are "
            "seen once a minute: the role of the operator lacks the verb watch"
        )
        if all(KINDS[kind].without for kind in forbidden):
            if message != self._warned:
                log.warning("%s", message)
            self._warned = message
            return None
        return message

    async def _look_for_missing(self) -> None:
        while True:
            await asyncio.sleep(LOOK_FOR_MISSING if self.synced.is_set() else FIRST_RETRY)
            for kind in self._missing:
                with contextlib.suppress(ApiError):  # the next list of everything reports it
                    if await self._relist(kind):
                        self._resync_now.set()

    def _tell(self, reason: str | None) -> None:
        if reason is not None and reason != self.not_ready_reason:
            log.warning("%s", reason)
        elif reason is None and self.not_ready_reason is not None:
            log.info("all objects have been listed")
        self.not_ready_reason = reason

    async def _relist(self, kind: str) -> bool:
        """Take in all objects of a kind; False if the API server does not serve it, or if it can be
        done without and the role does not allow to list it."""
        try:
            for namespace in self._namespaces or (None,):
                await self._list(kind, namespace)
            self._forbidden.discard(kind)
        except ApiError as error:
            without = KINDS[kind].without
            if not (error.absent or (error.status == 403 and without)):
                raise
            if not error.absent and kind not in self._forbidden:
                self._forbidden.add(kind)
                log.warning("%s: %s", without, error)
            self._shown |= self._store.clear(kind, absent=error.absent)
            return False
        return True

    async def _list(self, kind: str, namespace: str | None) -> None:
        """Take in a list, started again once if the API server discarded its version meanwhile."""
        try:
            await self._list_once(kind, namespace)
        except ApiError as error:
            if not error.expired:
                raise
            await self._list_once(kind, namespace)

    async def _list_once(self, kind: str, namespace: str | None) -> None:
        listing = self._store.begin_list(kind, namespace)
        async for found, version in self._cluster.pages(kind, namespace, WATCHED[kind]):
            self._store.take_page(listing, found, version)
            self._tried_at = time.monotonic()
            del found  # frees its memory before the next page is read
        before = self._gateways(kind)
        self._shown |= self._store.end_list(listing)
        if self._gateways(kind) != before:
            self._shown |= set(self._store.names("ModelDeployment"))

    def _gateways(self, kind: str) -> list[tuple[str, str, str | None]]:
        """The objects of a kind that a router needs, and why each serves nothing."""
        unserved = NEEDED_KINDS.get(kind)
        if unserved is None:
            return []
        return [
            (*name, unserved(*name, self._store.get(kind, *name)))
            for name in sorted(self._store.names(kind))
        ]

    def _unserved(self, live: dict[str, Any]) -> str | None:
        """Why an object that a router needs serves nothing, as far as is known; None for others."""
        unserved = NEEDED_KINDS.get(live["kind"])
        if unserved is None:
            return None
        name = live["metadata"]["namespace"], live["metadata"]["name"]
        return unserved(*name, self._store.get(live["kind"], *name))

    def _seen(self, type_: str | None, live: dict[str, Any]) -> None:
        metadata = live["metadata"]
        # its former owner must restore the label
        owners = {self._store.owner(live), (metadata.get("labels") or {}).get(NAME_LABEL)}
        before = self._unserved(live)
        changed = self._store.remove(live) if type_ == "DELETED" else self._store.put(live)
        if not changed:
            return
        if live["kind"] in NEEDED_KINDS:
            if self._unserved(live) != before:
                for name in self._store.names("ModelDeployment"):
                    self._add(Key(*name), Wake.GATEWAY)
            return
        if live["kind"] == "ModelDeployment":
            self._add(Key(metadata["namespace"], metadata["name"]), Wake.OBJECT)
            return
        for owner in filter(None, owners):
            self._add(Key(metadata["namespace"], owner), Wake.CHILD)


def _has_an_unseen_spec(live: dict[str, Any] | None) -> bool:
    """Whether no pass has been made over a ModelDeployment since its spec was last changed."""
    if live is None:
        return False
    observed: int = (live.get("status") or {}).get("observedGeneration", 0)
    return observed < int(live["metadata"].get("generation", 0))
