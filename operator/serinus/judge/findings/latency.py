"""latency: the share of slow requests of both arms."""

from collections.abc import Sequence
from dataclasses import dataclass

from serinus.api.quantities import fraction, spoken
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
class NoCommonBound:
    """Both arms have no bucket bound in common."""

    metric: str

    @property
    def message(self) -> str:
        return (
            f"Candidate and stable have no bucket bound of {self.metric} in common: export it with "
            "the same buckets from both."
        )


@dataclass(frozen=True, slots=True)
class BoundsUnknown:
    """Stable's durations do not show yet at which bounds to compare."""

    @property
    def message(self) -> str:
        return (
            "The bucket bounds to compare at are not known yet: stable has served no requests, or "
            "few that are all in one bucket, or all are above the last bound (then export higher "
            "bounds)."
        )


@dataclass(frozen=True, slots=True)
class NothingServed:
    """An arm has served no requests that count."""

    arm: str
    warm_up: float
    """Seconds for which a pod's first requests do not count."""

    @property
    def message(self) -> str:
        after = f" after their warm-up of {spoken(self.warm_up)}" if self.warm_up else ""
        return f"The {self.arm} pods have served no requests yet{after}."


@dataclass(frozen=True, slots=True)
class SlowestAllowed:
    """The limit: less than this share of requests may be slower than the bound."""

    bound: float
    """Seconds; the bucket bound that is used."""
    share: str
    """A percentage."""


@dataclass(frozen=True, slots=True)
class SlowShares:
    """Both arms' shares of requests that are slower than a bound, what is allowed of them, and
    what is shown: at the bound with the clearest evidence for Fail, else at that with the greatest
    difference."""

    bound: float
    """Seconds."""
    candidate: EventCount
    stable: EventCount
    tolerance: AllowedRate
    margin: AllowedRate
    limit: SlowestAllowed | None
    conclusion: Conclusion
    variation: Variation
    in_one_bucket: bool
    """Whether all that is known of stable's durations is one bound that they are below."""
    stratify: Sequence[str] = ()
    """Labels within whose values the arms are compared."""
    slowdown: float | None = None
    """How many times as long requests may take, if that is what is tolerated."""
    in_shares: bool = False
    """Whether stable's last hour tells what that is in shares."""

    @property
    def message(self) -> str:
        bound = words.latency(self.bound)
        counts = f"Slower than {bound}: candidate {self.candidate}, stable {self.stable}"
        counts += compared_within(self.stratify)
        said = f"{counts}{self._conclusion()}"
        varied = self.variation.beside(self.conclusion)
        return words.sentences(said, self._in_shares(), varied, self._coarse())

    def _in_shares(self) -> str:
        if self.slowdown is None:
            return ""
        if not self.in_shares:
            return (
                f"Stable's last hour cannot turn a p99 {self.slowdown:g} times as long into shares "
                "of slow requests, so the default tolerance applies."
            )
        return (
            f"For p99 {self.slowdown:g} times as long, {self.tolerance.of()} may be slower than "
            f"{words.latency(self.bound)}."
        )

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownWorse() as shown:
                wrong = f"; {self._what_is_wrong(shown)}."
                return words.sentences(wrong, shown, shown.pods or "")
            case ShownBetter() as shown:
                right = f"at every bound {shown.within(self._margin())}"
                return f", the greatest difference; {right}"
        return f", the greatest difference; {self.conclusion}"

    def _what_is_wrong(self, shown: ShownWorse) -> str:
        if shown.than_limit and self.limit:
            share = self.limit.share
            limit = AllowedRate(0.0, fraction(share))
            lately = limit.lately(self.candidate, self.stable, shown.recent)
            return f"above the limit of {share}{lately}"
        if self.stratify:  # the sums of strata may hide what each of them shows
            return f"worse than tolerated ({self.tolerance.of()})"
        lately = self.tolerance.lately(self.candidate, self.stable, shown.recent)
        return f"worse than tolerated ({self.tolerance.of()}){lately}"

    def _margin(self) -> str:
        margin = f"here {self.margin.of()}" if self.in_shares else self.margin.of()
        if not self.limit:
            return margin
        bound = words.latency(self.limit.bound)
        return f"{margin}, and less than {self.limit.share} slower than {bound}"

    def _coarse(self) -> str:
        if not (self.in_one_bucket and isinstance(self.conclusion, ShownBetter)):
            return ""
        return (
            "All of stable's requests are in one bucket; only finer buckets would show a slower "
            "candidate within it."
        )
