"""Durations and percentages as users write them: `1m30s`, `500ms`, `0.5%`."""

import re
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

DURATION_PATTERN: Final = r"^([0-9]+(ms|s|m|h))+$"
PERCENT_PATTERN: Final = r"^[0-9]{1,3}(\.[0-9]{1,6})?%$"

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@lru_cache(maxsize=1024)
def seconds(duration: str) -> float:
    """`1m30s` -> 90.0 seconds.

    Raises ValueError with a sentence that shows the accepted form.
    """
    if not re.fullmatch(DURATION_PATTERN, duration):
        raise ValueError(f"{duration!r} is not a duration such as 30s, 5m or 1h30m")
    parts = re.findall(r"([0-9]+)(ms|s|m|h)", duration)
    return sum(int(count) * _SECONDS[unit] for count, unit in parts)


@lru_cache(maxsize=1024)
def fraction(percent: str) -> float:
    """`2.5%` -> 0.025.

    Raises ValueError with a sentence that shows the accepted form, also above 100%.
    """
    if not re.fullmatch(PERCENT_PATTERN, percent):
        raise ValueError(f"{percent!r} is not a percentage such as 1% or 0.5%")
    value = float(percent[:-1]) / 100
    if value > 1:
        raise ValueError(f"{percent!r} is more than 100%")
    return value


def spoken(span: float) -> str:
    """Seconds in the words of a status message: 90.0 -> `1m30s`, 0.4 -> `400ms`."""
    if 0 < span < 1:
        return f"{round(span * 1000)}ms"
    total = round(span)
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def retry_after(header: str, date: str) -> float | None:
    """Seconds that an HTTP answer asks to wait, by its headers Retry-After and Date; None if it
    does not. Retry-After has seconds or a date, which is compared with the server's own clock."""
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        asked, now = parsedate_to_datetime(header), parsedate_to_datetime(date)
        return max(0.0, (asked - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # neither, or only one has a zone, or absurd
        return None
