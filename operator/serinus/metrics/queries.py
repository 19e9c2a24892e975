"""Queries about the pods of one revision, and their results."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from serinus.api.checks import Backend, LabelMatcher
from serinus.api.isolation import Fault
from serinus.metrics.samples import Sample

BACKEND: Final = "__backend__"
"""A label that we add to the series of a gateway: the Service that they are about."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a comparison: the pods of one revision, or the Service that leads to them."""

    namespace: str
    workload: str
    """Name of what runs them; they are named after it, and so is the Service."""


@dataclass(frozen=True, slots=True)
class CounterQuery:
    """Raw samples of a counter, of all series that match."""

    metric: str
    matchers: tuple[LabelMatcher, ...] = ()
    part: bool = False
    """Whether it is a part of another counter of the same scrape (errors of requests). Parts are
    read after the wholes, so that each sample of the whole has its part."""
    native: bool = False
    """Whether to read native histograms, as series of classic ones: counts up to each bound,
    `le`."""
    buckets: bool = False
    """Whether its series are the buckets of a classic histogram, each with its bound, `le`."""
    beside: str | None = None
    """A second counter with the same matchers. The series of both are read together and summed; one
    of them is enough (successes and failures of requests)."""
    backend: Backend | None = None
    """How the series of a gateway name an arm; None: they are those of its pods."""

    def __hash__(self) -> int:
        """Without the matchers, since it is asked for hundreds of times per look."""
        return hash((self.metric, self.part))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of its series."""
        return (self.metric, self.beside) if self.beside else (self.metric,)

    def part_of(self, other: "Query") -> bool:
        """Whether its series are among those of the other."""
        return (
            isinstance(other, CounterQuery)
            and self.metric in other.metrics
            and self.backend == other.backend
            and all(matcher in self.matchers for matcher in other.matchers)
        )


@dataclass(frozen=True, slots=True)
class ExpressionQuery:
    """The present value of a user's PromQL expression, in which $arm and $namespace stand for the
    candidate's pods and the namespace."""

    expression: str


Query = CounterQuery | ExpressionQuery

Tenant = tuple[str, bool, bool]
"""A namespace, whether its expressions or its counters are meant, and whether those that are
waited for."""


@dataclass(frozen=True, slots=True)
class ArmQuery:
    """A query about one arm."""

    arm: Arm
    query: Query
    window: float
    """Minimum window of counters in seconds; not used by an expression."""
    every: float | None = None
    """Seconds between the samples, each as known at that time; None: all raw samples."""
    spare: bool = False
    """Whether the other results do not wait for this one, because it decides nothing."""

    @property
    def tenant(self) -> Tenant:
        """The tenant."""
        return self.arm.namespace, isinstance(self.query, ExpressionQuery), self.spare


@dataclass(frozen=True, slots=True)
class Series:
    """Raw samples of one series, oldest first."""

    labels: Mapping[str, str]
    samples: Sequence[Sample]

    @property
    def pod(self) -> str:
        """The pod that was scraped."""
        return self.labels.get("pod", "")

    @property
    def target(self) -> str:
        """The scrape target: pod and address; counts are kept separately for each, and for each
        Service that a gateway counts for."""
        own = f"{self.labels.get('pod', '')}@{self.labels.get('instance', '')}"
        return f"{self.labels[BACKEND]}@{own}" if BACKEND in self.labels else own


@dataclass(frozen=True, slots=True)
class QueryError:
    """Prometheus did not answer, or not with numbers; the message names the cause."""

    message: str
    fault: Fault | None = None
    """Set if our own code raised while it asked, or read the answer."""
    exported: bool = False
    """Whether it answered, and what the pods export cannot be counted."""


QueryResult = tuple[Series, ...] | QueryError
"""For counters: all series of the arm in the window. For an expression: a series per element of the
vector, each with one sample. Empty: Prometheus answered without series."""


@dataclass(frozen=True, slots=True)
class History:
    """Stable's samples of the last hour, a minute apart."""

    at: float
    """Time of the read, Unix seconds."""
    stable: Mapping[CounterQuery, QueryResult]

    @property
    def faults(self) -> Iterator[Fault]:
        """What our own code raised while it read this."""
        return _faults(self.stable.values())

    @property
    def series(self) -> int:
        """The number of series in it, each as long to judge as a hundred of a look: it has as many
        samples as ten, of which a rollout is foretold."""
        return 100 * _series(self.stable.values())


def _faults(answers: Iterable[QueryResult]) -> Iterator[Fault]:
    return (each.fault for each in answers if isinstance(each, QueryError) and each.fault)


def _series(answers: Iterable[QueryResult]) -> int:
    return sum(len(each) for each in answers if not isinstance(each, QueryError))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Results of all queries of one analysis, read at the same time."""

    at: float
    """Unix seconds."""
    candidate: Mapping[Query, QueryResult]
    stable: Mapping[Query, QueryResult] = field(default_factory=dict)
    read_from: float = field(default=math.inf, kw_only=True)
    """Unix seconds from which all samples of counters were read; infinity: unknown."""

    @property
    def faults(self) -> Iterator[Fault]:
        """What our own code raised while it read this."""
        return _faults((*self.candidate.values(), *self.stable.values()))

    @property
    def series(self) -> int:
        """The number of series in it."""
        return _series((*self.candidate.values(), *self.stable.values()))

    @property
    def newest(self) -> float | None:
        """Time of the newest sample of any counter, Unix seconds; None: there is none."""
        ends = (
            series.samples[-1][0]
            for arm in (self.candidate, self.stable)
            for query, answer in arm.items()
            if isinstance(query, CounterQuery) and not isinstance(answer, QueryError)
            for series in answer
            if series.samples
        )
        return max(ends, default=None)

    @property
    def scraped_every(self) -> float | None:
        """Seconds between the last two samples of most counters; None: none has two."""
        gaps = sorted(
            series.samples[-1][0] - series.samples[-2][0]
            for arm in (self.candidate, self.stable)
            for query, answer in arm.items()
            if isinstance(query, CounterQuery) and not isinstance(answer, QueryError)
            for series in answer
            if len(series.samples) > 1
        )
        return gaps[len(gaps) // 2] if gaps else None
