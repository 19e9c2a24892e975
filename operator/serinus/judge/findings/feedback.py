"""feedback: the time during which it does not count."""

from dataclasses import dataclass

from serinus.api.quantities import spoken


@dataclass(frozen=True, slots=True)
class FeedbackTooEarly:
    """It does not count yet."""

    after: str
    """Time after a change of the weight from which it counts, as in the settings."""
    wait: float | None
    """Seconds left; 0: it counts from now on; None: the weight is not in effect yet."""

    @property
    def message(self) -> str:
        if self.wait is None:
            return f"Feedback counts from {self.after} after the weight takes effect."
        if not self.wait:
            return "Feedback counts from now on."
        return (
            f"Feedback counts from {self.after} after the weight took effect, which is in "
            f"{spoken(self.wait)}: until then, the outcomes of the two revisions differ in age."
        )


@dataclass(frozen=True, slots=True)
class FeedbackNotThere:
    """It is not known yet how late it comes."""

    candidate: float
    """Outcomes of the candidate in the last part of the time."""
    expected: float
    part: float
    """Seconds."""

    @property
    def message(self) -> str:
        by = "from stable's outcomes and the weight"
        received = f"the candidate has received fewer outcomes than expected {by}"
        if self.expected:
            received = (
                f"in the last {spoken(self.part)} the candidate has received {self.candidate:.0f} "
                f"outcomes; {self.expected:.0f} are expected {by}"
            )
        return (
            f"Feedback does not count yet: {received}. It counts once nearly as many arrive. If "
            "the candidate's users give feedback less often, set feedback.after."
        )
