"""The share of bad events of both arms, for each kind of check that compares one."""

from collections.abc import Sequence
from dataclasses import dataclass

from serinus.api.quantities import fraction
from serinus.judge.findings import words
from serinus.judge.findings.rates import (
    AllowedRate,
    Conclusion,
    EventCount,
    ShownBetter,
    ShownWorse,
    Variation,
)
from serinus.judge.findings.strata import compared_within


@dataclass(frozen=True, slots=True)
class Nouns:
    """What is counted, as people call it."""

    events: str
    """`errors`; also the name of the comparison with stable."""
    whole: str
    """`requests`; also the key of its counts."""
    none_yet: str
    """`has served no requests yet`, said of an arm."""


@dataclass(frozen=True, slots=True)
class StablePodDiffers:
    """A pod of stable that is, or seems to be, worse than its other pods."""

    pod: str
    events: str
    """Plural: `errors`."""
    own: EventCount
    others: EventCount
    margin: AllowedRate
    shown: bool
    recent: tuple[EventCount, EventCount] | None = None
    """Of the pod and the others, since nothing spoke against the pod; None: not known."""

    def __str__(self) -> str:
        counts = f"{self.events} {self.own}, its other pods {self.others}"
        recent = self.recent and f"{self.recent[0]}, its other pods {self.recent[1]}"
        lately = self.margin.lately(self.own, self.others, recent)
        beyond = f"beyond the margin ({self.margin.of('theirs')}){lately}"
        if not self.shown:
            counts += f", and may be {beyond}" if lately else ""
            return f"Stable's pod {self.pod} has {counts}: nothing passes until that is clear."
        held = "It may hide a bad candidate, so nothing passes until it recovers or is removed."
        return f"Stable's pod {self.pod} has {counts}: {beyond}. {held}"


@dataclass(frozen=True, slots=True)
class EventShares:
    """Both arms' shares of bad events, what is allowed of them, and what is shown."""

    nouns: Nouns
    candidate: EventCount
    stable: EventCount
    tolerance: AllowedRate
    margin: AllowedRate
    limit: str | None
    """A percentage; None: none is set."""
    conclusion: Conclusion | None
    """None: too little was counted."""
    variation: Variation
    stratify: Sequence[str] = ()
    """Labels within whose values the arms are compared."""
    differing: tuple[StablePodDiffers, ...] = ()
    """Pods of stable that a step waits for."""

    @property
    def message(self) -> str:
        if not self.candidate.whole:
            return f"The candidate {self.nouns.none_yet}."
        counted = f"{self._counts()}; {self._conclusion()}"
        return words.sentences(counted, *self.differing, self.variation.beside(self.conclusion))

    def _counts(self) -> str:
        message = f"Candidate {self.nouns.events} {self.candidate}"
        if not self.stable.whole:
            return message
        return f"{message}, stable {self.stable}{compared_within(self.stratify)}"

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownWorse() as shown:
                return words.sentences(f"{self._what_is_wrong(shown)}.", shown, shown.pods or "")
            case ShownBetter() as shown:
                limit = f", and below the limit of {self.limit}" if self.limit else ""
                return shown.within(f"{self.margin.of()}{limit}")
        return str(self.conclusion or f"stable {self.nouns.none_yet}.")

    def _what_is_wrong(self, shown: ShownWorse) -> str:
        if shown.than_limit and self.limit:
            limit = AllowedRate(0.0, fraction(self.limit))
            lately = limit.lately(self.candidate, self.stable, shown.recent)
            return f"above the limit of {self.limit}{lately}"
        if self.stratify:  # the sums of strata may hide what each of them shows
            return f"worse than tolerated ({self.tolerance.of()})"
        lately = self.tolerance.lately(self.candidate, self.stable, shown.recent)
        return f"worse than tolerated ({self.tolerance.of()}){lately}"
