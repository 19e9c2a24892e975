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

    arm: str
    whole: str
    """What was counted: `answers`."""
    group: str | None
    """The only one; None: there is none."""
    label: str

    @property
    def message(self) -> str:
        groups = f"group {self.group} only" if self.group is not None else "no group yet"
        who = "The candidate" if self.arm == "candidate" else "Stable"
        return f"{who} has {self.whole} for {groups}, by label {self.label}: nothing to compare."


@dataclass(frozen=True, slots=True)
class ShownUnfair:
    """A group is shown to be favoured over another by more than is tolerated."""

    favoured: str
    other: str
    shown: ShownWorse
    recent: Mapping[str, EventCount]
    """Both, by name, since there was least evidence; empty: not known."""


@dataclass(frozen=True, slots=True)
class OneLargeGroup:
    """All groups but one are too small for a step to wait for."""


@dataclass(frozen=True, slots=True)
class GroupRates:
    """A rate in two groups, what is allowed of it, and what is shown: the pair with the clearest
    evidence for Fail, else the one with the greatest difference."""

    events: str
    """What the rate is of: `favourable answers`."""
    groups: Mapping[str, EventCount]
    """Both, by name, with the candidate."""
    stable: Mapping[str, EventCount]
    """Both with stable; empty: the candidate is not compared with it."""
    tolerance: AllowedRate
    margin: AllowedRate
    conclusion: ShownUnfair | ShownBetter | OneLargeGroup | Forecast
    small: Mapping[str, float]
    """Groups too small for a step to wait for, with their shares of the whole."""
    least_share: str
    """A percentage, below which a group is small."""

    @property
    def message(self) -> str:
        counts = _listed(self.groups)
        if self.stable:
            counts = f"{counts}; with stable {_listed(self.stable)}"
        return f"{self.events.capitalize()}: {counts}, {self._conclusion()}"

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownUnfair() as unfair:
                wrong = self._what_is_wrong(unfair)
                return words.sentences(f"the clearest difference; {wrong}.", unfair.shown)
            case ShownBetter() as shown:
                right = f"the greatest difference; every group is {shown.within(self._allowed())}"
                return words.sentences(right, self._what_is_small())
            case OneLargeGroup():
                alone = "the greatest difference; no two groups are large enough to be compared."
                return words.sentences(alone, self._what_is_small())
        return f"the greatest difference; {self.conclusion}"

    def _what_is_wrong(self, unfair: ShownUnfair) -> str:
        favoured, other = unfair.favoured, unfair.other
        allowed = self.tolerance.of(f"the rate of {other}")
        if self.stable:
            allowed = f"{allowed}, and {self.tolerance.ratio:.4g} times stable's odds ratio"
            return f"{favoured} is above what is tolerated ({allowed})"
        nothing = EventCount(0.0, 0.0)  # of a group whose answers count no longer
        one, another = (self.groups.get(group, nothing) for group in (favoured, other))
        lately = self.tolerance.lately(one, another, _listed(unfair.recent))
        return f"{favoured} is above what is tolerated ({allowed}){lately}"

    def _allowed(self) -> str:
        allowed = self.margin.of("every other group's rate")
        if self.stable:
            allowed = f"{allowed}, or {self.margin.ratio:.4g} times stable's odds ratio"
        return allowed

    def _what_is_small(self) -> str:
        if not self.small:
            return ""
        groups = ", ".join(f"{group} ({words.percent(n)})" for group, n in self.small.items())
        return f"Not required to pass, with less than {self.least_share}: {groups}."


def _listed(groups: Mapping[str, EventCount]) -> str:
    return ", ".join(f"{group} {count}" for group, count in groups.items())
