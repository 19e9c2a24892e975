"""What a rollout wants measured, as queries; and a measurement, from their results.

Prometheus, a recording and a simulation answer the same queries, each in its own way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    History,
    Measurement,
    Query,
    QueryResult,
)

LOOKBACK: Final = 60.0
"""Seconds read beyond the last sample counted, to find the sample that a difference starts at."""
LONGEST_WINDOW: Final = 3600.0
CLOCK_SET_BACK: Final = 600.0
"""Seconds read where the clock cannot tell how long ago something was last counted."""
HISTORY: Final = 3600.0
"""Seconds of stable's history that are read."""
HISTORY_STEP: Final = 60.0
"""Seconds between the samples of a history."""

Results = Mapping[ArmQuery, QueryResult]


class Source(Protocol):
    """What answers queries as they would have been answered at some moment."""

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """A result for each query, as read at Unix seconds `now`; failures are results too."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a running analysis wants measured."""

    interval: float
    """Seconds."""
    queries: tuple[Query, ...]
    candidate: Arm
    stable: Arm
    covered_until: float
    """Unix seconds of the oldest sample from which a difference is still to be taken."""
    warm_up: float = 0.0
    """Seconds before it that pods are looked at as well."""

    @property
    def subject(self) -> tuple[object, ...]:
        """What is measured: a measurement of anything else is of no use."""
        return self.queries, self.candidate, self.stable

    def window(self, now: float) -> float:
        """Seconds back from now that samples are needed.

        Samples newer than now tell of a clock that was set back: how long ago they were taken is
        not known then, and Prometheus, which has a clock of its own, is asked for more.
        """
        age = now - self.covered_until
        if age < -LOOKBACK:
            age = CLOCK_SET_BACK
        return min(age + self.warm_up + LOOKBACK, LONGEST_WINDOW)

    def arm_queries(self, now: float) -> list[ArmQuery]:
        """Counters of both arms over the window needed now; expressions are the candidate's."""
        window = self.window(now)
        return [
            ArmQuery(arm, query, window)
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
            # a query reaches back from when it is answered
            read_from=now + late - self.window(now),
        )

    def read(self, source: Source, now: float) -> Measurement:
        """What there was to be measured at Unix seconds `now`."""
        return self.measurement(source.read(self.arm_queries(now), now), now)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """What a rollout wants to know of stable before it begins."""

    interval: float
    """Seconds until it is asked again, should it not be readable."""
    queries: tuple[CounterQuery, ...]
    stable: Arm

    @property
    def subject(self) -> tuple[object, ...]:
        """As with a `Request`."""
        return self.queries, self.stable

    def arm_queries(self, _now: float) -> list[ArmQuery]:
        """Stable's last hour, a sample a minute."""
        return [ArmQuery(self.stable, query, HISTORY, HISTORY_STEP) for query in self.queries]

    def measurement(self, results: Results, now: float, _late: float = 0.0) -> History:
        """From the results of `arm_queries(now)`."""
        of_stable = _of_arm(self.stable, results)
        return History(now, {query: of_stable[query] for query in self.queries})

    def read(self, source: Source, now: float) -> History:
        """What there was to be read at Unix seconds `now`."""
        return self.measurement(source.read(self.arm_queries(now), now), now)


AnyRequest = Request | HistoryRequest
"""What is to be read for a rollout."""


def _of_arm(arm: Arm, results: Results) -> dict[Query, QueryResult]:
    return {one.query: result for one, result in results.items() if one.arm == arm}
