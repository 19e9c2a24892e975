"""Samples that prove nothing: counters that do not increase in an arm that should get traffic, and
ready pods without samples. Neither means zero, and no verdict rests on them."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from serinus.judge.evidence.look import ENOUGH_EXPECTED, ArmName, Look
from serinus.judge.findings.absence import PodsUnreported, StandsStill
from serinus.metrics.counters import LATE_WITHIN
from serinus.metrics.queries import CounterQuery, Query, QueryError, QueryResult

REPORT_WITHIN: Final = 120.0
"""Seconds within which a pod that became ready is scraped, and the end of one is known."""


def alone(known: float, queries: Iterable[CounterQuery], look: Look) -> float:
    """What one arm has counted since the other last counted any: stable's if positive, candidate's
    if negative. Of several counters the greatest counts."""
    wholes = [look.growth(query) for query in queries if not query.part]
    candidate, stable = (max((arms[arm].events for arms in wholes), default=0.0) for arm in (0, 1))
    if candidate and stable:
        return 0.0
    if not (candidate or stable) or any(growth.waits for arms in wholes for growth in arms):
        return known
    if stable:
        return max(known, 0.0) + stable
    return min(known, 0.0) - candidate


def frozen(counted_alone: float, look: Look, *, stable_matters: bool = True) -> StandsStill | None:
    """Which arm counts nothing although the other one serves its share of the traffic."""
    if look.weight is None or not 0 < look.weight.share < 1:
        return None
    still: ArmName = "stable" if counted_alone < 0 else "candidate"
    other: ArmName = "candidate" if counted_alone < 0 else "stable"
    expected = look.weight.expected(still, abs(counted_alone))
    if expected < ENOUGH_EXPECTED or (still == "stable" and not stable_matters):
        return None
    return StandsStill(still, other, abs(counted_alone), expected)


def unreported(
    arms: tuple[Mapping[Query, QueryResult], Mapping[Query, QueryResult]], ready: tuple[int, int]
) -> PodsUnreported | None:
    """Which arm has ready pods without samples. Samples older than LATE_WITHIN seconds before the
    newest do not count."""
    seen = [_newest_by_pod(arm) for arm in arms]
    newest = max((at for pods in seen for at in pods.values()), default=-math.inf)
    for name, pods, wanted in zip(("candidate", "stable"), seen, ready, strict=True):
        fresh = sorted(pod for pod, at in pods.items() if at > newest - LATE_WITHIN)
        if fresh and len(fresh) < wanted:
            return PodsUnreported(name, tuple(fresh), wanted, REPORT_WITHIN)
    return None


def _newest_by_pod(arm: Mapping[Query, QueryResult]) -> dict[str, float]:
    newest: dict[str, float] = {}
    for query, answer in arm.items():
        if not isinstance(query, CounterQuery) or query.backend is not None:
            continue  # a gateway has a pod for no revision
        if not isinstance(answer, QueryError):
            for series in answer:
                if series.samples:
                    at = series.samples[-1][0]
                    newest[series.pod] = max(newest.get(series.pod, at), at)
    return newest
