"""Messages about several checks or pods."""

from collections.abc import Collection, Iterable
from typing import Final

from serinus.api.status import CheckStatus

ARE: Final = ("is", "are")
"""The verb for one, and for several."""


def messages_of(checks: Iterable[CheckStatus], noun: str = "") -> str:
    """What checks found, each message after the names of its checks, and after the noun for them if
    it stands in another sentence. One that several share is said once, such as that Prometheus
    lacks the metric that all of them read."""
    found: dict[str, list[str]] = {}
    for check in checks:
        found.setdefault(check.message, []).append(check.name)
    return " ".join(
        f"{named(noun, names) if noun else listed(names)}: {message}"
        for message, names in found.items()
    )


def listed(names: Collection[str]) -> str:
    """Names in a sentence: a, b and c."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def named(noun: str, names: Collection[str], verb: tuple[str, str] = ("", "")) -> str:
    """Names after their noun, and before the verb for one or for several if one is given."""
    several = len(names) > 1
    return f"{noun}{'s' if several else ''} {listed(names)} {verb[several]}".rstrip()
