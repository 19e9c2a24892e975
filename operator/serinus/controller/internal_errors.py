"""Exceptions of our own code: each place is logged once, all are counted, and an object's status
says what raises."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from serinus.api.isolation import Fault, Faults, Part
from serinus.plan.situation import InternalError

log = logging.getLogger(__name__)

STANDS_FOR: Final = 120.0
"""Seconds for which an error stands after the last exception, though the part ran without one: what
raises at most looks may not at some."""
FORGOTTEN_AFTER: Final = 3600.0
"""Seconds without an exception after which a part that no longer runs is forgotten."""
_PLACES_KEPT: Final = 1000

Standing = Mapping[tuple[Part, str], InternalError]
"""What raises, by part and name."""


class InternalErrors:
    """Of all objects."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(Part, 0))
        """From 0, so that the first one is an increase."""
        self._logged: set[tuple[str, ...]] = set()

    def note(self, about: object, faults: Iterable[Fault]) -> None:
        """Count them, and log the traceback of each place that is new."""
        for fault in faults:
            self.counts[fault.part] += 1
            place = fault.part, fault.name, type(fault.error).__name__, fault.place
            if place in self._logged or len(self._logged) >= _PLACES_KEPT:
                continue
            self._logged.add(place)
            log.error("%s: %s raised", about, fault.title, exc_info=fault.error)


def standing(before: Standing, faults: Faults, now: float) -> Standing:
    """What raises after these parts were run. Nothing has raised later than now: the clock may have
    been set back."""
    after = {
        key: replace(
            error,
            since=min(error.since, now),
            until=min(error.until, now),
            ran_well=error.ran_well or key in faults.ran,
        )
        for key, error in before.items()
    }
    for fault in faults.raised:
        key = fault.part, fault.name
        known = after.get(key)
        after[key] = InternalError(
            fault.part,
            f"{fault.title}: {fault.message}.",
            known.since if known else now,
            (known.times if known else 0) + 1,
            now,
            again=known is not None and (known.again or known.ran_well),
        )
    return {
        key: error
        for key, error in after.items()
        if now - error.until < (STANDS_FOR if key in faults.ran else FORGOTTEN_AFTER)
    }
