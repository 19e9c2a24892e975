"""errorRate: the share of failed requests, against stable's and against a fixed limit."""

from serinus.api.checks.error_rate import ErrorRate
from serinus.judge.checks.event_share import EventShare
from serinus.judge.findings.event_share import Nouns

NOUNS = Nouns("errors", "requests", "has served no requests yet")


class ErrorRateCheck(EventShare):
    """Errors among requests."""

    def __init__(self, settings: ErrorRate) -> None:
        super().__init__(
            settings,
            settings.requests,
            settings.failed,
            NOUNS,
            beside=settings.failures,
            successes=settings.successes,
        )
