"""Numbers in words: short enough to read, and never claiming more than was shown."""

import math


def percent(share: float) -> str:
    """0.0204 -> `2.0%`, 0.00012 -> `0.012%`, 0.876 -> `88%`."""
    value = 100 * share
    if value == 0:
        return "0%"
    digits = 0 if value >= 10 else 1 if value >= 1 else 1 - math.floor(math.log10(value))
    return f"{value:.{digits}f}%"


def latency(duration: float) -> str:
    """Seconds in three digits: 0.0251 -> `25.1ms`, 2.5 -> `2.5s`."""
    return f"{duration:.3g}s" if duration >= 1 else f"{duration * 1000:.3g}ms"


def confidence(risk: float) -> str:
    """0.01 -> `with 99% anytime-valid confidence`."""
    return f"with {100 * (1 - risk):.10g}% anytime-valid confidence"


def count(count: float) -> str:
    """41.0 -> `41`, 2.5 -> `2.5`."""
    return f"{count:.0f}" if count >= 10 or count == int(count) else f"{count:.1f}"


def sentences(*each: object) -> str:
    """One after the other; what has nothing to say is left out."""
    return " ".join(filter(None, map(str, each)))
