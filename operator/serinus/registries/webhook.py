"""What registries send when something has changed: signed, and a reason to ask, never an answer.

Whoever repeats or forges a request can have the registry asked a little sooner, and nothing else.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from serinus.api.registry import Registry, ToldOutcome
from serinus.notifications.signature import key, verified
from serinus.serving import body_of, serving

log = logging.getLogger(__name__)

PATH: Final = "/registries/{name}"
SIGNING_KEY: Final = "webhook-key"
MOST_BYTES: Final = 1 << 16
TOLERANCE: Final = 300.0
"""Seconds by which the time of a request may differ from ours."""
_IDS_KEPT: Final = 1000
_LONGEST_ID: Final = 256
_HEADERS: Final = (
    ("webhook-id", "webhook-timestamp", "webhook-signature"),
    ("X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature"),
)
"""Of Standard Webhooks, and as MLflow names them."""


class Inbox:
    """The requests of one registry. `changed` is called for each that is new and valid."""

    def __init__(
        self, registry: Registry, clock: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.outcomes: Counter[ToldOutcome] = Counter()
        self._registry = registry
        self._clock = clock
        self._changed = changed
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._warned = False

    def take(self, headers: Mapping[str, str], body: bytes, leads: bool) -> int:
        """The HTTP status to answer with."""
        identifier, why = self._verified(headers, body)
        if why:
            self.outcomes["unauthorized"] += 1
            if not self._warned:
                log.warning(
                    "a webhook of registry %s is refused: %s; others will be without a line here",
                    self._registry.name,
                    why,
                )
                self._warned = True
            return 401
        if not leads:
            self.outcomes["elsewhere"] += 1
            return 503
        if identifier in self._ids:
            self.outcomes["repeated"] += 1
            return 204
        self._ids[identifier] = None
        if len(self._ids) > _IDS_KEPT:
            self._ids.popitem(last=False)
        self.outcomes["accepted"] += 1
        self._changed()
        return 204

    def _verified(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The id of a request, and why it is not valid; empty: it is."""
        try:
            path = Path(self._registry.folder, SIGNING_KEY)
            lines = path.read_text("ascii").split()
            keys = [key(line) for line in lines]
        except (OSError, ValueError):
            return "", f"there is no valid {SIGNING_KEY} in the registry's Secret"
        for of_id, of_time, of_signature in _HEADERS:
            identifier, moment = headers.get(of_id, ""), headers.get(of_time, "")
            if not 0 < len(identifier) <= _LONGEST_ID or not moment.isascii():
                continue
            if not moment.isdigit() or len(moment) > 15:
                continue
            # who knows no such keys signs with the text of it
            known = [*keys, *(line.encode() for line in lines)]
            given = headers.get(of_signature, "")
            if not verified(known, identifier, int(moment), body, given):
                return "", "its signature is wrong"
            if abs(self._clock() - int(moment)) > TOLERANCE:
                return "", "it is old, or the clocks differ"
            return identifier, ""
        return "", "it is not signed"


@asynccontextmanager
async def listening(
    inboxes: Mapping[str, Inbox], leads: Callable[[], bool], host: str, port: int
) -> AsyncIterator[None]:
    """Listen for what registries send, if any may."""
    if not inboxes:
        yield
        return

    async def take(request: web.Request) -> web.Response:
        inbox = inboxes.get(request.match_info["name"])
        if inbox is None:
            return web.Response(status=404)
        status = inbox.take(request.headers, await body_of(request), leads())
        # the leader is another replica: most senders try again
        return web.Response(status=status, headers={"Retry-After": "1"} if status == 503 else {})

    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post(PATH, take)
    async with serving(app, host, port):
        yield
