"""The looks at one rollout that the page has seen since it started, in bounded memory."""

import math
from array import array
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from serinus.api.checks import Mode
from serinus.views.looks import LookView

MOST_LOOKS: Final = 240
"""When there are as many, every second one is dropped and every second one of those to come, so
that the whole rollout stays drawn."""
MOST_CURVES: Final = 256
TELLING: Final = 8
"""Of the quantities of a check, so many get curves."""


class Curve(NamedTuple):
    """What is drawn as one line."""

    check: str
    quantity: str
    """What is compared; empty for evidence."""
    of: str
    """candidate, stable, against or towards."""


class LookHistory:
    """Numbers by time, a column for each curve."""

    def __init__(self) -> None:
        self._times = array("d")
        self._columns: dict[Curve, array[float]] = {}
        self._looks, self._every = 0, 1
        self.telling: dict[str, str] = {}
        """By check, the most telling quantity at the last look."""
        self.modes: dict[str, Mode] = {}
        """By check, at the last look."""

    def add(self, look: LookView) -> None:
        """Keep a look, unless it is there already."""
        if self._times and look.at <= self._times[-1]:
            return
        if self._looks and (self._looks - 1) % self._every:
            self._keep(slice(-1))  # the newest look is drawn until the next one comes
        if len(self._times) >= MOST_LOOKS - 1:
            self._keep(slice(None, None, 2))
            self._every *= 2
        self._looks += 1
        self._times.append(look.at)
        values = dict(_values(look))
        shown: set[Curve] = {curve for curve in values if not curve.quantity}
        for check in look.checks:
            self.modes[check.name] = check.mode
            for rates in check.rates[:TELLING]:
                shown |= {Curve(check.name, rates.name, of) for of in ("candidate", "stable")}
            if check.rates:
                self.telling[check.name] = check.rates[0].name
        for curve in sorted(shown - self._columns.keys()):
            if len(self._columns) < MOST_CURVES:
                self._columns[curve] = array("f", [math.nan] * (len(self._times) - 1))
        for curve, column in self._columns.items():
            column.append(values.get(curve, math.nan))

    @property
    def times(self) -> list[float]:
        """When the looks were, Unix seconds, oldest first."""
        return self._times.tolist()

    @property
    def curves(self) -> Mapping[Curve, list[float | None]]:
        """A value for each time; None where a look had none that can be drawn."""
        return {
            curve: [round(value, 6) if math.isfinite(value) else None for value in column]
            for curve, column in self._columns.items()
        }

    def _keep(self, which: slice) -> None:
        self._times = self._times[which]
        self._columns = {curve: column[which] for curve, column in self._columns.items()}


def _values(look: LookView) -> Iterator[tuple[Curve, float]]:
    for check in look.checks:
        if check.against is not None:
            yield Curve(check.name, "", "against"), check.against
        if check.towards is not None:
            yield Curve(check.name, "", "towards"), check.towards
        for rates in check.rates:
            yield Curve(check.name, rates.name, "candidate"), rates.candidate
            yield Curve(check.name, rates.name, "stable"), rates.stable
