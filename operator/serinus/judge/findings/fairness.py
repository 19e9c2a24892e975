"""fairness: a rate in two groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount, Forecast, ShownBetter


@dataclass(frozen=True, slots=True)
class NameTooLong:
    """A group whose name does not fit into the status."""

    group: str
    most: int
    """Letters."""

    @property
    def message(self) -> str:
        return f"group {self.group[: self.most]}... has a name of more than {self.most} letters."


@dataclass(frozen=True, slots=True)
class TooManyGroups:
    """More groups than can be compared."""

    seen: int
    most: int

    @property
    def message(self) -> str:
        return (
            f"{self.seen} groups were seen, and at most {self.most} can be compared: name another "
            "groupLabel, or export coarser groups."
        )


@dataclass(frozen=True, slots=True)
class TooFewGroups:
    """Fewer than two groups, of which something was counted."""

    whole: str
    """What was counted: `answers`."""
    group: str | None
    """None: there is none at all."""
    label: str

    @property
    def message(self) -> str:
        of = f"group {self.group} alone" if self.group is not None else "no group yet"
        return (
            f"The candidate has {self.whole} of {of}, by the label {self.label}: there is nothing "
            "to compare."
        )


@dataclass(frozen=True, slots=True)
class ShownUnfair:
    """A group is shown to be favoured above another by more than is tolerated."""

    risk: float
    """The greatest chance of such a finding where it is wrong."""
    favoured: str
    other: str


@dataclass(frozen=True, slots=True)
class GroupRates:
    """A rate in two groups, what is allowed of it, and what is shown. Of all pairs and rates it is
    the clearest for Fail, else that of the greatest difference."""

    events: str
    """What the rate is of: `favourable answers`."""
    groups: Mapping[str, EventCount]
    """Both, by name."""
    tolerance: AllowedRate
    margin: AllowedRate
    conclusion: ShownUnfair | ShownBetter | Forecast
    small: Mapping[str, float]
    """Groups that are not waited for, with their shares of the whole."""
    least_share: str
    """A percentage: of groups that are waited for."""

    @property
    def message(self) -> str:
        counts = " against ".join(f"{group} {count}" for group, count in self.groups.items())
        return f"{self.events.capitalize()}: {counts}, {self._conclusion()}"

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownUnfair(risk, favoured, other):
                allowed = self.tolerance.of(f"that of {other}")
                wrong = f"the rate of {favoured} is above {allowed}"
                return f"the clearest difference; {wrong}, {words.confidence(risk)}."
            case ShownBetter(risk):
                allowed = self.margin.of("every other's")
                right = f"every group's rate is within {allowed}"
                proof = f"the greatest difference; {right}, {words.confidence(risk)}."
                return words.sentences(proof, self._what_is_small())
        return f"the greatest difference. {self.conclusion}"

    def _what_is_small(self) -> str:
        if not self.small:
            return ""
        groups = ", ".join(f"{group} ({words.percent(n)})" for group, n in self.small.items())
        return f"Not waited for, with less than {self.least_share}: {groups}."
