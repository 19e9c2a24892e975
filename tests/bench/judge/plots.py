"""The plots of docs/judge.md and docs/judge-tables.md."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from tests.bench.judge.checks import DEFAULTS
from tests.bench.judge.report import Found, false_rollback, rules_of, to_oracle
from tests.bench.judge.traffic import HOUR
from tests.bench.judge.trials import INTERVALS, ORACLE, SERINUS, TIMES, WORLDS

STYLE: dict[RcKeyType, str] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "serinus",
    "font.family": "sans-serif",
}
OURS = {DEFAULTS: "#e0b94f", SERINUS: "#b8860b"}
OTHERS = ("#4477aa", "#66ccee", "#228833", "#ee6677", "#aa3377", "#777777")
A_SECOND = 5.0
"""Candidate requests."""


def write(found: Found, folder: Path) -> None:
    """All of them, as SVG; the same figures give the same files."""
    drawings: Mapping[str, Callable[[Found, Axes], None]] = {
        "judge-day.svg": a_day,
        "judge-trade.svg": trade,
        "judge-oracle.svg": near_oracle,
    }
    for name, draw in drawings.items():
        with rc_context(STYLE):
            figure = Figure(figsize=(7.5, 4), layout="constrained")
            axes = figure.subplots()
            axes.spines[["top", "right"]].set_visible(False)
            draw(found, axes)
            figure.savefig(folder / name, metadata={"Date": None})


def a_day(found: Found, axes: Axes) -> None:
    """How many good candidates have been rolled back, hour by hour."""
    trial = "false/errorRate/flat, 24 h"
    hours = np.linspace(0, 24, 241)
    for rule, colour in _coloured(rules_of(found, trial)):
        rolled_back = np.sort(found[trial, rule]) / A_SECOND / HOUR
        share = np.searchsorted(rolled_back, hours) / len(rolled_back)
        axes.plot(hours, 100 * share, color=colour, label=rule)
    axes.set(xlabel="hours", ylabel="rolled back, % of equal candidates", xlim=(0, 24))
    axes.set_yscale("symlog", linthresh=1)
    axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 110)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def trade(found: Found, axes: Axes) -> None:
    """How soon against how surely."""
    trial = "found/errorRate/0.01/0.02"
    for rule, colour in _coloured([r for r in rules_of(found, trial) if r != ORACLE]):
        worst = max(false_rollback(found, "errorRate", world, rule).share for world in WORLDS)
        axes.plot(float(np.median(found[trial, rule])), 100 * worst, "o", color=colour, label=rule)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axes.set_xticks([500, 1000, 2000, 4000], ["500", "1,000", "2,000", "4,000"])
    axes.set_xticks([], minor=True)
    axes.set(xlim=(350, 5000), ylim=(0, 200))
    axes.set(
        xlabel="candidate requests until errors of 2% instead of 1% are found",
        ylabel="rolled back in the worst traffic,\n% of equal candidates",
    )


def near_oracle(found: Found, axes: Axes) -> None:
    """The judge's requests over the oracle's."""
    for interval, colour in zip(INTERVALS, OTHERS, strict=False):
        ratios = [to_oracle(found, f"oracle/{interval:g}/{times:g}") for times in TIMES]
        axes.plot(TIMES, ratios, "o-", color=colour, label=f"a look every {interval:g} s")
    axes.axhline(1.15, color="black", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks(TIMES, [f"{times:g}" for times in TIMES])
    axes.set_xticks([], minor=True)
    axes.set(
        xlabel="times as many errors as stable's 1%",
        ylabel="candidate requests,\nas a multiple of the oracle's",
        ylim=(0.8, 1.6),
    )
    axes.legend(frameon=False)


def _coloured(rules: list[str]) -> list[tuple[str, str]]:
    others = iter(OTHERS)
    return [(rule, OURS[rule] if rule in OURS else next(others)) for rule in rules]
