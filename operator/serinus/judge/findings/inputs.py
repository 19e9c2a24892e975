"""Features by which the arms are asked differently, and verdicts that wait for them."""

from dataclasses import dataclass
from typing import Final

from serinus.judge.findings import words
from serinus.judge.findings.rates import AllowedRate, EventCount

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
class NotJudged:
    """What arms that are asked differently show is not counted."""

    feature: str

    @property
    def message(self) -> str:
        return (
            f"Not judged while the revisions are asked differently (feature {self.feature}); it "
            "begins again once they are asked alike."
        )


@dataclass(frozen=True, slots=True)
class PerhapsUnlike:
    """A verdict waits, because the next looks may show that the arms are asked differently."""

    @property
    def message(self) -> str:
        return (
            "The verdict waits for the next looks, which show whether both revisions are asked "
            "alike: the features of their requests may differ."
        )
