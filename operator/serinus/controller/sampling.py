"""Measuring on time: rollouts that are due together are read together.

Rollouts with the same interval are due at the same times (multiples of the interval) and share
queries, so the number of queries does not depend on the number of rollouts. Each gets its results
as soon as its own queries are answered. A reconcile never waits for Prometheus: it uses the newest
measurement, if there is one.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, Protocol

from serinus.api.isolation import Fault, Part
from serinus.controller.queue import LONGEST_SLEEP, Key
from serinus.metrics.queries import ArmQuery, History, Measurement, QueryResult
from serinus.metrics.requests import AnyRequest
from serinus.plan.analysis import next_look


class Reader(Protocol):
    """Answers queries; in production `serinus.prometheus.Prometheus`, which lets batches that are
    read at the same time share queries."""

    async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
        """A result for each query; failures are results too."""
        ...


class Purpose(Enum):
    """The purpose of a measurement."""

    ROLLOUT = "rollout"
    MONITORING = "monitoring"


PATIENCE: Final = 45.0
"""Seconds within which a measurement is begun and noted, however busy the operator is."""
READS_FOR: Final = 300.0
"""Seconds within which one is read, however slow Prometheus is: a query may take 120 s, and what is
asked after it as long again."""

_Subject = tuple[Key, Purpose]


class Sampler:
    """Holds what to measure by object and purpose, measures it when due, and calls `add` then."""

    def __init__(
        self, prometheus: Reader, clock: Callable[[], float], add: Callable[[Key, Purpose], None]
    ) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._add = add
        self._requests: dict[_Subject, AnyRequest] = {}
        self._due: dict[_Subject, float] = {}
        self._taken: dict[_Subject, Measurement | History] = {}
        self._reading: dict[_Subject, float] = {}
        """What is being read, and since when in monotonic time, which does not go on while the
        machine sleeps."""
        self._heard: dict[_Subject, float] = {}
        """When it was last read, or wanted for the first time, in monotonic time."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._looked_at = time.monotonic()
        self.wake = asyncio.Event()

    def want(
        self, key: Key, request: AnyRequest | None, purpose: Purpose = Purpose.ROLLOUT
    ) -> None:
        """Set what to measure for the key; None ends it."""
        subject = key, purpose
        if request is None:
            for kept in (self._requests, self._due, self._taken, self._heard):
                kept.pop(subject, None)
            return
        before = self._requests.get(subject)
        self._requests[subject] = request
        anew = before is None or before.interval != request.interval
        if anew or (before is not None and before.subject != request.subject):
            self._heard[subject] = time.monotonic()
        if anew:
            self._due[subject] = next_look(request.interval, self._clock())
            self.wake.set()
        if before is not None and before.subject != request.subject:
            self._taken.pop(subject, None)

    def forget(self, key: Key) -> None:
        """Stop measuring for the key."""
        for purpose in Purpose:
            self.want(key, None, purpose)

    def take(self, key: Key, purpose: Purpose = Purpose.ROLLOUT) -> Measurement | History | None:
        """The newest measurement or history; returned once."""
        return self._taken.pop((key, purpose), None)

    def series(self, key: Key, purpose: Purpose = Purpose.ROLLOUT) -> int:
        """The number of series in the newest measurement or history; 0: there is none."""
        taken = self._taken.get((key, purpose))
        return taken.series if taken is not None else 0

    def overdue(self, key: Key) -> float:
        """Seconds since the last measurement of a rollout should have been there, whatever it says;
        0 if it is not late."""
        expected = self._expected_by(key)
        return 0.0 if expected is None else max(time.monotonic() - expected, 0.0)

    def late_in(self, key: Key) -> float | None:
        """Seconds after which `overdue` says so unless there is one by then; None: it does, or none
        is wanted."""
        expected, now = self._expected_by(key), time.monotonic()
        return None if expected is None or expected < now else expected - now + 1.0

    def _expected_by(self, key: Key) -> float | None:
        """The latest monotonic time at which the next measurement of a rollout is not late."""
        subject = key, Purpose.ROLLOUT
        request, heard = self._requests.get(subject), self._heard.get(subject)
        if request is None or heard is None:
            return None
        if (begun := self._reading.get(subject)) is not None:
            return begun + READS_FOR
        return heard + 2 * request.interval + PATIENCE

    def due(self) -> Iterable[float]:
        """Time of the next measurement of each, Unix seconds."""
        return self._due.values()

    def stuck(self, longest: float) -> str | None:
        """Message if due measurements were not made for this many seconds; otherwise None."""
        waited = time.monotonic() - self._looked_at
        return f"no measurement was made for {waited:.0f} s" if waited > longest else None

    async def run(self) -> None:
        """Measure until cancelled."""
        try:
            while True:
                self.wake.clear()
                self._looked_at = time.monotonic()
                self.start_what_is_due()
                delay = self._until_due()
                # not wait_for: it may lose a cancellation that comes as the event is set
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self.wake.wait()
        finally:
            for task in self._tasks:
                task.cancel()

    def _until_due(self) -> float:
        """Seconds until a measurement is due, or until the clock is read again."""
        now = self._clock()
        waits = (0.0 if self._is_due(each, now) else self._due[each] - now for each in self._due)
        return min([LONGEST_SLEEP, *waits])

    def start_what_is_due(self) -> None:
        """Start to read everything that is due."""
        now = self._clock()
        due = [each for each in self._due if self._is_due(each, now)]
        for subject in due:
            self._due[subject] = next_look(self._requests[subject].interval, now)
        for subject in due:
            if not self._is_enough(subject):
                self._reading[subject] = time.monotonic()
                task = asyncio.create_task(self._read(subject, self._requests[subject], now))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _is_due(self, subject: _Subject, now: float) -> bool:
        """It is due, or further away than the next look can be, which means that the clock was set
        back."""
        return not now < self._due[subject] <= now + self._requests[subject].interval

    def _is_enough(self, subject: _Subject) -> bool:
        """Whether the running read, or a history that was not taken yet, is enough."""
        return subject in self._reading or isinstance(self._taken.get(subject), History)

    async def _read(self, subject: _Subject, request: AnyRequest, now: float) -> None:
        try:
            taken = await self._measured(request, now)
            wanted = self._requests.get(subject)
            if wanted is not None:
                self._heard[subject] = time.monotonic()
            if wanted is not None and wanted.subject == request.subject:
                self._taken[subject] = taken
                self._add(*subject)
        finally:
            self._reading.pop(subject, None)

    async def _measured(self, request: AnyRequest, now: float) -> Measurement | History:
        """A failure of Prometheus is a result, and so is one of our own code."""
        try:
            results = await self._prometheus.read(request.arm_queries(now))
            return request.measurement(results, now, max(self._clock() - now, 0.0))
        except Exception as error:
            return request.unreadable(Fault(Part.MEASURING, "", error), now)
