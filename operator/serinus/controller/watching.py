"""Watching by kopf, in a thread and event loop of its own, under a supervisor.

kopf reconnects, logs in and notices new kinds; it is not level-triggered, and it ends on many
errors. So it only hands events over: the store takes them in, and a list of everything corrects
the store once a minute. kopf writes nothing: no finalizers, no annotations, no events.
"""

import asyncio
import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from serinus.cluster import KINDS
from serinus.cluster.kinds import CHILDREN

log = logging.getLogger(__name__)

SELECTOR = "app.kubernetes.io/managed-by=serinus"
"""Of other kinds than our own, only our objects are watched."""
WATCHED = ("ModelDeployment", *CHILDREN)

HandOver = Callable[[str | None, dict[str, Any]], None]
"""Takes an event: its type (ADDED, MODIFIED, DELETED or None for a listed object), the object."""


class _Backoffs:
    """Delays between retries, without end: kopf must not give up, nor wait long at the end."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(5.0))


class Watching(threading.Thread):
    """Runs kopf until halted, again whenever it ends."""

    def __init__(self, hand_over: HandOver, namespaces: tuple[str, ...]) -> None:
        super().__init__(name="watching", daemon=True)
        self._main = asyncio.get_running_loop()
        self._hand_over = hand_over
        self._namespaces = namespaces
        self._halted = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def run(self) -> None:
        """Called by the thread."""
        while not self._halted.is_set():
            try:
                asyncio.run(self._once())
            except (Exception, asyncio.CancelledError) as error:
                if not self._halted.is_set():
                    log.warning("watching stopped, and starts again: %r", error)
            if not self._halted.wait(random.uniform(1, 3)):
                continue

    def halt(self) -> None:
        """End the thread's work; it does not wait for it."""
        self._halted.set()
        if self._running is not None:
            loop, task = self._running
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

    async def _once(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running = (asyncio.get_running_loop(), task)
        where: dict[str, Any] = (
            {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        )
        await kopf.operator(
            registry=self._registry(),
            standalone=True,
            identity="serinus",  # type: ignore[arg-type]  # else kopf asks for the user's name
            **where,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.startup(registry=registry, id="settings")(self._configure)
        kopf.on.login(registry=registry, id="login")(_login)
        for kind in (KINDS[name] for name in WATCHED):
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)(
                self._handler(kind.name, kind.api_version)
            )
        return registry

    def _handler(self, kind: str, api_version: str) -> Callable[..., None]:
        def seen(event: dict[str, Any], **_: Any) -> None:
            # listed objects come without kind and apiVersion
            live = {**event["object"], "kind": kind, "apiVersion": api_version}
            self._main.call_soon_threadsafe(self._hand_over, event["type"], live)

        return seen

    def _configure(self, settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.process.ultimate_exiting_timeout = None
        settings.networking.error_backoffs = _Backoffs()
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = 10
        settings.watching.server_timeout = 300
        settings.watching.connect_timeout = 10
        settings.scanning.disabled = bool(self._namespaces)
        for kind in (KINDS[name] for name in CHILDREN):
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = SELECTOR


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
