"""What follows from the answer of an endpoint, and when the next attempt is due."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from serinus.api.quantities import retry_after

AttemptOutcome = Literal["delivered", "retried", "refused", "expired", "dropped"]
"""retried: an attempt failed, and another one follows; refused: the answer would be the same again;
expired: attempts have failed for too long; dropped: too many wait in the status."""

TIMEOUT: Final = 10.0
"""Seconds that an attempt may take."""
FIRST_WAIT: Final = 1.0
"""Seconds until the second attempt."""
LONGEST_WAIT: Final = 300.0
LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds up to which an endpoint's Retry-After is honoured."""
GIVE_UP_AFTER: Final = 86400.0
"""Seconds after an event at which a failed attempt is the last."""
_TRY_AGAIN: Final = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt."""

    outcome: AttemptOutcome
    detail: str
    """For the log, without the address."""
    asked: float = 0.0
    """Seconds that the endpoint asks to wait."""


def result_of(status: int, headers: Mapping[str, str]) -> AttemptResult:
    """The meaning of an HTTP answer. A redirect is not followed, so it counts as refused."""
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return AttemptResult("delivered", detail)
    if status in _TRY_AGAIN or status >= 500:
        asked = retry_after(headers.get("Retry-After", ""), headers.get("Date", ""))
        return AttemptResult("retried", detail, asked or 0.0)
    return AttemptResult("refused", detail)


def wait(failures: int, chance: float, asked: float = 0.0) -> float:
    """Seconds until the next attempt after so many failures in a row; `chance` is from 0 to 1, so
    that endpoints which serve several operators are not called by all of them at once."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 16))
    return max(longest * (0.5 + chance / 2), min(asked, LONGEST_RETRY_AFTER))
