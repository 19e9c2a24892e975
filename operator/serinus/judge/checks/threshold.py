"""threshold: the present value of a query against fixed bounds. It proves nothing, and says so."""

import math
from collections.abc import Sequence

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.threshold import Threshold
from serinus.api.quantities import seconds
from serinus.api.status import CheckState
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.findings.finding import Finding
from serinus.judge.findings.readings import Unreadable
from serinus.judge.findings.threshold import BoundedValue, NotFinite, NoValue
from serinus.metrics.queries import ExpressionQuery, QueryError, Series


class ThresholdCheck:
    """Fail after `for` out of bounds, Pass after `for` within bounds. The worst element of the
    result decides. A result that cannot be read, and time in which none was, restart both times."""

    def __init__(self, settings: Threshold) -> None:
        self._settings = settings
        self._query = ExpressionQuery(settings.query)
        self._held = seconds(settings.for_)

    def queries(self) -> tuple[ExpressionQuery, ...]:
        return (self._query,)

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        answer = look.values[self._query]
        unknown = state.replace(breached_since=None, in_bounds_since=None, value_at=None)
        if isinstance(answer, QueryError):
            return Finding("Error", Unreadable(answer.message), unknown)
        if not answer:
            return Finding("NoData", NoValue(self._settings.query), unknown)
        if odd := next((s for s in answer if not math.isfinite(_value(s))), None):
            figures = NotFinite(self._settings.query, _value(odd), odd.labels)
            return Finding("Error", figures, unknown)
        worst = max(answer, key=lambda series: self._excess(_value(series)))
        read = state.value_at is not None and look.at - state.value_at <= look.apart
        return self._held_or_not(state if read else unknown, look.at, worst)

    def learn(self, _: Sequence[Look]) -> CheckBaseline:
        """It compares nothing with stable."""
        return NO_HISTORY

    def _held_or_not(self, state: CheckState, at: float, worst: Series) -> Finding:
        breached = self._excess(_value(worst)) > 0
        # not later than now, or a clock that was set back would keep it from deciding
        since = min((state.breached_since if breached else state.in_bounds_since) or at, at)
        state = state.replace(
            breached_since=since if breached else None,
            in_bounds_since=None if breached else since,
            value_at=at,
        )
        figures = self._figures(worst, breached, at - since)
        if not figures.long_enough:
            return Finding("Inconclusive", figures, state)
        return Finding("Fail" if breached else "Pass", figures, state)

    def _figures(self, worst: Series, breached: bool, held: float) -> BoundedValue:
        return BoundedValue(
            query=self._settings.query,
            value=_value(worst),
            labels=worst.labels,
            low=self._settings.min,
            high=self._settings.max,
            breached=breached,
            held=held,
            needed=self._settings.for_,
            long_enough=held >= self._held,
        )

    def _excess(self, value: float) -> float:
        """How far out of bounds; negative within."""
        low, high = self._settings.min, self._settings.max
        below = -math.inf if low is None else low - value
        above = -math.inf if high is None else value - high
        return max(below, above)


def _value(series: Series) -> float:
    return series.samples[-1][1]
