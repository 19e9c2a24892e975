"""Matchers and labels by which nothing can be distinguished, so that a check could never fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serinus.api.checks import LabelMatcher

_MOST_LABELS: Final = 6
_MOST_VALUES: Final = 4
_LONGEST_VALUE: Final = 30

Labels = tuple[tuple[str, tuple[str, ...]], ...]
"""Each label with its values, sorted."""


@dataclass(frozen=True, slots=True)
class MatcherNamesNothing:
    """No value like those of its label is the one that it names, or other matchers leave none."""

    metric: str
    arm: str
    """Empty: a scrape of any pod."""
    matcher: LabelMatcher
    labels: Labels
    """Of the counter."""
    corrected: LabelMatcher | None
    """With the same meaning; None: none is known."""
    already: LabelMatcher | None = None
    """One of those by which all that is counted is selected, if that settles it."""

    @property
    def message(self) -> str:
        if self.already:
            return (
                f"The matcher {self.matcher} distinguishes nothing in "
                f"{_counter(self.metric, self.arm)}: {self.already} already selects what is "
                f"counted, so it matches all or nothing. Leave out {self.already}."
            )
        does = "leave out" if self.matcher.operator.startswith("!") else "select"
        counter = _counter(self.metric, self.arm)
        return f"The matcher {self.matcher} can {does} nothing of {counter}: {self._why()}"

    def _why(self) -> str:
        label = self.matcher.label
        if values := dict(self.labels).get(label):
            there = f"the values of {label} are {_listed(values)}."
        else:
            there = f"it has no label {label}; {_there(self.labels)}."
        return f"{there} {self._remedy()}"

    def _remedy(self) -> str:
        if self.corrected:
            return f"Set {self.corrected.as_yaml} instead."
        if self.arm == "candidate":
            return "Let both revisions export the same labels and values, or set a matcher of both."
        return "Set a matcher of a label and values that are exported."


@dataclass(frozen=True, slots=True)
class LabelNowhere:
    """No series has the label by which they are to be sorted."""

    metric: str
    arm: str
    label: str
    setting: str
    """The one that names it."""
    labels: Labels

    @property
    def message(self) -> str:
        return (
            f"{_counter(self.metric, self.arm)} has no label {self.label}, so its series cannot be "
            f"distinguished; {_there(self.labels)}. Set {self.setting} to the label that is meant."
        )


@dataclass(frozen=True, slots=True)
class NothingSelected:
    """A counter is exported, and no series of it meets all matchers."""

    metric: str
    labels: Labels

    @property
    def message(self) -> str:
        return f"{self.metric} has no series that the matchers select; {_there(self.labels)}."


def _counter(metric: str, arm: str) -> str:
    return f"{metric} of the {arm} pods" if arm else metric


def _there(labels: Labels) -> str:
    shown = [f"{label} ({_listed(values)})" for label, values in labels][:_MOST_LABELS]
    return f"its labels are {', '.join(shown)}" if shown else "it has no labels of its own"


def _listed(values: Sequence[str]) -> str:
    shown = [value[:_LONGEST_VALUE] for value in values[:_MOST_VALUES]]
    return ", ".join(shown) + (", …" if len(values) > _MOST_VALUES else "")
