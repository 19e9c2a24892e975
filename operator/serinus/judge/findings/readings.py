"""What could not be read, and what has no fresh sample, whatever the kind of check."""

from dataclasses import dataclass

from serinus.api.quantities import spoken
from serinus.judge.findings import words
from serinus.judge.findings.finding import Figures


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer that is an error, in the words of who gave it."""

    message: str


@dataclass(frozen=True, slots=True)
class NoSamples:
    """Prometheus has no sample of a counter from an arm."""

    metric: str
    arm: str
    of_stable_alone: bool
    """Whether it is the candidate's alone that are missing."""

    @property
    def message(self) -> str:
        if self.of_stable_alone:
            return (
                f"Prometheus has {self.metric} from the stable pods and none from the candidate "
                "pods: no request to them has ended yet, or they do not export it, or they are "
                "not scraped."
            )
        return (
            f"Prometheus has no {self.metric} from the {self.arm} pods: they must export "
            "it, be scraped, and have served a request."
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
            f"The newest {self.metric} from the {self.arm} pods is {spoken(self.age)} old: do they "
            "run, and are they scraped?"
        )


@dataclass(frozen=True, slots=True)
class Several:
    """What is wrong with each of several sources."""

    each: tuple[Figures, ...]
    one_is_enough: bool = False
    """Whether any one of the sources would do."""

    @property
    def message(self) -> str:
        messages = [one.message for one in self.each]
        return words.sentences(*messages, "Either will do." if self.one_is_enough else "")
