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
    def what(self) -> str:
        """What is wrong, without a remedy."""
        whose = f" of the {self.arm} pods" if self.arm else ""
        return f"{self.metric}{whose} has series without the label {self.label}"

    @property
    def message(self) -> str:
        return (
            f"{self.what}: export it with every request of both revisions, exclude these series by "
            f"a matcher, or remove {self.label} from {_SETTING}."
        )


@dataclass(frozen=True, slots=True)
class TooManyStrata:
    """The labels have more combinations of values than can be compared."""

    labels: Sequence[str]
    seen: int
    most: int

    @property
    def what(self) -> str:
        """What is wrong, without a remedy."""
        one = len(self.labels) == 1
        have = "has {} values" if one else "have {} combinations of values"
        return f"the label{'' if one else 's'} {words.listed(self.labels)} {have.format(self.seen)}"

    @property
    def message(self) -> str:
        return (
            f"{self.what[0].upper()}{self.what[1:]}, but at most {self.most} can be compared: "
            "export coarser ones, exclude some by a "
            f"matcher, or remove a label from {_SETTING}."
        )


@dataclass(frozen=True, slots=True)
class OfTheCandidateAlone:
    """The candidate has served requests with values that stable has not."""

    labels: Sequence[str]
    stratum: str
    """The most frequent of them."""
    share: float
    """Of all requests of the candidate."""

    @property
    def what(self) -> str:
        """What is wrong."""
        return (
            f"{words.percent(self.share)} of the candidate's requests are of a "
            f"{words.listed(self.labels)} that stable does not serve, such as {self.stratum}"
        )


@dataclass(frozen=True, slots=True)
class Undivided:
    """Requests are compared as a whole, although labels were chosen for them."""

    why: str

    def __str__(self) -> str:
        return f"All requests are compared together, since {self.why}."


@dataclass(frozen=True, slots=True)
class AnotherMix:
    """The arms have other shares of the requests with some value of the labels."""

    stratum: str
    candidate: float
    stable: float

    def __str__(self) -> str:
        shares = f"{words.percent(self.candidate)} are of {self.stratum}"
        return (
            f"The candidate serves a different mix of requests: {shares}, and "
            f"{words.percent(self.stable)} of stable's; that is not evidence."
        )


def compared_within(labels: Sequence[str]) -> str:
    """`, compared within each route`; empty if requests are not divided."""
    if not labels:
        return ""
    each = labels[0] if len(labels) == 1 else f"combination of {words.listed(labels)}"
    return f", compared within each {each}"
