"""An event loop whose time passes by itself as soon as everything waits for it.

Hours pass in milliseconds and in the same order each time: no thread, no socket, no real clock.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

ROUND: Final = 1e-6
"""Seconds that a round of the loop takes."""
MOST_ROUNDS: Final = 5_000
"""Rounds of the loop in one moment, beyond which it is taken to be stuck."""


class _Selector(selectors.SelectSelector):
    """Waits for nothing: the time that it should wait goes by at once."""

    skip: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skip(timeout)
        return []


class MovedLoop(asyncio.SelectorEventLoop):
    """Its `time` starts at 0; what is given to an executor is done at once."""

    def __init__(self) -> None:
        self._moved = 0.0
        self._rounds = 0
        selector = _Selector()
        selector.skip = self._skip
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since it was made."""
        return self._moved

    def _skip(self, timeout: float | None) -> None:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self._rounds = 0 if timeout else self._rounds + 1
        if self._rounds > MOST_ROUNDS:
            raise RuntimeError("something goes round and round, and time never passes")
        # each round takes its time, as anywhere: else a wait that rounding left over never ends
        self._moved += (timeout or 0.0) + ROUND

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Call it now: a thread would come back at another moment each time."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done
