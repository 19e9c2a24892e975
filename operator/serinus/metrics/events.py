"""Bad events among a whole: which counters show them, and how many there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from serinus.api.checks import Backend, Counter, LabelMatcher
from serinus.metrics.queries import CounterQuery


@dataclass(frozen=True, slots=True)
class EventQueries:
    """Labels show which are events: among the whole, or in a counter of their own, and the whole is
    then the sum of both counters. Or successes are counted, and all others are events."""

    whole: CounterQuery
    outcome: CounterQuery
    rest: bool
    """Whether it counts successes."""

    @classmethod
    def of(
        cls,
        whole: Counter,
        events: Sequence[LabelMatcher],
        beside: str | None = None,
        successes: str | None = None,
        backend: Backend | None = None,
    ) -> Self:
        """From settings."""
        matchers = tuple(whole.matchers)
        outcome = (
            CounterQuery(successes, matchers, backend=backend)
            if successes is not None
            else CounterQuery(
                beside or whole.metric, (*matchers, *events), part=True, backend=backend
            )
        )
        return cls(
            CounterQuery(whole.metric, matchers, beside=beside, backend=backend),
            outcome,
            successes is not None,
        )


def unsuccessful(unanswered: float, whole: float, successes: float) -> tuple[float, float]:
    """What a block adds to the events where successes are counted, and what is unanswered then.

    A request that is under way when its pod is scraped has not succeeded yet. So those are events
    that were unanswered at the look before, and still are.
    """
    now = unanswered + whole - successes
    events = max(min(unanswered, now, whole), 0.0)
    return events, now - events
