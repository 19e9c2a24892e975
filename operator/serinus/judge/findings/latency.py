"""latency: the share of slow requests of both arms."""

from dataclasses import dataclass

from serinus.api.quantities import spoken
from serinus.judge.findings import words
from serinus.judge.findings.rates import (
    AllowedRate,
    Conclusion,
    EventCount,
    ShownBetter,
    ShownWorse,
    Variation,
)


@dataclass(frozen=True, slots=True)
class NoCommonBound:
    """No bound at which both arms could be compared."""

    metric: str

    @property
    def message(self) -> str:
        return (
            f"Candidate and stable have no bucket bound of {self.metric} in common: let both "
            "export it with the same buckets."
        )


@dataclass(frozen=True, slots=True)
class BoundsUnknown:
    """Stable has not shown yet at which bounds to compare."""

    @property
    def message(self) -> str:
        return (
            "Which latencies to compare at is not known yet: stable has served nothing, or few "
            "requests in one bucket, or all of them beyond the last bound (then export greater "
            "ones)."
        )


@dataclass(frozen=True, slots=True)
class NothingServed:
    """An arm has served nothing that counts."""

    arm: str
    warm_up: float
    """Seconds of each pod that do not count."""

    @property
    def message(self) -> str:
        beyond = f" beyond their warm-up of {spoken(self.warm_up)}" if self.warm_up else ""
        return f"The {self.arm} pods have served no request yet{beyond}."


@dataclass(frozen=True, slots=True)
class SlowestAllowed:
    """The limit: fewer than this share of requests may be slower than this."""

    bound: float
    """Seconds from which it is counted."""
    share: str
    """A percentage."""


@dataclass(frozen=True, slots=True)
class SlowShares:
    """Both arms' shares of requests that are slower than a bound, what is allowed of them, and
    what is shown. Of all bounds it is the worst for Fail, else that of the greatest difference."""

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
    """Whether nothing is known of what stable's requests took but one bound."""

    @property
    def message(self) -> str:
        counts = (
            f"Candidate slower than {words.latency(self.bound)} in {self.candidate} against stable "
            f"{self.stable}"
        )
        return words.sentences(f"{counts}{self._conclusion()}", self.variation, self._coarse())

    def _conclusion(self) -> str:
        match self.conclusion:
            case ShownWorse() as shown:
                wrong = f"; {self._what_is_wrong(shown)}, {words.confidence(shown.risk)}."
                return words.sentences(wrong, shown.pod or "")
            case ShownBetter(risk):
                right = f"{self._what_is_right()}, {words.confidence(risk)}"
                return f", the greatest difference; {right}."
        return f", the greatest difference. {self.conclusion}"

    def _what_is_wrong(self, shown: ShownWorse) -> str:
        if shown.than_limit and self.limit:
            return f"the share is above the limit of {self.limit.share}"
        return f"the share is above {self.tolerance.of()}"

    def _what_is_right(self) -> str:
        message = f"at every bound the share is below {self.margin.of()}"
        if self.limit:
            bound = words.latency(self.limit.bound)
            message += f", and slower than {bound} are fewer than {self.limit.share}"
        return message

    def _coarse(self) -> str:
        if not (self.in_one_bucket and isinstance(self.conclusion, ShownBetter)):
            return ""
        return "All of stable's are in one bucket: what is slower within it only finer ones show."
