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
