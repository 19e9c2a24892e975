"""How long stable's pods that started in its last hour were slow, or failed."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final

from serinus.api.baseline import CheckBaseline
from serinus.api.checks import Check
from serinus.api.status import CheckState
from serinus.judge.checks import kind_of
from serinus.judge.evidence.dispersion import Counts
from serinus.judge.evidence.history import minute, present, times
from serinus.judge.evidence.look import HasStarts
from serinus.judge.evidence.starts import GROSS, GROSS_IF_KNOWN, LONGEST
from serinus.metrics.queries import CounterQuery, QueryResult
from serinus.metrics.requests import HISTORY_STEP

ENOUGH: Final = 50.0
"""Requests of a minute of all pods that started, by which it is known how they answered."""


def warm_up(
    check: Check, found: CheckBaseline, history: Mapping[CounterQuery, QueryResult]
) -> float | None:
    """Seconds from their first request on in which such pods were bad, in whole minutes; None: that
    was not seen, since none has started, too few requests were counted of them, or they were well
    at once or never."""
    kind = kind_of(check)
    if not check.settings.waits_for_starts or not isinstance(kind, HasStarts):
        return None
    by_age: dict[int, list[Counts]] = defaultdict(list)
    for age, counts in _of_new_pods(kind, found, history):
        by_age[age].append(counts)
    for age in range(int(LONGEST / HISTORY_STEP) + 1):
        requests, bad = map(math.fsum, zip(*by_age[age], strict=True)) if by_age[age] else (0.0, 0)
        if requests < ENOUGH:
            return None
        if bad < max(GROSS_IF_KNOWN * requests, GROSS * ENOUGH):
            return HISTORY_STEP * age or None
    return None


def _of_new_pods(
    kind: HasStarts, found: CheckBaseline, history: Mapping[CounterQuery, QueryResult]
) -> Iterator[tuple[int, Counts]]:
    """What each counted in each minute, by minutes since its first request."""
    moments = times(history)
    old = present(history, moments[0]) if moments else set()
    if not moments or old >= present(history, *moments[1:]):
        return
    began: dict[str, int] = {}
    for number, span in enumerate(pairwise(moments)):
        look = replace(minute(history, *span), baseline=found)
        served = kind.served_by_pod(CheckState(), look)
        for target, counts in served.counted.items():
            if target not in old and (counts[0] or target in began):
                began.setdefault(target, number)
                yield number - began[target], counts
