"""threshold: the present value of a query against fixed bounds. It proves nothing, and says so."""

import math
from collections.abc import Sequence

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.threshold import Threshold
from serinus.api.quantities import seconds, spoken
from serinus.api.status import CheckState
from serinus.judge.evidence.look import ErrorBudget, Finding, Look
from serinus.metrics.queries import ExpressionQuery, QueryError, Series

_NO_GUARANTEE = "A threshold has no statistical guarantee."
_LONGEST_QUERY = 200


class ThresholdCheck:
    """Out of bounds for so long: Fail; in bounds for so long: Pass. The worst element of the
    answer decides, and what cannot be read starts both times anew."""

    def __init__(self, settings: Threshold) -> None:
        self._settings = settings
        self._query = ExpressionQuery(settings.query)
        self._held = seconds(settings.for_)

    def queries(self) -> tuple[ExpressionQuery, ...]:
        return (self._query,)

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        answer = look.values[self._query]
        unknown = state.replace(breached_since=None, in_bounds_since=None)
        query = self._settings.query
        shown = query if len(query) <= _LONGEST_QUERY else f"{query[:_LONGEST_QUERY]}..."
        if isinstance(answer, QueryError):
            return Finding("Error", answer.message, unknown)
        if not answer:
            message = f"{shown} has no value: does anything export it for these pods?"
            return Finding("NoData", message, unknown)
        if odd := next((s for s in answer if not math.isfinite(_value(s))), None):
            return Finding(
                "Error", f"{shown} is {_value(odd)}{_of(odd)}, which is no number.", unknown
            )
        worst = max(answer, key=lambda series: self._excess(_value(series)))
        value = f"{shown} is {_value(worst):.4g}{_of(worst)}"
        return self._held_or_not(state, look.at, self._excess(_value(worst)) > 0, value)

    def learn(self, _: Sequence[Look]) -> CheckBaseline:
        """It compares nothing with stable."""
        return NO_HISTORY

    def _held_or_not(self, state: CheckState, at: float, breached: bool, value: str) -> Finding:
        # not later than now, or a clock that was set back would keep it from deciding
        since = min((state.breached_since if breached else state.in_bounds_since) or at, at)
        state = state.replace(
            breached_since=since if breached else None, in_bounds_since=None if breached else since
        )
        value += f", {'out of' if breached else 'within'} bounds ({self._bounds()})"
        if at - since < self._held:
            message = f"{value} for {spoken(at - since)} of {self._settings.for_}."
            return Finding("Inconclusive", message, state)
        message = f"{value} for {spoken(at - since)}. {_NO_GUARANTEE}"
        return Finding("Fail" if breached else "Pass", message, state)

    def _excess(self, value: float) -> float:
        """How far out of bounds; negative within."""
        low, high = self._settings.min, self._settings.max
        below = -math.inf if low is None else low - value
        above = -math.inf if high is None else value - high
        return max(below, above)

    def _bounds(self) -> str:
        bounds = (("min", self._settings.min), ("max", self._settings.max))
        return ", ".join(f"{name} {bound:g}" for name, bound in bounds if bound is not None)


def _value(series: Series) -> float:
    return series.samples[-1][1]


def _of(series: Series) -> str:
    """Which element of the answer."""
    labels = ", ".join(f"{name}={value}" for name, value in sorted(series.labels.items()))
    return f" for {labels[:200]}" if labels else ""
