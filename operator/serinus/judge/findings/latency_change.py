"""latency in a guard: how the slow requests of both arms have changed."""

from dataclasses import dataclass

from serinus.api.quantities import spoken
from serinus.judge.findings import words
from serinus.judge.findings.rates import Recent, ShownWorse


@dataclass(frozen=True, slots=True)
class RecordingReference:
    """What later requests are compared with is being recorded."""

    recorded: float
    """Seconds."""
    wanted: float
    """Seconds."""
    again: bool
    """Whether it is not the first one."""

    @property
    def message(self) -> str:
        said = (
            f"Latencies are compared with each revision's own in {spoken(self.wanted)} of the "
            f"guard. So far {spoken(self.recorded)} are recorded, and nothing is judged yet."
        )
        changed = "Recording started again: there were more requests, or the weight changed."
        why = changed if self.again else ""
        return words.sentences(said, why)


@dataclass(frozen=True, slots=True)
class Changed:
    """Both arms' slow requests now, and in the reference, at the bound with the clearest
    evidence."""

    bound: float
    """Seconds."""
    now: Recent
    then: Recent
    tolerated: float | None
    """By how many times the candidate's odds may exceed stable's; None: the reference has too few
    requests to tell."""
    worse: ShownWorse | None
    """None: that is not shown."""
    unlike: bool
    """Whether nothing can be compared at present."""

    @property
    def message(self) -> str:
        counts = (
            f"Slower than {words.latency(self.bound)}: {self.now}, and in the reference {self.then}"
        )
        if self.worse:
            shown = "the candidate has become slower by more than tolerated, and stable has not."
            return words.sentences(f"{counts}; {shown}", self.worse)
        return words.sentences(f"{counts}; {self._not_shown()}", self._unlike())

    def _not_shown(self) -> str:
        if self.tolerated is None:
            return "the reference has too few requests to compare with."
        return (
            f"not shown to be more than tolerated ({self.tolerated:.3g} times stable's odds now)."
        )

    def _unlike(self) -> str:
        if not self.unlike:
            return ""
        return "Nothing is compared at present: there are more requests, or the weight changed."
