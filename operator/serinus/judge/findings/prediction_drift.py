"""predictionDrift: the share of a class or score range of both arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serinus.judge.findings import words
from serinus.judge.findings.rates import (
    AllowedRate,
    Conclusion,
    EventCount,
    Recent,
    ShownBetter,
    ShownWorse,
    Variation,
)
from serinus.judge.findings.strata import compared_within

_OTHER: Final = "the other revision's share"


@dataclass(frozen=True, slots=True)
class Unsortable:
    """Predictions that cannot be counted by class or score range."""

    metric: str
    reason: str

    @property
    def message(self) -> str:
        return f"{self.metric}: {self.reason}."


@dataclass(frozen=True, slots=True)
class TooManyShares:
    """More classes and score ranges than can be compared."""

    seen: int
    most: int

    @property
    def message(self) -> str:
        return (
            f"{self.seen} classes and score ranges were seen, but at most {self.most} can be "
            "compared: set another classLabel, or export coarser classes or buckets."
        )


@dataclass(frozen=True, slots=True)
class NothingPredicted:
    """An arm has made no predictions yet."""

    arm: str

    @property
    def message(self) -> str:
        return f"The {self.arm} pods have made no predictions yet."


@dataclass(frozen=True, slots=True)
class StabilityIndex:
    """The population stability index of all classes, or of all score ranges."""

    measured: float
    """Of what was counted, without what chance adds on the average."""
    tolerated: float
    margin: float
    """That cannot be exceeded if each share is within its margin."""
    alone: tuple[float, float]
    """From where to where the share might move for what is tolerated, were it the only one."""

    def __str__(self) -> str:
        low, high = map(words.percent, self.alone)
        tolerated = f"tolerated {self.tolerated:g}: {low} to {high} if this were the only change"
        return f"a PSI of about {self.measured:.2g} ({tolerated})"

    def lately(self, recent: Recent | None) -> str:
        """Where it is shown to exceed what is tolerated: there is no need to say so of what was
        measured. `recent`: counts of the greatest part of it."""
        return "" if self.measured > self.tolerated else words.lately(recent)


@dataclass(frozen=True, slots=True)
class StablePodPredicts:
    """A pod of stable that predicts, or seems to predict, otherwise than its other pods."""

    pod: str
    name: str
    """`class fraud`."""
    own: EventCount
    others: EventCount
    tolerance: AllowedRate
    shown: bool

    def __str__(self) -> str:
        counts = f"Stable's pod {self.pod} has {self.name} {self.own}, its other pods {self.others}"
        if not self.shown:
            return f"{counts}: nothing is decided until it is clear whether they differ."
        allowed = self.tolerance.of("the others' share")
        held = "Nothing is decided until it recovers or is removed."
        return f"{counts}: they differ by more than tolerated ({allowed}). {held}"


@dataclass(frozen=True, slots=True)
class PodsNotCompared:
    """Stable's pods have too few predictions yet to be compared with each other."""

    def __str__(self) -> str:
        return "Nothing is decided until stable's pods have been compared with each other."


@dataclass(frozen=True, slots=True)
class PredictionShares:
    """Both arms' shares of a class or score range, what is allowed of them, and what is shown: the
    one with the clearest evidence for Fail, else the one with the greatest difference."""

    name: str
    """`class fraud`."""
    candidate: EventCount
    stable: EventCount
    tolerance: AllowedRate
    margin: AllowedRate
    conclusion: Conclusion
    variation: Variation
    stratify: Sequence[str] = ()
    """Labels within whose values the arms are compared."""
    index: StabilityIndex | None = None
    """If that is what is tolerated."""
    waits_for: StablePodPredicts | PodsNotCompared | None = None
    """A pod of stable, without which stable's share may be another one; or that none is known."""

    @property
    def message(self) -> str:
        title = f"{self.name[0].upper()}{self.name[1:]}"
        counts = f"{title}: candidate {self.candidate}, stable {self.stable}"
        counts += compared_within(self.stratify)
        conclusion = self._conclusion()
        varied = self.variation.beside(self.conclusion)
        return words.sentences(f"{counts}, {conclusion}", self.waits_for or "", varied)

    def _conclusion(self) -> str:
        if self.waits_for:
            return "the greatest difference."
        if self.index:
            return self._by_index(self.index)
        match self.conclusion:
            case ShownWorse() as shown:
                wrong = "the clearest difference; predictions differ by more than tolerated"
                allowed = f"({self.tolerance.of(_OTHER)}){self._lately(shown)}"
                return words.sentences(f"{wrong} {allowed}.", shown)
            case ShownBetter() as shown:
                right = f"every class and score range is {shown.within(self.margin.of(_OTHER))}"
                return f"the greatest difference; {right}"
        return f"the greatest difference; {self.conclusion}"

    def _by_index(self, index: StabilityIndex) -> str:
        match self.conclusion:
            case ShownWorse() as shown:
                lately = "" if self.stratify else index.lately(shown.recent)
                wrong = f"the greatest part of {index}; more than tolerated{lately}."
                return words.sentences(wrong, shown)
            case ShownBetter() as shown:
                margin = f"{self.margin.of(_OTHER)}, for a PSI of {index.margin:g}"
                right = f"every class and score range is {shown.within(margin)}"
                return f"the greatest difference; {index}; {right}"
        return f"the greatest difference; {index}; {self.conclusion}"

    def _lately(self, shown: ShownWorse) -> str:
        """Either revision's share may be the greater one; the sums of strata may hide what each of
        them shows."""
        if self.stratify:
            return ""
        more = self.tolerance.lately(self.candidate, self.stable)
        return more and self.tolerance.lately(self.stable, self.candidate, shown.recent)
