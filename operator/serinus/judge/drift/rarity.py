"""How rare false alarms are, over everything that is monitored of a ModelDeployment."""

import math
from dataclasses import dataclass, replace
from typing import Final

from serinus.api.quantities import spoken

_DAY: Final = 86400
_YEAR: Final = 365 * _DAY


@dataclass(frozen=True, slots=True)
class Rarity:
    """The mean time between false alarms, shared equally among the quantities."""

    every: float
    """Mean seconds between false alarms of any quantity, with all shares exactly at their limits;
    within them false alarms are far rarer."""
    interval: float
    """Seconds between two looks."""
    quantities: int = 1
    """How many are monitored: features, predictions, errors, feedback."""

    def alarm(self, sides: int = 1) -> float:
        """ln of the evidence on one side that raises an alarm, if the quantity has so many: each
        of them could."""
        return self.end + math.log(self.quantities * max(sides, 1))

    @property
    def end(self) -> float:
        """ln of the evidence on every side that ends an alarm."""
        return math.log(max(self.every / self.interval, 1.0))

    def with_looks_every(self, interval: float) -> "Rarity":
        """The same for a quantity that is looked at every so many seconds."""
        return replace(self, interval=max(interval, self.interval))

    def __str__(self) -> str:
        """A sentence of a message."""
        between = f"On average at least {_time(self.every)} between false alarms"
        return f"{between}, while shares are within limits."


def _time(span: float) -> str:
    if span == _YEAR:
        return "a year"
    days, rest = divmod(span, _DAY)
    return spoken(span) if rest or days == 1 else f"{days:.0f} days"
