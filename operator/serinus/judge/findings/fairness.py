"""fairness: a rate in two groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from serinus.judge.findings import words
from serinus.judge.findings.rates import (
    AllowedRate,
    EventCount,
    Forecast,
    ShownBetter,
    ShownWorse,
)


@dataclass(frozen=True, slots=True)
class NameTooLong:
    """A group whose name does not fit into the status."""

    group: str
    most: int
    """Characters."""

    @property
    def message(self) -> str:
        return (
            f"The name of group {self.group[: self.most]}... is longer than {self.most} characters."
        )


@dataclass(frozen=True, slots=True)
class TooManyGroups:
    """More groups than can be compared."""

    seen: int
    most: int

    @property
    def message(self) -> str:
        return (
            f"{self.seen} groups were seen, but at most {self.most} can be compared: set another "
            "groupLabel, or export coarser groups."
        )


@dataclass(frozen=True, slots=True)
class TooFewGroups:
    """Fewer than two groups have any counts."""

    whole: str
    """What was counted: `answers`."""
    group: str | None
    """The only one; None: there is none."""
    label: str

    @property
    def message(self) -> str:
        groups = f"group {self.group} only" if self.group is not None else "no group yet"
        return (
            f"The candidate has {self.whole} for {groups}, by label {self.label}: nothing to "
            "compare."
        )


@dataclass(frozen=True, slots=True)
class ShownUnfair:
    """A group is shown to be favoured over another by more than is tolerated."""

    favoured: str
    other: str
    shown: ShownWorse


@dataclass(frozen=True, slots=True)
class GroupRates:
    """A rate in two groups, what is allowed of it, and what is shown: the pair with the clearest
    evidence for Fail, else the one with the greatest difference."""

    events: str
    """What the rate is of: `favourable answers`."""
    groups: Mapping[str, EventCount]
    """Both, by name."""
    tolerance: AllowedRate
    margin: AllowedRate
    conclusion: ShownUnfair | ShownBetter | Forecast
    small: Mapping[str, float]
    """Groups too small for a step to wait for, with their shares of the whole."""
    least_share: str
    """A percentage, below which a group is small."""

    @property
    def message(self) -> str:
        counts = ", ".join(f"{group} {count}" for group, count in self.groups.items())
        return f"{self.events.capitalize()}: {counts}, {self._conclusion()}"

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownUnfair(favoured, other, shown):
                allowed = self.tolerance.of(f"the rate of {other}")
                wrong = f"the clearest difference; {favoured} is above what is tolerated"
                lately = self.tolerance.lately(self.groups[favoured], self.groups[other])
                return words.sentences(f"{wrong} ({allowed}){lately}.", shown)
            case ShownBetter() as shown:
                margin = self.margin.of("every other group's rate")
                right = f"the greatest difference; every group is {shown.within(margin)}"
                return words.sentences(right, self._what_is_small())
        return f"the greatest difference; {self.conclusion}"

    def _what_is_small(self) -> str:
        if not self.small:
            return ""
        groups = ", ".join(f"{group} ({words.percent(n)})" for group, n in self.small.items())
        return f"Not required to pass, with less than {self.least_share}: {groups}."
