"""Waiting for something that a cluster does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_EVERY = 0.25
"""Seconds between two looks."""


def until(
    what: str, look: Callable[[], T | None], within: float, *, seen: Callable[[], object] = str
) -> T:
    """The first answer of `look` that is true; it is asked four times a second.

    Raises TimeoutError after `within` seconds, naming `what` and what `seen` tells then.
    """
    deadline = time.monotonic() + within
    while True:
        if answer := look():
            return answer
        if time.monotonic() > deadline:
            told = seen()
            raise TimeoutError(f"not within {within:g} s: {what}" + (f"; {told}" if told else ""))
        time.sleep(_EVERY)
