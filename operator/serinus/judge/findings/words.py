"""Numbers as people read them: short, and never claiming more than was shown."""

import math
from collections.abc import Sequence
from typing import Final

from serinus.api.quantities import spoken

_MINUTE: Final = 60.0
_TEN_MINUTES: Final = 600.0


def percent(share: float) -> str:
    """0.0204 -> `2.0%`, 0.00012 -> `0.012%`, 0.876 -> `88%`."""
    value = 100 * share
    if value == 0:
        return "0%"
    digits = 0 if value >= 10 else 1 if value >= 1 else 1 - math.floor(math.log10(value))
    return f"{value:.{digits}f}%"


def copies(share: float) -> str:
    """Of stable's requests, if the candidate has this share of all."""
    return f"copies of {100 * share / (1 - share):.3g}%"


def exact_percent(share: float) -> str:
    """A setting or a weight: 0.0675 -> `6.75%`, 0.05 -> `5%`."""
    return f"{100 * share:.3g}%"


def latency(duration: float) -> str:
    """Seconds in three digits: 0.0251 -> `25.1ms`, 2.5 -> `2.5s`."""
    return f"{duration:.3g}s" if duration >= 1 else f"{duration * 1000:.3g}ms"


def about(span: float) -> str:
    """Seconds with the precision of an estimate: `40s`, `12m`, `3h20m`."""
    unit = 5.0 if span < _MINUTE else _MINUTE if span < 10 * _TEN_MINUTES else _TEN_MINUTES
    return spoken(math.ceil(span / unit) * unit)


def at_most(risk: float) -> str:
    """0.01 -> `at most 1%`."""
    return f"at most {100 * risk:.10g}%"


def count(count: float) -> str:
    """41.0 -> `41`, 2.5 -> `2.5`."""
    return f"{count:.0f}" if count >= 10 or count == int(count) else f"{count:.1f}"


def listed(items: Sequence[str]) -> str:
    """`5%, 25% and 50%`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def lately(counts: object) -> str:
    """` in recent requests`, and what was counted in them, if it is known."""
    return f" in recent requests: {counts}" if counts else " in recent requests"


def sentences(*each: object) -> str:
    """One after the other, without the empty ones."""
    return " ".join(filter(None, map(str, each)))
