"""errorRate: the share of failed requests, against stable's and against a fixed limit."""

from collections.abc import Mapping
from dataclasses import replace

from serinus.api.checks.error_rate import ErrorRate
from serinus.api.status import CheckState
from serinus.judge.checks.event_share import EventShare
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.findings.event_share import Nouns
from serinus.judge.findings.finding import Finding
from serinus.metrics.counters import Growth, Reading
from serinus.metrics.queries import CounterQuery
from serinus.metrics.warm_up import warming_up, without

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
            backend=settings.requests.backend,
        )
        self._warm_up = settings.warm_up_seconds

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """As for any events, without what pods served while they warmed up."""
        if self._warm_up:
            candidate, stable = map(self._warmed_up, (look.candidate, look.stable))
            look = replace(look, candidate=candidate, stable=stable)
        return super().judge(state, look, budget)

    def _warmed_up(self, arm: Mapping[CounterQuery, Reading]) -> Mapping[CounterQuery, Reading]:
        whole = arm.get(self.queries()[0])
        if not isinstance(whole, Growth):
            return arm
        cold = warming_up(whole, self._warm_up)
        return {q: without(r, cold) if isinstance(r, Growth) else r for q, r in arm.items()}
