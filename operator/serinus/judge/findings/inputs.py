"""Features by which the arms are asked differently, and verdicts that wait for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount

_MOST_NAMES: Final = 8
_LONGEST_NAME: Final = 40
_OTHER: Final = "the other revision's share"
_REMEDY: Final = (
    "Check header matches of the route, sticky sessions, and clients that reach the pods by other "
    "routes. If the new version computes the feature differently, export it under another name, or "
    "name those to compare in monitoring.featureDrift.reference.given."
)


@dataclass(frozen=True, slots=True)
class AskedDifferently:
    """The feature that shows it most clearly, with both arms' recent counts."""

    feature: str
    share: str
    """`up to 2000`, `category home`."""
    candidate: EventCount
    stable: EventCount
    tolerance: AllowedRate
    risk: float
    """Probability of a false alarm over the whole rollout."""

    @property
    def message(self) -> str:
        counts = f"candidate {self.candidate}, stable {self.stable}"
        beyond = f"beyond the tolerance ({self.tolerance.of(_OTHER)})"
        risk = f"False-alarm risk {words.at_most(self.risk)} per rollout"
        return words.sentences(
            f"Feature {self.feature}, {self.share}: {counts}; {beyond}.",
            f"{risk}, all looks and features included.",
            _REMEDY,
        )


@dataclass(frozen=True, slots=True)
class PerhapsTheCause:
    """The feature that differs most plainly where a check that follows the inputs would fail."""

    feature: str
    share: str
    candidate: EventCount
    stable: EventCount
    risk: float
    """Probability of such a difference between arms that are asked alike."""

    @property
    def message(self) -> str:
        return words.sentences(
            f"Feature {self.feature}, {self.share}: candidate {self.candidate}, stable "
            f"{self.stable}. Answers differ by more than tolerated, perhaps because of this "
            f"feature. Risk of this with similar inputs: {words.at_most(self.risk)}.",
            _REMEDY,
        )


@dataclass(frozen=True, slots=True)
class UnmatchedFeatures:
    """Features that only one arm exports."""

    of_stable: Sequence[str]
    of_candidate: Sequence[str]

    @property
    def message(self) -> str:
        arms = (("stable", self.of_stable), ("the candidate", self.of_candidate))
        only = " and ".join(f"only by {arm}: {_some(names)}" for arm, names in arms if names)
        return (
            f"Features exported {only}. They are not compared, so a difference in them would not "
            "be noticed; check that the new version receives the inputs that it reads."
        )


def _some(names: Sequence[str]) -> str:
    shown = [name[:_LONGEST_NAME] for name in names[:_MOST_NAMES]]
    return words.listed(shown) if len(names) <= _MOST_NAMES else f"{', '.join(shown)}, …"


@dataclass(frozen=True, slots=True)
class NotJudged:
    """What arms that are asked differently show is not counted."""

    feature: str

    @property
    def message(self) -> str:
        return (
            f"Not judged while the revisions receive different inputs (feature {self.feature}); it "
            "starts again once their inputs are similar."
        )


@dataclass(frozen=True, slots=True)
class PerhapsUnlike:
    """A verdict waits, because the next looks may show that the arms are asked differently."""

    @property
    def message(self) -> str:
        return (
            "The verdict waits for the next looks, which show whether both revisions receive "
            "similar inputs."
        )
