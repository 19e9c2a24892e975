"""feedback: the time before it counts."""

from dataclasses import dataclass

from serinus.api.quantities import spoken


@dataclass(frozen=True, slots=True)
class FeedbackTooEarly:
    """It does not count yet."""

    after: str
    """How long after the first traffic it counts, as in the settings."""
    wait: float
    """Seconds that are left; 0: it counts from now on."""

    @property
    def message(self) -> str:
        if not self.wait:
            return "Feedback counts from now on."
        return (
            f"Feedback counts from {self.after} after the first traffic on, that is in "
            f"{spoken(self.wait)}."
        )
