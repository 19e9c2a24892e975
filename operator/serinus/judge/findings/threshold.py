"""threshold: the value of a query, and for how long it has been in or out of bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api.quantities import spoken

_NO_GUARANTEE: Final = "A threshold has no statistical guarantee."
_LONGEST_QUERY: Final = 200
_LONGEST_LABELS: Final = 200


@dataclass(frozen=True, slots=True)
class NoValue:
    """The query returned nothing."""

    query: str

    @property
    def message(self) -> str:
        return (
            f"{_shown(self.query)} has no value: check that the pods export it, and have served a "
            "request."
        )


@dataclass(frozen=True, slots=True)
class NotFinite:
    """The query returned NaN or an infinity."""

    query: str
    value: float
    labels: Mapping[str, str]
    """Of the element."""

    @property
    def message(self) -> str:
        value = f"{_shown(self.query)} is {self.value}{_of(self.labels)}"
        return f"{value}, not a finite number."


@dataclass(frozen=True, slots=True)
class BoundedValue:
    """The worst value returned, the bounds, and how long it has been in or out of them."""

    query: str
    value: float
    labels: Mapping[str, str]
    """Of the element."""
    low: float | None
    high: float | None
    breached: bool
    held: float
    """Seconds."""
    needed: str
    """How long it must last, as in the settings."""
    long_enough: bool

    @property
    def message(self) -> str:
        value = f"{_shown(self.query)} is {self.value:.4g}{_of(self.labels)}"
        side = "out of" if self.breached else "within"
        held = f"{value}, {side} bounds ({self._bounds()}) for {spoken(self.held)}"
        return f"{held}. {_NO_GUARANTEE}" if self.long_enough else f"{held} of {self.needed}."

    def _bounds(self) -> str:
        bounds = (("min", self.low), ("max", self.high))
        return ", ".join(f"{name} {bound:g}" for name, bound in bounds if bound is not None)


def _shown(query: str) -> str:
    return query if len(query) <= _LONGEST_QUERY else f"{query[:_LONGEST_QUERY]}..."


def _of(labels: Mapping[str, str]) -> str:
    """The labels of the value, if any."""
    listed = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return f" for {listed[:_LONGEST_LABELS]}" if listed else ""
