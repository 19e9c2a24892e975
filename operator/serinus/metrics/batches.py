"""Combines queries about one arm each into as few as possible, and assigns the results."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api.checks import Backend
from serinus.metrics.labelling import USUAL, Labelling, condition
from serinus.metrics.pod_names import MAX_WORKLOAD, literal, pods_of, workload_of
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, ExpressionQuery, QueryError, Tenant

MAX_TEXT: Final = 64 * 1024
"""Maximum length of a query's list of namespaces and workloads; longer lists are split into two
queries."""

MOST_SERIES: Final = 20_000
"""Series of one arm that a query may return: some 50 pods with 20 features in 20 buckets each. To
judge more takes longer than a look may."""


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """A query to send, and the queries that it answers."""

    text: str
    asked: tuple[ArmQuery, ...]
    then: tuple[ArmQuery, ...] = ()
    """Parts of this query; sent once it is answered."""

    @property
    def limit(self) -> int:
        """Series to ask for: one more than all of its arms may have."""
        return MOST_SERIES * len({asked.arm for asked in self.asked}) + 1

    @property
    def native(self) -> bool:
        """Whether native histograms are requested."""
        query = self.asked[0].query
        return isinstance(query, CounterQuery) and query.native

    @property
    def backend(self) -> Backend | None:
        """How its series name an arm, if they are a gateway's."""
        query = self.asked[0].query if self.asked else None
        return query.backend if isinstance(query, CounterQuery) else None

    @property
    def tenants(self) -> frozenset[Tenant]:
        """The tenant."""
        return frozenset(asked.tenant for asked in self.asked)

    @property
    def is_value(self) -> bool:
        """Whether it is a user's expression."""
        return isinstance(self.asked[0].query, ExpressionQuery)

    @property
    def spare(self) -> bool:
        """Whether it is not waited for."""
        return self.asked[0].spare

    @property
    def everything(self) -> tuple[ArmQuery, ...]:
        """All queries that it answers, including its parts."""
        return self.asked + self.then

    def find(self, labels: Mapping[str, str]) -> Arm:
        """The arm of a series, by its namespace and pod, or by the Service that it names."""
        if self.backend is not None:
            return Arm(*(self.backend.of(labels) or ("", "")))
        return Arm(labels.get("namespace", ""), workload_of(labels.get("pod", "")))


@dataclass(frozen=True, slots=True)
class QueryBatch:
    """What to send for a batch, and what is answered without a query."""

    queries: tuple[BatchQuery, ...]
    refused: dict[ArmQuery, QueryError]


_Key = tuple[CounterQuery, int, float | None, bool]
"""Key of counters that may share a query: metric, reach, spacing, and whether it is waited for."""


def plan(batch: Iterable[ArmQuery], late: float, labelling: Labelling = USUAL) -> QueryBatch:
    """One query for each counter, for any number of arms; one for each rendered expression.

    Windows of similar length share a query, which has the longest of them: otherwise one rollout
    that reads an hour would make all others read an hour. `late` is how many seconds later than its
    whole a part may be read: its window is longer by as much, so that the oldest sample of the
    whole has its part.
    """
    counters: dict[_Key, list[ArmQuery]] = defaultdict(list)
    parts: dict[_Key, list[ArmQuery]] = defaultdict(list)
    values: dict[tuple[str, bool], list[ArmQuery]] = defaultdict(list)
    refused = {}
    asked_for = list(dict.fromkeys(batch))
    wholes = _wholes(asked_for)
    for asked in asked_for:
        query = asked.query
        try:
            _check(asked.arm)
            if isinstance(query, ExpressionQuery):
                text = labelling.rendered(query.expression, asked.arm)
                values[text, asked.spare].append(asked)
            elif whole := _whole(asked, query, wholes):
                parts[_key(whole)].append(asked)
            else:
                counters[_key(asked)].append(asked)
        except ValueError as error:
            refused[asked] = QueryError(f"The query was not run: {error}.")
    queries = [BatchQuery(text, tuple(asked)) for (text, _), asked in values.items()]
    for key, together in counters.items():
        queries += _counter_queries(key[0], together, parts[key], late, labelling)
    return QueryBatch(tuple(queries), refused)


def halves(query: BatchQuery, late: float, labelling: Labelling = USUAL) -> tuple[BatchQuery, ...]:
    """The query split in two; empty if it cannot be split."""
    arms = list(dict.fromkeys(asked.arm for asked in query.asked))
    if len(arms) < 2 or query.is_value:
        return ()
    first = set(arms[: len(arms) // 2])
    batches = [
        [a for a in query.everything if (a.arm in first) is chosen] for chosen in (True, False)
    ]
    return tuple(half for batch in batches for half in plan(batch, late, labelling).queries)


def _wholes(batch: Iterable[ArmQuery]) -> Mapping[tuple[Arm, float, float | None], list[ArmQuery]]:
    found = defaultdict(list)
    for asked in batch:
        if isinstance(asked.query, CounterQuery) and not asked.query.part:
            found[asked.arm, asked.window, asked.every].append(asked)
    return found


def _whole(
    asked: ArmQuery,
    query: CounterQuery,
    wholes: Mapping[tuple[Arm, float, float | None], list[ArmQuery]],
) -> ArmQuery | None:
    """The whole of a part, if it is in the batch; what is waited for follows no spare one."""
    if not query.part:
        return None
    beside = wholes.get((asked.arm, asked.window, asked.every), ())
    found = (one for one in beside if query.part_of(one.query) and one.spare <= asked.spare)
    return next(found, None)


def _key(asked: ArmQuery) -> _Key:
    assert isinstance(asked.query, CounterQuery)
    return asked.query, _reach(asked.window), asked.every, asked.spare


def _reach(window: float) -> int:
    """Up to 30 s, 2, 8, 32 minutes and so on: 0, 1, 2, 3."""
    return math.ceil(max(math.log(max(window, 1.0) / 30, 4), 0))


def _check(arm: Arm) -> None:
    if len(arm.workload) > MAX_WORKLOAD:
        raise ValueError(
            f"the pods of {arm.workload} cannot be distinguished by name, because this "
            f"name is longer than {MAX_WORKLOAD} characters: shorten it"
        )


def _counter_queries(
    query: CounterQuery,
    asked: list[ArmQuery],
    parts: list[ArmQuery],
    late: float,
    labelling: Labelling,
) -> Iterator[BatchQuery]:
    reach_back = late if query.part else 0.0
    window = max(math.ceil(max(one.window for one in asked) + reach_back), 1)
    step = f":{asked[0].every:g}s" if asked[0].every else ""
    by_arm: dict[Arm, list[ArmQuery]] = defaultdict(list)
    then: dict[Arm, list[ArmQuery]] = defaultdict(list)
    for one in asked:
        by_arm[one.arm].append(one)
    for one in parts:
        then[one.arm].append(one)
    for arms in _chunks(sorted(by_arm, key=lambda arm: (arm.namespace, arm.workload))):
        text = f"{selector(query, arms, labelling)}[{window}s{step}]"
        yield BatchQuery(
            text,
            tuple(one for arm in arms for one in by_arm[arm]),
            tuple(one for arm in arms for one in then[arm]),
        )


def _chunks(arms: list[Arm]) -> Iterator[list[Arm]]:
    chunk: list[Arm] = []
    size = 0
    for arm in arms:
        cost = len(literal(arm.namespace)) + len(literal(arm.workload)) + 2
        if chunk and size + cost > MAX_TEXT:
            yield chunk
            chunk, size = [], 0
        chunk.append(arm)
        size += cost
    yield chunk


def selector(query: CounterQuery, arms: list[Arm], labelling: Labelling = USUAL) -> str:
    """The series of all arms; also those of a workload of one arm in the namespace of another."""
    namespaces = _any_of({arm.namespace for arm in arms})
    workloads = _any_of({arm.workload for arm in arms})
    names = query.metrics
    metric = names[0] if len(names) == 1 else ""
    conditions = [] if metric else [f'__name__=~"{"|".join(names)}"']
    conditions += [condition(each) for each in query.matchers]
    if query.backend is None:
        conditions += labelling.of_namespaces(namespaces)
        conditions += [labelling.of_pods(pods_of(f"(?:{workloads})"))]
    else:
        conditions += labelling.of_backends(query.backend, namespaces, workloads)
    return f"{metric}{{{','.join(conditions)}}}"


def _any_of(names: set[str]) -> str:
    return "|".join(literal(name) for name in sorted(names))
