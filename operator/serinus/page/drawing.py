"""A rollout's numbers as charts: what the script draws, and the same in words and tables."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from serinus.page.look_history import Curve, LookHistory
from serinus.views.looks import WeightView
from serinus.views.roles import Roles

MOST_ROWS: Final = 12
"""Of the table that stands for a chart: the newest, and as many before it as fit, evenly."""
LATE: Final = 60.0
"""Seconds that curves may begin after the traffic without a word about it."""

Number = float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    label: str
    kind: str
    """Its colour: candidate, stable, wanted, copies, against or towards."""
    values: list[Number]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time."""

    title: str
    unit: str
    times: list[float]
    lines: list[Line]
    stepped: bool = False
    """Whether a value lasts until the next one."""
    enough: bool = False
    """Whether 100% is a bound to be drawn."""

    @property
    def data(self) -> str:
        """For the script."""
        return json.dumps(
            {
                "unit": self.unit,
                "stepped": self.stepped,
                "enough": self.enough,
                "times": self.times,
                "lines": [[each.label, each.kind, each.values] for each in self.lines],
            }
        )

    @property
    def summary(self) -> str:
        """In words: the newest value of each line."""
        newest = (f"{each.label} {self.shown(_last(each.values))}" for each in self.lines)
        return f"{self.title}: {', '.join(newest)}"

    @property
    def rows(self) -> list[tuple[float, list[str]]]:
        """A table of some of the values, newest first."""
        places = range(len(self.times) - 1, -1, -max(-(-len(self.times) // MOST_ROWS), 1))
        return [
            (self.times[i], [self.shown(each.values[i]) for each in self.lines]) for i in places
        ]

    def shown(self, value: Number) -> str:
        """With its unit."""
        return "-" if value is None else f"{value:.3g}{self.unit}"


def weight_chart(weights: Sequence[WeightView], roles: Roles) -> Chart:
    """The candidate's traffic, and the copies that it got, if it got any."""
    copies: list[Number] = [each.mirrored for each in weights]
    return Chart(
        f"Traffic of {roles.the_candidate}",
        "%",
        [each.since for each in weights],
        [
            Line("wanted", "wanted", [each.wanted for each in weights]),
            Line("actual", "candidate", [each.actual for each in weights]),
            *([Line("copies", "copies", copies)] if any(copies) else []),
        ],
        stepped=True,
    )


def rate_chart(history: LookHistory, check: str, roles: Roles) -> Chart | None:
    """The most telling quantity of a check; None if it compares none."""
    curves, name = history.curves, history.telling.get(check, "")
    lines = [
        Line(label, of, [v if v is None else 100 * v for v in values])
        for of, label in (("candidate", roles.candidate), ("stable", roles.stable))
        if (values := curves.get(Curve(check, name, of)))
    ]
    return Chart(name[:1].upper() + name[1:], "%", history.times, lines) if lines else None


def evidence_chart(history: LookHistory, check: str) -> Chart | None:
    """How much of the evidence that a verdict takes there is; None if it has no such evidence."""
    lines = [
        Line(label, of, [v if v is None else 100 * v for v in values])
        for of, label in (("against", "for a rollback"), ("towards", "for a pass"))
        if (values := history.curves.get(Curve(check, "", of)))
    ]
    return Chart("Evidence", "%", history.times, lines, enough=True) if lines else None


def begins_late(history: LookHistory, measured_since: float | None) -> float | None:
    """When the curves begin, if that is later than the traffic."""
    times = history.times
    if measured_since is None or not times or times[0] - measured_since < LATE:
        return None
    return times[0]


def _last(values: Iterable[Number]) -> Number:
    known = [value for value in values if value is not None]
    return known[-1] if known else None
