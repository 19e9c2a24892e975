"""feedback: the time during which it does not count."""

from dataclasses import dataclass

from serinus.api.quantities import spoken


@dataclass(frozen=True, slots=True)
class FeedbackTooEarly:
    """It does not count yet."""

    after: str
    """Time after the first traffic from which it counts, as in the settings."""
    wait: float
    """Seconds left; 0: it counts from now on."""

    @property
    def message(self) -> str:
        if not self.wait:
            return "Feedback counts from now on."
        return (
            f"Feedback counts from {self.after} after the first traffic, which is in "
            f"{spoken(self.wait)}."
        )
