"""When what runs beside the pods is given up because its time is over."""

from typing import Final

from serinus.plan.situation import Situation

_LATE_FOR: Final = 600.0
"""Seconds for which its time must be over: by a clock that is ahead for a moment it is over at
once, and what has run for a day would be lost."""


def late_since(s: Situation, ends: float, known: float | None) -> float | None:
    """Since when its time is over, to be remembered; None: it is not. `ends`: when it is, by its
    settings; `known`: what is remembered."""
    if not s.reached(ends):
        return None
    return s.now if known is None else known


def given_up(s: Situation, since: float | None) -> bool:
    """Whether it is no longer waited for. It has not ended by a deadline of its own."""
    return since is not None and s.reached(since + _LATE_FOR)
