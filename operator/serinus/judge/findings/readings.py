"""Answers that could not be read, and counters without recent samples, for any kind of check."""

from dataclasses import dataclass

from serinus.api.quantities import spoken
from serinus.judge.findings import words
from serinus.judge.findings.finding import Figures


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A query that failed, with the error as its message."""

    message: str


@dataclass(frozen=True, slots=True)
class NoSamples:
    """Prometheus has no sample of a counter from an arm."""

    metric: str
    arm: str
    of_stable_alone: bool
    """Whether stable's samples are there, and only the candidate's are missing."""
    label: str = ""
    """By which a gateway's series name the Service of an arm; empty: they are those of pods."""

    @property
    def message(self) -> str:
        if self.label:
            return (
                f"Prometheus has no {self.metric} with a {self.label} of the {self.arm} Service: "
                "check that the gateway counts each Service apart, has sent it a request, and is "
                "scraped."
            )
        if self.of_stable_alone:
            return (
                f"Prometheus has {self.metric} from the stable pods but not from the candidate "
                "pods: no request to them has completed yet, or they do not export it, or they "
                "are not scraped."
            )
        return (
            f"Prometheus has no {self.metric} from the {self.arm} pods: check that they export it, "
            "are scraped, and have served a request."
        )


@dataclass(frozen=True, slots=True)
class NotYetScraped:
    """An arm has no sample of a counter, and need not have been scraped yet."""

    metric: str
    arm: str
    age: float
    """Seconds since the candidate first got traffic."""
    within: float
    """Seconds within which a scrape is expected."""
    label: str = ""
    """As in NoSamples."""

    @property
    def message(self) -> str:
        by_service = f"with {self.label} of the {self.arm} Service"
        source = by_service if self.label else f"from the {self.arm} pods"
        return (
            f"Prometheus has had no sample of {self.metric} {source} in the "
            f"{spoken(self.age)} since the candidate first got traffic. The first scrape is "
            f"expected within {spoken(self.within)}."
        )


@dataclass(frozen=True, slots=True)
class StaleSamples:
    """The newest sample of a counter from an arm is old."""

    metric: str
    arm: str
    age: float
    """Seconds."""

    @property
    def message(self) -> str:
        return (
            f"The newest sample of {self.metric} from the {self.arm} pods is {spoken(self.age)} "
            "old: check that they run and are scraped."
        )


@dataclass(frozen=True, slots=True)
class Several:
    """The problems of several sources."""

    each: tuple[Figures, ...]
    one_is_enough: bool = False
    """Whether any one of the sources would do."""

    @property
    def message(self) -> str:
        messages = [one.message for one in self.each]
        return words.sentences(*messages, "One of the two is enough." if self.one_is_enough else "")
