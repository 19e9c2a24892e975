"""From questions to as few queries as can answer them, and whose question each answers."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api import promql
from serinus.judge.questions import Arm, Counters, Question, Unreadable, Value

MAX_TEXT: Final = 64 * 1024
"""Characters of a query's list of namespaces and workloads; one more, and it is two queries."""

MAX_WORKLOAD: Final = 46
"""Characters of a Deployment's name. Kubernetes cuts a pod's name to 63: a longer one loses the
end of its replica set's hash, and then the pod can no longer be told from others."""

_REPLICA_SET_AND_SUFFIX: Final = "-[a-z0-9]+-[a-z0-9]{5}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about an arm."""

    arm: Arm
    question: Question
    window: float
    """Seconds back from now that Counters samples are read, at least; no matter to a Value."""
    every: float | None = None
    """Seconds between the samples, each as it was known then; None: all that there are."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is sent, and which questions its answer answers."""

    text: str
    asked: tuple[Asked, ...]
    part: bool = False
    """Sent once all others are answered."""

    @property
    def native(self) -> bool:
        """Whether native histograms are asked for."""
        question = self.asked[0].question
        return isinstance(question, Counters) and question.native

    def find(self, labels: Mapping[str, str]) -> Arm:
        """The arm that a series belongs to, by its namespace and pod."""
        workload = labels.get("pod", "").rsplit("-", 2)[0]
        return Arm(labels.get("namespace", ""), workload)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send for a batch, and what is answered without asking."""

    queries: tuple[Query, ...]
    refused: dict[Asked, Unreadable]


def plan(batch: Iterable[Asked], late: float) -> Plan:
    """One query for each counter, whatever the number of arms; one for each rendered Value.

    Windows of a like reach share a query, which has the longest of them: else one rollout that
    looks an hour back, having found nothing since, would make all others read an hour.
    `late` is how many seconds a part may be read after its whole: its window reaches back so
    much further, so that the oldest sample of the whole has its part too.
    """
    counters: dict[tuple[Counters, int, float | None], list[Asked]] = defaultdict(list)
    values: dict[str, list[Asked]] = defaultdict(list)
    refused = {}
    for asked in dict.fromkeys(batch):
        question = asked.question
        try:
            if isinstance(question, Value):
                values[_value(asked.arm, question)].append(asked)
            else:
                _check(asked.arm)
                counters[question, _reach(asked.window), asked.every].append(asked)
        except ValueError as error:
            refused[asked] = Unreadable(f"The query was not run: {error}.")
    queries = [Query(text, tuple(asked)) for text, asked in values.items()]
    for (question, _, _), together in counters.items():
        queries += _counter_queries(question, together, late if question.part else 0.0)
    return Plan(tuple(queries), refused)


def halves(query: Query, late: float) -> tuple[Query, ...]:
    """The same questions in two queries; none if there is nothing to divide."""
    arms = list(dict.fromkeys(asked.arm for asked in query.asked))
    if len(arms) < 2 or isinstance(query.asked[0].question, Value):
        return ()
    first = set(arms[: len(arms) // 2])
    batches = [[a for a in query.asked if (a.arm in first) is chosen] for chosen in (True, False)]
    return tuple(half for batch in batches for half in plan(batch, late).queries)


def pods(workload: str) -> str:
    """A regular expression (RE2) of the names of a Deployment's pods."""
    return _literal(workload) + _REPLICA_SET_AND_SUFFIX


def _reach(window: float) -> int:
    """Up to 30 s, 2, 8, 32 minutes and so on: 0, 1, 2, 3."""
    return math.ceil(max(math.log(max(window, 1.0) / 30, 4), 0))


def _value(arm: Arm, question: Value) -> str:
    _check(arm)
    return promql.render(question.query, arm.namespace, pods(arm.workload))


def _check(arm: Arm) -> None:
    if len(arm.workload) > MAX_WORKLOAD:
        raise ValueError(
            f"the pods of {arm.workload} cannot be told apart by name, since the Deployment's "
            f"name is longer than {MAX_WORKLOAD} characters; shorten it"
        )


def _counter_queries(question: Counters, asked: list[Asked], late: float) -> Iterator[Query]:
    window = max(math.ceil(max(one.window for one in asked) + late), 1)
    step = f":{asked[0].every:g}s" if asked[0].every else ""
    by_arm: dict[Arm, list[Asked]] = defaultdict(list)
    for one in asked:
        by_arm[one.arm].append(one)
    for arms in _chunks(sorted(by_arm, key=lambda arm: (arm.namespace, arm.workload))):
        text = f"{selector(question, arms)}[{window}s{step}]"
        yield Query(text, tuple(one for arm in arms for one in by_arm[arm]), question.part)


def _chunks(arms: list[Arm]) -> Iterator[list[Arm]]:
    chunk: list[Arm] = []
    size = 0
    for arm in arms:
        cost = len(_literal(arm.namespace)) + len(_literal(arm.workload)) + 2
        if chunk and size + cost > MAX_TEXT:
            yield chunk
            chunk, size = [], 0
        chunk.append(arm)
        size += cost
    yield chunk


def selector(question: Counters, arms: list[Arm]) -> str:
    """The series of all arms; also those of a workload of one arm in the namespace of another."""
    namespaces = _any_of({arm.namespace for arm in arms})
    workloads = _any_of({arm.workload for arm in arms})
    names = question.metrics
    metric = names[0] if len(names) == 1 else ""
    conditions = [] if metric else [f'__name__=~"{"|".join(names)}"']
    conditions += [f"{m.label}{m.operator}{promql.quoted(m.value)}" for m in question.matchers]
    conditions += [
        f"namespace=~{promql.quoted(namespaces)}",
        f"pod=~{promql.quoted(f'(?:{workloads}){_REPLICA_SET_AND_SUFFIX}')}",
    ]
    return f"{metric}{{{','.join(conditions)}}}"


def _any_of(names: set[str]) -> str:
    return "|".join(_literal(name) for name in sorted(names))


def _literal(name: str) -> str:
    """The name as a regular expression; a dash needs no escape outside of brackets."""
    return re.escape(name).replace(r"\-", "-")
