"""The same rollout at each traffic, with chosen steps and with fixed ones."""

from collections.abc import Iterator
from typing import Final

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Scenario,
    Trouble,
    promoted,
    rolled_back,
)

KIND: Final = "steps"
TRAFFIC: Final = (1.0, 5.0, 10.0, 50.0, 200.0, 5000.0)
"""Requests a second."""
FIXED: Final = (5, 25, 50)
TIMES: Final = 5.0
"""Times as many failed requests as stable's, of a bad candidate."""
LASTS: Final = "8h"


def named(traffic: float, steps: tuple[int, ...], *, bad: bool) -> str:
    """The name of one of them; no steps: those that are chosen."""
    model, which = "bad" if bad else "good", "fixed" if steps else "chosen"
    return f"steps-{which}-{traffic:g}-{model}"


def _scenarios() -> Iterator[Scenario]:
    for traffic in TRAFFIC:
        for steps in ((), FIXED):
            for bad in (False, True):
                yield Scenario(
                    KIND,
                    named(traffic, steps, bad=bad),
                    f"{traffic:g} requests a second.",
                    traffic=traffic,
                    steps=steps,
                    lasts=LASTS,
                    troubles=[Trouble(times=TIMES)] if bad else [],
                    right=[rolled_back(LASTS) if bad else promoted(LASTS)],
                    forbidden=[EVER_PROMOTED if bad else EVER_ROLLED_BACK],
                )


SCENARIOS: Final = tuple(_scenarios())
