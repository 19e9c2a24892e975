"""feedback: negative outcomes that users of stable report."""

from serinus.api.monitoring import FeedbackLimit
from serinus.api.reasons import Reason
from serinus.judge.drift import Limited
from serinus.metrics.events import EventQueries
from serinus.plan.monitored.limited import BelowLimit


class NegativeFeedback(BelowLimit):
    """Among all outcomes."""

    name = "negative feedback"
    field = "negative_feedback"
    condition = "FeedbackAboveLimit"
    amiss = Reason.FEEDBACK_ABOVE_LIMIT
    _settings: FeedbackLimit

    @property
    def watched(self) -> Limited:
        """By a label of the outcome."""
        counters = EventQueries.of(self._settings.outcomes, self._settings.negative)
        return Limited("Negative feedback", self._settings.limit, counters)
