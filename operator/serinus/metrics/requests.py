"""The queries of a rollout, and measurements from their results.

Prometheus, a recording and a simulation answer the same queries, each in its own way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from serinus.api.isolation import Fault
from serinus.metrics.batches import MOST_SERIES
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    History,
    Measurement,
    Query,
    QueryError,
    QueryResult,
)

OVERLAP: Final = 60.0
"""Seconds read before the last counted sample, to find the sample from which a difference
starts."""
LONGEST_WINDOW: Final = 3600.0
CLOCK_SET_BACK: Final = 600.0
"""Seconds read if the clock does not show how long ago samples were last counted."""
HISTORY: Final = 3600.0
"""Seconds of stable's history that are read."""
HISTORY_STEP: Final = 60.0
"""Seconds between the samples of a history."""

MOST_SERIES_TOGETHER: Final = 2 * MOST_SERIES
"""Series of one arm that all queries of a measurement may return."""

Results = Mapping[ArmQuery, QueryResult]


class Source(Protocol):
    """Answers queries as they would have been answered at some time."""

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """A result for each query, as read at Unix seconds `now`; failures are results too."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a running analysis measures."""

    interval: float
    """Seconds."""
    queries: tuple[Query, ...]
    candidate: Arm
    stable: Arm
    covered_until: float
    """Time of the oldest sample from which a difference is computed, Unix seconds."""
    warm_up: float = 0.0
    """Seconds before it for which pods are also checked."""
    spare: frozenset[Query] = frozenset()
    """The queries whose results are not waited for."""

    @property
    def subject(self) -> tuple[object, ...]:
        """Identifies what is measured: measurements of anything else are dropped."""
        return self.queries, self.candidate, self.stable

    def window(self, now: float) -> float:
        """Seconds before now for which samples are needed.

        Samples newer than now mean that the clock was set back: their age is unknown then, and more
        is read from Prometheus, which has its own clock.
        """
        age = now - self.covered_until
        if age < -OVERLAP:
            age = CLOCK_SET_BACK
        return min(age + self.warm_up + OVERLAP, LONGEST_WINDOW)

    def arm_queries(self, now: float) -> list[ArmQuery]:
        """Counters of both arms over the required window; expressions are those of the
        candidate."""
        window = self.window(now)
        return [
            ArmQuery(arm, query, window, spare=query in self.spare)
            for query in self.queries
            for arm in (self.candidate, self.stable)
            if arm == self.candidate or not isinstance(query, ExpressionQuery)
        ]

    def measurement(self, results: Results, now: float, late: float = 0.0) -> Measurement:
        """From the results of `arm_queries(now)`, which were read up to `late` seconds later."""
        return Measurement(
            now,
            _of_arm(self.candidate, results),
            _of_arm(self.stable, results),
            # a query reaches back from the time of its answer
            read_from=now + late - self.window(now),
        )

    def unreadable(self, fault: Fault, now: float) -> Measurement:
        """The measurement if our own code raised while it was read."""
        nothing = dict.fromkeys(self.queries, QueryError(f"{fault.message}.", fault))
        return Measurement(now, nothing, nothing)

    def read(self, source: Source, now: float) -> Measurement:
        """The measurement at Unix seconds `now`."""
        return self.measurement(source.read(self.arm_queries(now), now), now)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """What a rollout reads of stable before it begins."""

    interval: float
    """Seconds until the next try if it cannot be read."""
    queries: tuple[CounterQuery, ...]
    stable: Arm
    spare: frozenset[CounterQuery] = frozenset()
    """As in a `Request`."""

    @property
    def subject(self) -> tuple[object, ...]:
        """As with a `Request`."""
        return self.queries, self.stable

    def arm_queries(self, _now: float) -> list[ArmQuery]:
        """Stable's last hour, a sample a minute."""
        return [
            ArmQuery(self.stable, query, HISTORY, HISTORY_STEP, spare=query in self.spare)
            for query in self.queries
        ]

    def measurement(self, results: Results, now: float, _late: float = 0.0) -> History:
        """From the results of `arm_queries(now)`."""
        of_stable = _of_arm(self.stable, results)
        return History(now, {query: of_stable[query] for query in self.queries})

    def unreadable(self, fault: Fault, now: float) -> History:
        """As with a `Request`."""
        return History(now, dict.fromkeys(self.queries, QueryError(f"{fault.message}.", fault)))

    def read(self, source: Source, now: float) -> History:
        """The history at Unix seconds `now`."""
        return self.measurement(source.read(self.arm_queries(now), now), now)


AnyRequest = Request | HistoryRequest
"""What to read for a rollout."""


def _of_arm(arm: Arm, results: Results) -> dict[Query, QueryResult]:
    """Its results; without the largest ones if all together are too much to judge."""
    found = {one.query: result for one, result in results.items() if one.arm == arm}
    sizes = {query: len(a) for query, a in found.items() if not isinstance(a, QueryError)}
    while sum(sizes.values()) > MOST_SERIES_TOGETHER:
        largest = max(sizes, key=lambda query: sizes[query])
        found[largest] = QueryError(
            f"The checks read {sum(sizes.values()):,} series for the pods of one revision, more "
            f"than {MOST_SERIES_TOGETHER:,}; most are of this query, {sizes.pop(largest):,}: "
            "narrow it with matchers, or export labels with fewer values.",
            exported=True,
        )
    return found
