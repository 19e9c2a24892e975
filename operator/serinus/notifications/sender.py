"""Notifies one receiver, an attempt at a time: a slow one costs a connection and no more."""

import asyncio
import logging
import os
import random
import time
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from serinus import __version__
from serinus.api.notifications import Endpoint
from serinus.api.status import Notice
from serinus.notifications.attempts import (
    GIVE_UP_AFTER,
    TIMEOUT,
    AttemptOutcome,
    AttemptResult,
    result_of,
    wait,
)
from serinus.notifications.credentials import CredentialError, keys, url
from serinus.notifications.forms import CONTENT_TYPES, Subject, body
from serinus.notifications.resolving import Resolver
from serinus.notifications.signature import signed

log = logging.getLogger(__name__)

MOST_OBJECTS: Final = 10_000
"""Objects that wait in memory; what is due of others stays in their status, and is offered again
within a minute."""


@dataclass(slots=True)
class _Due:
    """What is due of one object."""

    subject: Subject
    notices: list[Notice] = field(default_factory=list)
    """Oldest first."""
    done: set[str] = field(default_factory=set)
    """Ids of those that are delivered or given up, while the status still holds them."""
    gone: bool = False
    """Whether the object was deleted; what is due of it is still sent."""


class Outgoing(ABC):
    """The notices that are due at one receiver, in order for each object."""

    def __init__(self, receiver: str, done: Callable[[Subject], None]) -> None:
        self.receiver = receiver
        """As notices name it."""
        self.outcomes: Counter[AttemptOutcome] = Counter()
        self._done = done
        self._due: dict[str, _Due] = {}
        """By uid."""
        self._line: OrderedDict[str, None] = OrderedDict()
        """Uids of objects with something due, in order of their turn."""
        self._waits = asyncio.Event()

    def offer(self, uid: str, subject: Subject, notices: Iterable[Notice]) -> None:
        """Take in the notices of a status that has been written."""
        written = [each for each in notices if self.receiver in each.to]
        due = self._due.get(uid)
        if due is None:
            if not written or len(self._due) >= MOST_OBJECTS:
                return
            due = self._due[uid] = _Due(subject)
        due.gone = False
        due.done &= {each.id for each in written}
        due.notices = [each for each in written if each.id not in due.done]
        self._line_up(uid, due)

    def done_of(self, uid: str) -> set[str]:
        """Ids of the notices that no longer need to be in the status of an object."""
        return self._due[uid].done if uid in self._due else set()

    def forget(self, uid: str) -> None:
        """The object was deleted."""
        if due := self._due.get(uid):
            due.gone, due.done = True, set()
            self._line_up(uid, due)

    def forget_everything(self) -> None:
        """Another replica leads now."""
        self._due.clear()
        self._line.clear()

    @abstractmethod
    async def run(self) -> None:
        """Notify the receiver until cancelled."""

    @abstractmethod
    async def _attempt(self, subject: Subject, notice: Notice) -> AttemptResult:
        """Send it once. Whatever fails is described without the address."""

    async def _tell_all(self) -> None:
        failures = 0
        while True:
            uid, due = await self._next()
            notice = due.notices[0]
            answer = await self._attempt(due.subject, notice)
            outcome = answer.outcome
            if outcome == "retried" and time.time() - notice.at > GIVE_UP_AFTER:
                outcome = "expired"
            self.outcomes[outcome] += 1
            failures = failures + 1 if answer.outcome == "retried" else 0
            pause = wait(failures, random.random(), answer.asked) if failures else 0.0
            self._log(due.subject, notice, outcome, answer.detail, pause)
            if outcome != "retried":
                self._note_done(due, notice)
            # an object whose notice fails goes to the end, so that it holds up no other
            self._line_up(uid, due)
            await asyncio.sleep(pause)

    async def _next(self) -> tuple[str, _Due]:
        """The object whose turn it is; it leaves the line."""
        while not self._line:
            self._waits.clear()
            await self._waits.wait()
        uid, _ = self._line.popitem(last=False)
        return uid, self._due[uid]

    def _line_up(self, uid: str, due: _Due) -> None:
        """Put an object at the end of the line if something is due and it is not in it; forget it
        once nothing is known of it."""
        if self._due.get(uid) is not due:
            return
        if due.notices:
            self._line.setdefault(uid)
            self._waits.set()
            return
        self._line.pop(uid, None)
        if not due.done or due.gone:
            del self._due[uid]

    def _note_done(self, due: _Due, notice: Notice) -> None:
        due.notices = [each for each in due.notices if each.id != notice.id]
        if not due.gone:
            due.done.add(notice.id)
            self._done(due.subject)

    def _log(
        self, subject: Subject, notice: Notice, outcome: AttemptOutcome, detail: str, pause: float
    ) -> None:
        level = logging.INFO if outcome == "delivered" else logging.WARNING
        again = f"; next attempt in {pause:.0f} s" if outcome == "retried" else ""
        what = f"{notice.kind} of {subject} to {self.receiver}"
        log.log(level, "notification %s is %s: %s%s", what, outcome, detail, again)


class Sender(Outgoing):
    """Notifies one endpoint."""

    def __init__(self, endpoint: Endpoint, done: Callable[[Subject], None]) -> None:
        super().__init__(endpoint.name, done)
        self.endpoint = endpoint

    async def run(self) -> None:
        """Notify the endpoint until cancelled."""
        resolver = Resolver(self.endpoint.name)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"serinus/{__version__}"},
        )
        try:
            async with self._session:
                await self._tell_all()
        finally:
            await resolver.close()

    async def _attempt(self, subject: Subject, notice: Notice) -> AttemptResult:
        """Send it once. Whatever fails is described without the address."""
        form = self.endpoint.form
        sent = body(form, subject, notice)
        try:
            address, signing = url(self.endpoint), keys(self.endpoint)
            headers = {"Content-Type": CONTENT_TYPES[form]}
            if signing:
                headers |= signed(signing, notice.id, int(time.time()), sent)
            posting = self._session.post(address, data=sent, headers=headers, allow_redirects=False)
            async with posting as response:
                return result_of(response.status, response.headers)
        except CredentialError as error:
            return AttemptResult("retried", str(error))
        except Exception as error:  # messages of the HTTP client may contain the address
            return AttemptResult("retried", _described(error))


def _described(error: Exception) -> str:
    """The type of an error and the system's words for it."""
    number = getattr(error, "errno", None)
    words = f": {os.strerror(number)}" if isinstance(number, int) and number > 0 else ""
    return f"{type(error).__name__}{words}"
