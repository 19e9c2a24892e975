"""Asks one registry, a few requests at a time: a slow one delays no other."""

import asyncio
import contextlib
import heapq
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from math import inf
from typing import Final

from serinus.api.isolation import Fault, Part
from serinus.api.quantities import seconds
from serinus.api.registry import Answer, AskOutcome, Reference, Registry, Version
from serinus.registries.kind import RegistryKind, UnreadableError

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Requests to one registry at the same time."""
LONGEST_WAIT: Final = 300.0
"""Seconds until the next request after many failures; more only if the interval is longer, or the
registry asks for more."""
LONGEST_RETRY_AFTER: Final = 900.0
"""Seconds up to which a registry's Retry-After is honoured."""
AGAIN_AFTER: Final = 10.0
"""Seconds in which everything is asked again once at most."""
LONGEST_SLEEP: Final = 30.0
"""Seconds until the clock is read again, because it may have been set."""

Follower = tuple[str, str]
"""Namespace and name of a ModelDeployment."""


@dataclass(slots=True)
class _Followed:
    """What is known of a reference."""

    due: float
    followers: set[Follower] = field(default_factory=set)
    answer: Answer | None = None
    failures: int = 0
    """In a row."""
    again: bool = False
    """Whether it is to be asked once more after the request that is under way."""
    not_before: float = -inf
    """Until when the registry asks to wait."""


class Poller:
    """The references of one registry that are followed; each is asked once an interval, however
    many follow it."""

    changed: Callable[[str, str], None]
    """Called with the namespace and name of each ModelDeployment that follows what has changed."""
    raised: Callable[[Fault], None]
    """Called with what our own code raises."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self.outcomes: Counter[AskOutcome] = Counter()
        self.answered: float | None = None
        """When it last answered with a version, or began to be asked."""
        self.wake = asyncio.Event()
        """Set it after moving an injected clock."""
        self._clock = clock
        self._interval = seconds(registry.interval)
        self._followed: dict[Reference, _Followed] = {}
        self._heap: list[tuple[float, int, Reference]] = []
        """By when they are due; entries that no longer match `_followed` are void."""
        self._numbers = count()
        self._asked_again = -inf

    def follow(self, who: Follower, reference: Reference) -> Answer | None:
        """What is known; one that nobody followed before is asked at once."""
        followed = self._followed.get(reference)
        if followed is None:
            followed = self._followed[reference] = _Followed(inf)
            self._plan(reference, followed, self._clock())
            if self.answered is None:
                self.answered = self._clock()
        followed.followers.add(who)
        return followed.answer

    def leave(self, who: Follower, reference: Reference) -> None:
        """No longer followed by this one."""
        if followed := self._followed.get(reference):
            followed.followers.discard(who)
            if not followed.followers:
                del self._followed[reference]
        if not self._followed:
            self.answered = None

    def is_followed(self, reference: Reference) -> bool:
        """Whether anybody follows it; a registry may not tell upper case from lower."""
        return any(_folded(reference) == _folded(each) for each in self._followed)

    def forget_everything(self) -> None:
        """Another replica leads now."""
        self._followed.clear()
        self._heap.clear()
        self.answered = None

    def ask_again(self) -> None:
        """Ask for everything now; if that was done a moment ago, after that moment, and once."""
        now, before = self._clock(), self._asked_again
        if now < before <= now + AGAIN_AFTER:
            return
        due = self._asked_again = max(now, before + AGAIN_AFTER) if before <= now else now
        for reference, followed in self._followed.items():
            if followed.due == inf:
                followed.again = True
            elif (at := self._allowed(followed, due)) < followed.due:
                self._plan(reference, followed, at)

    async def run(self, kind: RegistryKind) -> None:
        """Ask until cancelled."""
        for reference, followed in self._followed.items():
            if followed.due == inf:  # the one that asked was cancelled
                self._plan(reference, followed, self._clock())
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(kind))

    async def _work(self, kind: RegistryKind) -> None:
        while True:
            reference, followed = await self._next()
            before = followed.answer
            asked, wait = await self._asked(kind, reference, followed)
            followed.answer = asked
            if self._followed.get(reference) is not followed:
                continue
            now = self._clock()
            self._plan(
                reference, followed, self._allowed(followed, now) if followed.again else now + wait
            )
            followed.again = False
            if before is None or _news(before) != _news(asked):
                self._log(reference, before, asked)
                for who in list(followed.followers):
                    self.changed(*who)

    def _allowed(self, followed: _Followed, due: float) -> float:
        """Not before the registry wants it, unless the clock was set back since."""
        longest = self._clock() + LONGEST_RETRY_AFTER
        return max(due, followed.not_before) if followed.not_before <= longest else due

    async def _next(self) -> tuple[Reference, _Followed]:
        """The reference that is due; none other gets it until it is planned again."""
        while True:
            self.wake.clear()
            now = self._clock()
            if (taken := self._taken(now)) is not None:
                return taken
            delay = min(LONGEST_SLEEP, self._heap[0][0] - now) if self._heap else LONGEST_SLEEP
            # not wait_for: it may lose a cancellation that comes as the event is set
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self.wake.wait()

    def _taken(self, now: float) -> tuple[Reference, _Followed] | None:
        longest = max(1.1 * self._interval, LONGEST_WAIT, LONGEST_RETRY_AFTER)
        # later than any wait: the clock was set back
        while self._heap and not now < self._heap[0][0] <= now + longest:
            due, _, reference = heapq.heappop(self._heap)
            followed = self._followed.get(reference)
            if followed is not None and followed.due == due:
                followed.due = inf
                return reference, followed
        return None

    def _plan(self, reference: Reference, followed: _Followed, due: float) -> None:
        followed.due = due
        heapq.heappush(self._heap, (due, next(self._numbers), reference))
        self.wake.set()

    async def _asked(
        self, kind: RegistryKind, reference: Reference, followed: _Followed
    ) -> tuple[Answer, float]:
        """The answer, and the seconds until it is asked again."""
        known = followed.answer.version if followed.answer else None
        try:
            version = await kind.read(reference, known)
            if problem := version.problem:
                raise UnreadableError(f"version {version.version} cannot be used: {problem}")
        except UnreadableError as error:
            self.outcomes[error.outcome] += 1
            message = f"Registry {reference.registry}, {_names(reference)}: {error}."
            failed = error.outcome == "failed"
            followed.failures = followed.failures + 1 if failed else 0
            asked = error.asked
        except Exception as error:
            self.outcomes["failed"] += 1
            fault = Fault(Part.REGISTRIES, f"registry {self.registry.name}", error)
            self.raised(fault)
            message, asked = f"{fault.title}: {fault.message}.", 0.0
            followed.failures += 1
        else:
            followed.failures, followed.not_before = 0, -inf
            self.outcomes["answered"] += 1
            self.answered = self._clock()
            return Answer(version, self._clock()), self._wait(0, 0.0)
        followed.not_before = self._clock() + min(asked, LONGEST_RETRY_AFTER)
        return self._failed(followed, known, message), self._wait(followed.failures, asked)

    def _failed(self, followed: _Followed, known: Version | None, message: str) -> Answer:
        now = self._clock()
        since = followed.answer.failing_since if followed.answer else None
        return Answer(known, now, now if since is None else min(since, now), message)

    def _wait(self, failures: int, asked: float) -> float:
        """Seconds until the next request, spread so that not all come at once. A registry that
        fails is never asked more often than one that answers."""
        longest = max(self._interval, LONGEST_WAIT)
        wait = min(self._interval * 2.0 ** min(max(failures - 1, 0), 16), longest)
        return max(wait * random.uniform(0.9, 1.1), min(asked, LONGEST_RETRY_AFTER))

    def _log(self, reference: Reference, before: Answer | None, answer: Answer) -> None:
        if answer.error:
            log.warning("%s", answer.error)
        elif before is None or before.error or before.version != answer.version:
            version = answer.version.version if answer.version else ""
            log.info("registry %s, %s: %s", reference.registry, _names(reference), version)


def _folded(reference: Reference) -> tuple[str, str]:
    return reference.model.casefold(), reference.alias.casefold()


def _names(reference: Reference) -> str:
    return f"model {reference.model}, alias {reference.alias}"


def _news(answer: Answer) -> Answer:
    """What it says but for when."""
    failing = None if answer.failing_since is None else 0.0
    return replace(answer, at=0.0, failing_since=failing)
