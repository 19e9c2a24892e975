"""Watches with kopf, in its own thread and event loop, under a supervisor.

kopf reconnects, authenticates and discovers where kinds are served; it is not level-triggered, and
it ends on many errors. It therefore only passes events to the store, and a list of everything
corrects the store once a minute. kopf writes nothing: no finalizers, no annotations, no events.
"""

import asyncio
import contextlib
import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp
import kopf

from serinus.manifests.kinds import KINDS, WATCHED

log = logging.getLogger(__name__)

_RATE: Final = 5.0
"""Average requests per second that kopf may send."""
_BURST: Final = 200
"""Burst of requests: a start needs twenty, and one for each hundred objects."""
_STARTED_AFTER: Final = 2.0
"""Seconds that kopf may take to start watching."""
_LEAVE_WITHIN: Final = 10.0
"""Seconds that the thread may take to end."""

HandOver = Callable[[str | None, dict[str, Any]], None]
"""Takes an event: its type (ADDED, MODIFIED, DELETED or None for a listed object), and the
object."""


class Watching:
    """Runs kopf, and restarts it whenever it ends, until the context is left.

    Both callbacks are called in the event loop that entered the context: `hand_over` for each
    event, and `on_gap` when events may have been missed and everything should be listed.
    """

    def __init__(
        self, hand_over: HandOver, on_gap: Callable[[], None], namespaces: tuple[str, ...]
    ) -> None:
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._main = asyncio.get_running_loop()
        self._hand_over = hand_over
        self._on_gap = on_gap
        self._namespaces = namespaces
        self._kinds: frozenset[str] = frozenset()
        self._halted = False
        self._changed = threading.Event()
        self._stop: Callable[[], object] = self._changed.set  # not running yet
        self._throttle = _Throttle()
        self._answers = WatchAnswers()

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._halted = True
        self._interrupt()
        await asyncio.to_thread(self._thread.join, _LEAVE_WITHIN)

    @property
    def alive(self) -> bool:
        """Whether the supervisor runs."""
        return self._thread.is_alive()

    @property
    def forbidden(self) -> frozenset[str]:
        """Kinds whose last watch the API server forbade. kopf logs each attempt and tries again for
        ever, while the other watches and the lists go on."""
        return self._answers.forbidden & self._kinds

    def watch(self, kinds: frozenset[str]) -> None:
        """Set the kinds to watch: those that the API server serves."""
        if kinds != self._kinds:
            self._kinds = kinds
            self._answers.forbidden = frozenset()
            self._interrupt()

    def _interrupt(self) -> None:
        self._changed.set()
        with contextlib.suppress(RuntimeError):  # its loop is closed: it has already ended
            self._stop()

    def _run(self) -> None:
        while not self._halted:
            self._changed.clear()
            if self._kinds:
                self._run_kopf()
            pause = random.uniform(1, 3) if self._kinds else None
            if not self._halted:
                self._changed.wait(pause)

    def _run_kopf(self) -> None:
        try:
            asyncio.run(self._once())
        except (Exception, asyncio.CancelledError) as error:
            log.debug("kopf ended: %r", error)
        if not self._changed.is_set():
            log.warning("the watches have stopped and are restarted")
            self._main.call_soon_threadsafe(self._on_gap)

    async def _once(self) -> None:
        loop = asyncio.get_running_loop()
        # kopf logs the cause; errors of its other watches follow from it
        loop.set_exception_handler(lambda _, message: log.debug("kopf: %s", message))
        self._stop = lambda: loop.call_soon_threadsafe(_cancel_everything, loop)
        if self._changed.is_set() or self._halted:
            return
        # deletions between the last list and the first watch are reported by neither
        loop.call_later(_STARTED_AFTER, self._main.call_soon_threadsafe, self._on_gap)
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
        kopf.on.startup(registry=registry, id="settings")(_configure)
        kopf.on.cleanup(registry=registry, id="end")(_end)
        kopf.on.login(registry=registry, id="login")(self._login)
        for kind in (KINDS[name] for name in sorted(self._kinds)):
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)(
                self._handler(kind.name, kind.api_version)
            )
        return registry

    def _handler(self, kind: str, api_version: str) -> Any:
        async def seen(event: dict[str, Any], **_: Any) -> None:
            # listed objects have no kind and apiVersion
            live = {**event["object"], "kind": kind, "apiVersion": api_version}
            self._main.call_soon_threadsafe(self._hand_over, event["type"], live)

        return seen

    async def _login(self, **kwargs: Any) -> kopf.AiohttpSession:
        """By the service account of the pod, otherwise by KUBECONFIG or ~/.kube/config."""
        found = kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
        if found is None:
            raise kopf.LoginError("there is no service account and no kubeconfig")
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(self._throttle)
        tracing.on_request_end.append(self._answers)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=found.as_ssl_context(), limit=0),
            headers=found.as_http_headers(),
            trace_configs=[tracing],
        )
        return kopf.AiohttpSession(server=found.server, aiohttp_session=session)


def tell_answers_in_words(record: logging.LogRecord) -> bool:
    """A log filter that lets all records pass but drops tracebacks: an API error, such as a kind
    that is gone, needs none."""
    error = record.exc_info[1] if record.exc_info else None
    of_kopf = record.name.partition(".")[0] == "kopf"
    if of_kopf and error and isinstance(error.__cause__, aiohttp.ClientResponseError):
        record.exc_info = None
    return True


def _cancel_everything(loop: asyncio.AbstractEventLoop) -> None:
    """End kopf: its watches may survive one cancellation, and it would wait for them for ever."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(0.2, _cancel_everything, loop)


async def _end(**_: Any) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(_cancel_everything, loop)


class _NoDiff(kopf.DiffBaseStorage):
    """Handlers of raw events need no diffs, which copy every object."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("nothing is ever written")


class _Backoffs:
    """Endless retry delays: kopf must not give up, nor wait long at the end."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(5.0))


class _Throttle:
    """Delays requests: kopf immediately reopens a watch that the server closes, a thousand times a
    second, and logs in again immediately if a login is rejected."""

    def __init__(self) -> None:
        self._next = float("-inf")

    async def __call__(self, *_: object) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now - _BURST / _RATE) + 1 / _RATE
        await asyncio.sleep(max(0.0, self._next - now))


class WatchAnswers:
    """Notes which watches were forbidden, from all answers that kopf gets."""

    def __init__(self) -> None:
        self.forbidden: frozenset[str] = frozenset()
        """Kinds."""

    async def __call__(
        self, _session: object, _context: object, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        """The head of an answer."""
        if ended.url.query.get("watch") != "true":
            return
        for name in WATCHED:
            if KINDS[name].plural == ended.url.name:
                refused = {name} if ended.response.status == HTTPStatus.FORBIDDEN else set()
                self.forbidden = self.forbidden - {name} | refused


async def _configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = None
    settings.persistence.diffbase_storage = _NoDiff()
    settings.networking.error_backoffs = _Backoffs()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 10
    # otherwise kopf keeps all objects in memory when it starts, with a task for each
    settings.watching.chunk_size = 100
    settings.queueing.idle_timeout = 0.1
    # the lists detect new and removed kinds, without permission to read CRDs
    settings.scanning.disabled = True
    for name, selector in WATCHED.items():
        kind = KINDS[name]
        if selector:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
