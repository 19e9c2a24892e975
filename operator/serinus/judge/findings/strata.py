"""Strata: why requests cannot be divided by labels, and how it is said that they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from serinus.judge.findings import words

_SETTING = "analysis.stratify"


@dataclass(frozen=True, slots=True)
class LabelMissing:
    """A counter has a series without a label by which requests are divided."""

    metric: str
    arm: str
    """Empty: a scrape of any pod."""
    label: str

    @property
    def message(self) -> str:
        whose = f" of the {self.arm} pods" if self.arm else ""
        return (
            f"{self.metric}{whose} has series without the label {self.label}: export it with every "
            f"request of both revisions, exclude these series by a matcher, or remove {self.label} "
            f"from {_SETTING}."
        )


@dataclass(frozen=True, slots=True)
class TooManyStrata:
    """The labels have more combinations of values than can be compared."""

    labels: Sequence[str]
    seen: int
    most: int

    @property
    def message(self) -> str:
        one = len(self.labels) == 1
        have = "has {} values" if one else "have {} combinations of values"
        return (
            f"The label{'' if one else 's'} {words.listed(self.labels)} {have.format(self.seen)}, "
            f"but at most {self.most} can be compared: export coarser ones, exclude some by a "
            f"matcher, or remove a label from {_SETTING}."
        )


def compared_within(labels: Sequence[str]) -> str:
    """`, compared within each route`; empty if requests are not divided."""
    if not labels:
        return ""
    each = labels[0] if len(labels) == 1 else f"combination of {words.listed(labels)}"
    return f", compared within each {each}"
