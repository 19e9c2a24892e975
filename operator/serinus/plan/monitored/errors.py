"""errorRate: failed requests of stable."""

from serinus.api.monitoring import ErrorLimit
from serinus.api.reasons import Reason
from serinus.judge.drift import Limited
from serinus.metrics.events import EventQueries
from serinus.plan.monitored.limited import BelowLimit


class Errors(BelowLimit):
    """Among all requests."""

    name = "errors"
    field = "error_rate"
    condition = "ErrorsAboveLimit"
    amiss = Reason.ERRORS_ABOVE_LIMIT
    _settings: ErrorLimit

    @property
    def watched(self) -> Limited:
        """By their status, by a counter of their own, or by what has not succeeded."""
        settings = self._settings
        counters = EventQueries.of(
            settings.requests,
            settings.failed,
            settings.failures,
            settings.successes,
            settings.requests.backend,
        )
        return Limited("Errors", settings.limit, counters)
